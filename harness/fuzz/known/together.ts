import type { Action } from '../../case/case.js';
import { commandsOf, reopenedBy } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { endsUnderBitmap, endsUnderCopy } from './job/ending.js';
import { QEMU, QEMU_7, QEMU_10 } from './programs.js';
import type { Trigger } from './trigger.js';

export const STARTS_JOB = /^(blockdev-(backup|mirror)|block-(commit|stream)|drive-(backup|mirror))$/;

/** An action changes a bitmap that a backup of the same transaction, after it, exchanges for another one even if it fails. */
function exchangesBitmapOf(changes: RegExp): NonNullable<Trigger['refused']> {
  return (_, action) => {
    if (action.verb !== 'qmp' || action.command !== 'transaction') return false;
    const changed = new Set<unknown>();
    for (const { name, args } of commandsOf(action)) {
      if (args['bitmap-mode'] === 'always' && changed.has(args.bitmap)) return true;
      if (changes.test(name)) changed.add(args.target ?? args.name);
    }
    return false;
  };
}

/** Whether a node is reopened over another one, and what it had goes, for nobody else has it, with a bitmap that is in use. */
function reopensOverBitmap({ machine: { graph } }: ModelRun, action: Action): boolean {
  return reopenedBy(action).some((one) => {
    const children = graph.find(String(one['node-name']))?.children ?? [];
    return children.some(
      ({ child }) =>
        !child.monitorOwned && child.bitmaps.some(({ busy, successor }) => busy && successor === null),
    );
  });
}

export const TOGETHER: readonly Trigger[] = [
  {
    name: 'transaction that fails after it changed a bitmap and created a backup that always syncs it',
    shownBy: 'backup-taken-back-over-a-changed-bitmap',
    programs: QEMU,
    refused: exchangesBitmapOf(/^block-dirty-bitmap-(clear|enable|disable|merge)$/),
  },
  {
    name: 'transaction that fails after it added a bitmap and created a backup that always syncs it',
    shownBy: 'backup-taken-back-over-an-added-bitmap',
    programs: QEMU_10,
    refused: exchangesBitmapOf(/^block-dirty-bitmap-add$/),
  },
  {
    name: 'filter or image that goes with a job while a bitmap of it is in use',
    shownBy: 'bitmap-of-a-filter-that-goes',
    programs: QEMU,
    before: (run, action) => endsUnderBitmap(run, action) || reopensOverBitmap(run, action),
  },
  {
    name: 'filter that goes with a job below a copy-before-write',
    shownBy: 'copy-before-write-above-a-filter-that-goes',
    programs: QEMU_7,
    before: endsUnderCopy,
  },
];

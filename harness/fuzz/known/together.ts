/** Known triggers that are about filters of jobs, and about nodes in iothreads. */
import { BlockJob } from '../../../spec/job/block-job.js';
import { asksFor, commandsOf } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { endsUnderBitmap, endsUnderCopy } from './job/ending.js';
import { QEMU, QEMU_7, QEMU_10 } from './programs.js';
import type { Trigger } from './trigger.js';

export const STARTS_JOB = /^(blockdev-(backup|mirror)|block-(commit|stream)|drive-(backup|mirror))$/;

function isThreadId(id: unknown): boolean {
  return typeof id === 'string' && id.startsWith('io');
}

/** Whether a node was moved to an iothread, by itself or for an export. */
function hasThreads({ machine }: ModelRun): boolean {
  return (
    machine.graph.nodes.some(({ iothread }) => iothread !== null) ||
    machine.exports.all.some(({ iothread }) => iothread !== null)
  );
}

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
    before: endsUnderBitmap,
  },
  {
    name: 'filter that goes with a job below a copy-before-write',
    shownBy: 'copy-before-write-above-a-filter-that-goes',
    programs: QEMU_7,
    before: endsUnderCopy,
  },
  {
    name: 'end of an iothread that is in use',
    shownBy: 'iothread-in-use-is-not-dropped',
    programs: QEMU,
    refused: (_, action, { id }) =>
      id === 'REF-E-OBJECT-IN-USE' && action.verb === 'qmp' && isThreadId(action.arguments?.id),
  },
  {
    name: 'export in an iothread that is refused, whose node has moved there all the same',
    shownBy: 'backup-of-a-node-in-an-iothread',
    programs: QEMU,
    refused: (_, action) =>
      action.verb === 'qmp' &&
      action.command === 'block-export-add' &&
      action.arguments?.iothread !== undefined,
  },
  {
    name: 'guest of a node in an iothread',
    shownBy: 'guest-of-a-node-in-an-iothread',
    programs: QEMU_7,
    before: (run, action) => /^(io|nbd|observe)$/.test(action.verb) && hasThreads(run),
  },
  {
    name: 'resize of a node in an iothread',
    shownBy: 'resize-of-a-node-in-an-iothread',
    programs: QEMU_7,
    before: (run, action) => hasThreads(run) && asksFor(action, (name) => name === 'block_resize'),
  },
  {
    name: 'node above one in an iothread',
    shownBy: 'node-above-one-in-an-iothread',
    programs: QEMU_7,
    before: (run, action) =>
      hasThreads(run) &&
      (asksFor(action, (name) => name === 'blockdev-add') ||
        (action.verb === 'open' && typeof action.backing === 'string')),
  },
  {
    name: 'backup that is refused while a job has its target in an iothread',
    shownBy: 'refused-backup-to-a-node-whose-job-is-in-an-iothread',
    programs: QEMU_7,
    refused: (run, action, { id }) =>
      id === 'REF-E-FILTER-CREATE' &&
      asksFor(action, (name) => STARTS_JOB.test(name)) &&
      // The job may come to the thread only by this: its node follows the source there.
      hasThreads(run) &&
      run.jobs.some((job) => job instanceof BlockJob),
  },
  {
    name: 'filter above a node in an iothread',
    shownBy: 'backup-of-a-node-in-an-iothread',
    programs: QEMU_10,
    before: (run, action) =>
      hasThreads(run) && asksFor(action, (name) => STARTS_JOB.test(name) && name !== 'blockdev-mirror'),
  },
];

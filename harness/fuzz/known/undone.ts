/** Known triggers of commands that are refused: what QEMU does not take back, or takes back though it was not done. */
import type { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import type { JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { commandsOf, reopenedBy } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';

/** Whether a step is a transaction whose jobs end together or not at all, which is for backups alone. */
export function isGrouped(action: Action): boolean {
  return (
    action.verb === 'qmp' &&
    action.command === 'transaction' &&
    JSON.stringify(action.arguments).includes('"completion-mode":"grouped"')
  );
}

/**
 * Whether an enable in a refused transaction is of a bitmap that is not there then, or that nobody may change, or whether it is the
 * first that cannot be grouped: QEMU takes the enable back although it did nothing. Others are taken back well.
 */
export function undoesRefusedEnable(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'transaction') return false;
  if (isGrouped(action)) {
    const first = commandsOf(action).find(({ name }) => !name.endsWith('-backup'));
    return first?.name === 'block-dirty-bitmap-enable';
  }
  const added = new Set<string>();
  const taken = new Set<string>();
  for (const { name, args } of commandsOf(action)) {
    const key = `${String(args.node)} ${String(args.name)}`;
    if (name === 'block-dirty-bitmap-enable' && !added.has(key)) {
      if (taken.has(key) || !canBeEnabled(bitmapOf(run, args))) return true;
    }
    if (name === 'block-dirty-bitmap-add') added.add(key);
    if (name === 'block-dirty-bitmap-remove') {
      taken.add(key);
      added.delete(key);
    }
    // A backup that began before it has its bitmap.
    if (args.bitmap !== undefined) taken.add(`${String(args.device)} ${String(args.bitmap)}`);
  }
  return false;
}

function bitmapOf({ machine: { graph } }: ModelRun, { node, name }: JsonObject): DirtyBitmap | undefined {
  return graph.findAny(String(node))?.bitmap(String(name));
}

function canBeEnabled(bitmap: DirtyBitmap | undefined): boolean {
  return bitmap !== undefined && !bitmap.busy && !bitmap.inconsistent;
}

/** Whether a refused reopening was to make an image read-only that has bitmaps to store: those stay read-only. */
export function reopensStoring({ machine: { graph } }: ModelRun, action: Action): boolean {
  return reopenedBy(action).some((one) => {
    const node = graph.find(String(one['node-name']));
    return one['read-only'] === true && node?.bitmaps.some(({ persistent }) => persistent) === true;
  });
}

/** Histories in which a removal of a stored bitmap was taken back: it is in no image before that is closed. */
const undone = new WeakSet<ModelRun>();

/** Whether a removal that is taken back is of an inconsistent bitmap, which is not stored anew. Told of every refused step. */
export function losesInconsistent(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'transaction') return false;
  const removed = commandsOf(action).filter(({ name }) => name === 'block-dirty-bitmap-remove');
  const stored = removed.map(({ args }) => bitmapOf(run, args)).filter((one) => one?.persistent === true);
  if (stored.length > 0) undone.add(run);
  return stored.some((one) => one?.inconsistent === true);
}

/** Whether the process is killed after a removal of a stored bitmap was taken back. */
export function killsAfterUndone(run: ModelRun, { verb }: Action): boolean {
  return verb === 'kill' && undone.has(run);
}

/** Known triggers that are about the graph: nodes that go, or become read-only, while others have what is theirs. */
import type { Node } from '../../../spec/block/node.js';
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor, nameIn } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { resized } from './resize.js';

/** A node goes, or is resized, and an export of another one shows a bitmap of it. */
export function changesExportedBitmap(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  const isDel = action.command === 'blockdev-del';
  const node = isDel ? run.machine.graph.find(String(action.arguments?.['node-name'])) : resized(run, action);
  if (node === undefined || (isDel && node.parents.length > 0)) return false;
  const changed = isDel ? [...goingWith(node)] : [node];
  return run.machine.exports.all.some(
    ({ bitmaps, edge }) =>
      !changed.includes(edge.child) &&
      bitmaps.some((one) => changed.some((each) => each.bitmaps.includes(one))),
  );
}

/** A node that goes, and those below it that nobody else holds. */
function* goingWith(node: Node): Generator<Node> {
  yield node;
  for (const { child } of node.children)
    if (!child.monitorOwned && child.parents.every(({ parent }) => parent === node)) yield* goingWith(child);
}

/** What is made for a node names one that it is made for, which is not open yet. */
export function namesHalfOpen(_: ModelRun, action: Action): boolean {
  const meets = (options: JsonObject, above: readonly string[]): boolean =>
    PARTS.some((part) => {
      const { [part]: child = null, 'node-name': own } = options;
      const names = part === 'file' || part === 'backing' ? above : [...above, nameIn(own)];
      if (!isJsonObject(child)) return child !== '' && above.includes(nameIn(child));
      return meets(child, names);
    });
  return asksFor(action, (name, args) => name === 'blockdev-add' && meets(args, []));
}

const PARTS = ['file', 'image', 'target', 'backing'] as const;

/** A disk of no bytes is closed, or becomes read-only, and has bitmaps that are to be stored. */
export function endsEmptyDisk(run: ModelRun, action: Action): boolean {
  const isEnd = asksFor(action, (name) => /^blockdev-(del|reopen|snapshot)/.test(name));
  if (!isEnd && action.verb !== 'restart') return false;
  return run.nodes.some((node) => node.size === 0 && node.bitmaps.some(({ persistent }) => persistent));
}

/** An image becomes read-only, by itself or below a snapshot, while a job has one of the bitmaps that are stored in it. */
export function closesTakenBitmap(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  if (!/^(blockdev-(reopen|snapshot.*)|transaction)$/.test(action.command)) return false;
  const text = JSON.stringify(action.arguments ?? null);
  const isReopened = action.command === 'blockdev-reopen' && text.includes('"read-only":true');
  const isSnapshot =
    action.command.startsWith('blockdev-snapshot') || text.includes('"type":"blockdev-snapshot');
  if (!isReopened && !isSnapshot) return false;
  return run.nodes.some(({ bitmaps }) =>
    bitmaps.some(({ persistent, successor }) => persistent && successor !== null),
  );
}

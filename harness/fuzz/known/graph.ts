/** Known triggers that are about the graph: nodes that go, or become read-only, while others have what is theirs. */
import type { Node } from '../../../spec/block/node.js';
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor, definitionsIn, nameIn } from '../commands.js';
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

/** A node of which it was said whether it leaves all to others, or of which that is said now, is reopened. */
export function reopensForceShare(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-reopen') return false;
  const { options } = action.arguments ?? {};
  if (!Array.isArray(options)) return false;
  const isSaid = (node: Node): boolean =>
    node.openedWith.effective.forceShare !== undefined ||
    node.children.some(({ child }) => child.madeFor === node && isSaid(child));
  return options.filter(isJsonObject).some((one) => {
    const node = run.machine.graph.find(String(one['node-name']));
    return (
      [...definitionsIn(one)].some((each) => 'force-share' in each) || (node !== undefined && isSaid(node))
    );
  });
}

/** A disk of no bytes is closed, or becomes read-only, and has bitmaps that are to be stored. */
export function endsEmptyDisk(run: ModelRun, action: Action): boolean {
  const isEnd = asksFor(action, (name) => /^blockdev-(del|reopen|snapshot)/.test(name));
  if (!isEnd && action.verb !== 'restart') return false;
  return run.nodes.some((node) => node.size === 0 && node.bitmaps.some(({ persistent }) => persistent));
}

/** An image becomes read-only, by itself or below a snapshot, while a job has one of the bitmaps that are stored in it. */
export function closesTakenBitmap(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp') return false;
  const text = JSON.stringify(action.arguments ?? null);
  const isReopened = action.command === 'blockdev-reopen' && text.includes('"read-only":true');
  const isSnapshot =
    action.command.startsWith('blockdev-snapshot') || text.includes('"type":"blockdev-snapshot');
  if (!isReopened && !isSnapshot) return false;
  return run.nodes.some(({ bitmaps }) =>
    bitmaps.some(({ persistent, successor }) => persistent && successor !== null),
  );
}

/** The image above a commit is reopened without the filter, which has a name and goes then, while the job still has it. */
export function leavesCommitFilter(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-reopen') return false;
  const { options } = action.arguments ?? {};
  if (!Array.isArray(options)) return false;
  return options.filter(isJsonObject).some((one) => {
    const below = run.machine.graph.find(String(one['node-name']))?.backing ?? null;
    return below?.driver.name === 'commit_top' && one.backing !== below.name;
  });
}

/** A node is named twice in one list to be reopened. */
export function reopensTwice(_: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-reopen') return false;
  const { options } = action.arguments ?? {};
  if (!Array.isArray(options)) return false;
  const names = options.filter(isJsonObject).map((one) => String(one['node-name']));
  return new Set(names).size < names.length;
}

/** A node is to get another below it from which two ways lead to a third one. */
export function reopensOverTwoWays(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-reopen') return false;
  const { options } = action.arguments ?? {};
  if (!Array.isArray(options)) return false;
  const below = options.filter(isJsonObject).flatMap(({ file, backing }) => [nameIn(file), nameIn(backing)]);
  return below.some((name) => reachesTwice(run.machine.graph.find(name)));
}

/** Whether two ways lead from the node down to another one. */
function reachesTwice(node: Node | undefined): boolean {
  const seen = new Set<Node>();
  const meets = (at: Node): boolean =>
    at.children.some(({ child }) => {
      if (seen.has(child)) return true;
      seen.add(child);
      return meets(child);
    });
  return node !== undefined && meets(node);
}

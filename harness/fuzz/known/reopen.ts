/** Reopenings that QEMU is known to get wrong: of parts of disks, with other sizes, and over a node that another one uses twice. */
import { Node } from '../../../spec/block/node.js';
import { followersOf } from '../../../spec/block/resize.js';
import type { Action } from '../../case/case.js';
import { definitionsIn, nameIn, reopenedBy } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { isStale } from './resize.js';

/** Whether a `raw` node is reopened as a part of its child, was one, or gets another size that somebody remembers. */
export function reopensPart({ machine: { graph } }: ModelRun, action: Action): boolean {
  return reopenedBy(action).some((one) => {
    const node = graph.find(String(one['node-name']));
    if (one.driver !== 'raw' || node?.driver.name !== 'raw') return false;
    const before = node.driver.describe();
    if ([before, one].some(({ size, offset }) => size !== undefined || offset !== undefined)) return true;
    const size = graph.findAny(nameIn(one.file))?.size ?? node.size;
    return size !== node.size && (node.bitmaps.length > 0 || remembersSize(node));
  });
}

/** Whether a `raw` node gets another size while others above follow it: 10.0 leaves those as they were. */
export function reopensBelowFollowers({ machine: { graph } }: ModelRun, action: Action): boolean {
  return reopenedBy(action).some((one) => {
    const node = graph.find(String(one['node-name']));
    if (node === undefined || typeof one.file !== 'string') return false;
    const size = graph.findAny(one.file)?.size ?? node.size;
    return size !== node.size && !followersOf(node)[Symbol.iterator]().next().done;
  });
}

/** Whether a node above remembers the size of this one, or has bitmaps of that size. */
function remembersSize(node: Node): boolean {
  return node.parents.some(({ parent, use }) => {
    if (!(parent instanceof Node)) return false;
    if (use === 'backing') return false;
    return isPart(parent) || isStale([parent]) || remembersSize(parent);
  });
}

function isPart({ driver }: Node): boolean {
  const { size, offset } = driver.describe();
  return driver.name === 'raw' && (size !== undefined || offset !== undefined);
}

/** A node of which it was said whether it leaves all to others, or of which that is said now, is reopened. */
export function reopensForceShare(run: ModelRun, action: Action): boolean {
  const isSaid = (node: Node): boolean =>
    node.openedWith.effective.forceShare !== undefined ||
    node.children.some(({ child }) => child.madeFor === node && isSaid(child));
  return reopenedBy(action).some((one) => {
    const node = run.machine.graph.find(String(one['node-name']));
    return (
      [...definitionsIn(one)].some((each) => 'force-share' in each) || (node !== undefined && isSaid(node))
    );
  });
}

/** The image above a commit is reopened without the filter, which has a name and goes then, while the job still has it. */
export function leavesCommitFilter(run: ModelRun, action: Action): boolean {
  return reopenedBy(action).some((one) => {
    const below = run.machine.graph.find(String(one['node-name']))?.backing ?? null;
    return below?.driver.name === 'commit_top' && one.backing !== below.name;
  });
}

/** A node is named twice in one list to be reopened. */
export function reopensTwice(_: ModelRun, action: Action): boolean {
  const names = reopenedBy(action).map((one) => String(one['node-name']));
  return new Set(names).size < names.length;
}

/** A node is to get another below it from which two ways lead to a third one. */
export function reopensOverTwoWays(run: ModelRun, action: Action): boolean {
  const below = reopenedBy(action).flatMap(({ file, backing }) => [nameIn(file), nameIn(backing)]);
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

/**
 * A reopening that is refused was to put something else below an image, and what is there has several uses that forbid something. QEMU puts it
 * back as the newest of them, which is the one that is told of.
 */
export function reordersUses({ machine: { graph } }: ModelRun, action: Action): boolean {
  return reopenedBy(action).some((one) => {
    const below = graph.find(String(one['node-name']))?.backing ?? null;
    if (below === null || one.backing === undefined || one.backing === below.name) return false;
    return (
      below.parents.filter(({ parent, use }) => use === 'backing' || !(parent instanceof Node)).length > 1
    );
  });
}

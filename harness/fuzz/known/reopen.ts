/** Reopenings that QEMU is known to get wrong: of parts of disks, with other sizes, and over a node that another one uses twice. */
import { Node } from '../../../spec/block/node.js';
import { followersOf } from '../../../spec/block/resize.js';
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { nameIn } from '../commands.js';
import type { ModelRun } from '../draw/model-run.js';
import { isStale } from './resize.js';

/** What each node is reopened with. */
function reopened(action: Action): readonly JsonObject[] {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-reopen') return [];
  const { options = null } = action.arguments ?? {};
  return (Array.isArray(options) ? options : []).filter(isJsonObject);
}

/** Whether a `raw` node is reopened as a part of its child, was one, or gets another size that somebody remembers. */
export function reopensPart({ machine: { graph } }: ModelRun, action: Action): boolean {
  return reopened(action).some((one) => {
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
  return reopened(action).some((one) => {
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

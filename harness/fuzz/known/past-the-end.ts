/** Known triggers that are about ends of disks that are not where they are expected. */

import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';
import { changeOf } from './step/change.js';

/** A client of an export reads, or asks for the status of, what an overlay has cut off its node. */
export function asksPastNode({ machine }: ModelRun, action: Action): boolean {
  if (action.verb !== 'nbd' || action.op !== 'request') return false;
  const { request, offset, length } = action;
  if (request !== 'read' && request !== 'status') return false;
  return machine.exports.all.some(({ size, nodeSize }) => nodeSize < size && offset + length > nodeSize);
}

/** What is to be copied before a write goes past the end of where it is copied to. */
export function copiesPastTarget(run: ModelRun, action: Action): boolean {
  const change = changeOf(run, action);
  return change !== undefined && hasShortTarget(change.node, change.end);
}

/** Whether the node, or one that it stands on, copies elsewhere before it is written up to `end`, and has no room for that. */
function hasShortTarget(node: Node, end: number): boolean {
  const target = node.driver.name === 'copy-before-write' ? node.edge('target')?.child : undefined;
  // A request of no bytes copies, too.
  const copied = Math.min(node.size, Math.ceil((end + 1) / CLUSTER) * CLUSTER);
  if (target !== undefined && target.size < copied) return true;
  return node.children.some(({ name, child }) => /^(file|image)$/.test(name) && hasShortTarget(child, end));
}

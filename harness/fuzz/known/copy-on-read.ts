/** QEMU ends when something that its child does not have is read through a copy-on-read filter that nothing is to be copied by. */

import { isIdleCopyOnRead } from '../../../spec/block/drivers/copy-on-read.js';
import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';

/** A read in one piece, or by a device that comes and looks for a partition table. Others ask first what is there. */
export function readsThroughIdleFilter(run: ModelRun, action: Action): boolean {
  const node = readBy(run, action);
  return node !== null && reachesIdleFilter(node);
}

function readBy({ machine: { graph, devices } }: ModelRun, action: Action): Node | null {
  if (action.verb === 'nbd') return action.op === 'request' ? (graph.nodes.find(isIdle) ?? null) : null;
  if (action.verb !== 'qmp' || action.command !== 'device_add') return null;
  const drive = String(action.arguments?.drive ?? '');
  const known = devices.findDrive(drive);
  return known === undefined ? (graph.find(drive) ?? null) : known.node;
}

function isIdle({ driver }: Node): boolean {
  return isIdleCopyOnRead(driver);
}

function reachesIdleFilter(node: Node): boolean {
  return isIdle(node) || node.children.some(({ child }) => reachesIdleFilter(child));
}

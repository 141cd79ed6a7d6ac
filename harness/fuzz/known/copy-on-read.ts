/** QEMU ends when something that its child does not have is read through a copy-on-read filter that nothing is to be copied by. */

import { imageOf } from '../../../spec/block/chain/walk.js';
import { isIdleCopyOnRead } from '../../../spec/block/drivers/copy-on-read.js';
import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import type { IoRequest } from '../../target/target.js';
import type { ModelRun } from '../draw/model-run.js';

/**
 * A read in one piece, by a job from above, by a device that comes and looks for a partition table, or of the rest of a cluster of
 * which a part is written above. Others ask first what is there.
 */
export function readsThroughIdleFilter(run: ModelRun, action: Action): boolean {
  const node = readBy(run, action);
  return node !== null && reachesIdleFilter(node);
}

function readBy({ machine: { graph, devices } }: ModelRun, action: Action): Node | null {
  if (action.verb === 'io') return isPartial(action.request) ? backingOf(graph.find(action.node)) : null;
  if (action.verb === 'nbd') return action.op === 'request' ? (graph.nodes.find(isIdle) ?? null) : null;
  if (action.verb !== 'qmp') return null;
  if (/^block(dev)?-(backup|mirror|commit|stream)$/.test(action.command))
    return graph.findAny(String(action.arguments?.device)) ?? null;
  if (action.command !== 'device_add') return null;
  const drive = String(action.arguments?.drive ?? '');
  const known = devices.findDrive(drive);
  return known === undefined ? (graph.find(drive) ?? null) : known.node;
}

const CLUSTER = 65536;

function isPartial(request: IoRequest): boolean {
  if (request.op !== 'write' && request.op !== 'zero') return false;
  return request.offset % CLUSTER !== 0 || (request.offset + request.length) % CLUSTER !== 0;
}

function backingOf(node: Node | undefined): Node | null {
  return node === undefined ? null : (imageOf(node).backing ?? null);
}

function isIdle({ driver }: Node): boolean {
  return isIdleCopyOnRead(driver);
}

function reachesIdleFilter(node: Node): boolean {
  return isIdle(node) || node.children.some(({ child }) => reachesIdleFilter(child));
}

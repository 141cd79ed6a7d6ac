/** What is known of copy-on-read filters: one that nothing is to be copied by, and one over another filter. */

import { imageOf } from '../../../spec/block/chain/walk.js';
import { isIdleCopyOnRead } from '../../../spec/block/drivers/copy-on-read.js';
import { alignOf } from '../../../spec/block/limits/limits.js';
import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import type { IoRequest } from '../../target/target.js';
import { commandsOf } from '../commands.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';
import { STARTS_JOB } from './together.js';

/**
 * A read in one piece, by a job from above, by a device that comes and looks for a partition table, or of the rest of a cluster of
 * which a part is written above. Others ask first what is there.
 */
export function readsThroughIdleFilter(run: ModelRun, action: Action): boolean {
  return readBy(run, action).some((node) => node !== undefined && reachesIdleFilter(node));
}

/** What is read through such a filter over another one, with bitmaps below that: they see what is copied up. */
export function copiesThroughFilter(run: ModelRun, action: Action): boolean {
  return readNodes(run, action).some((node) => node !== undefined && reachesCopyThrough(node));
}

/** All that a step may read, also a part at a time. */
function readNodes(run: ModelRun, action: Action): readonly (Node | undefined)[] {
  const { graph, exports } = run.machine;
  if (action.verb === 'io') return [graph.find(action.node)];
  if (action.verb === 'nbd') return exports.all.map(({ edge }) => edge.child);
  return readBy(run, action);
}

function reachesCopyThrough(node: Node): boolean {
  const child = node.driver.name === 'copy-on-read' ? node.edge('file')?.child : undefined;
  const isThrough = child !== undefined && [...below(child)].some(({ bitmaps }) => bitmaps.length > 0);
  return isThrough || node.children.some((edge) => reachesCopyThrough(edge.child));
}

/** What a filter shows, past other filters, down to an image. */
export function* below({ driver: { shown } }: Node): Generator<Node> {
  if (shown === undefined) return;
  yield shown;
  yield* below(shown);
}

function readBy(run: ModelRun, action: Action): readonly (Node | undefined)[] {
  const { graph } = run.machine;
  if (action.verb === 'io') return [readByGuest(graph.find(action.node), action.request)];
  if (action.verb === 'nbd') {
    const isRead = action.op === 'request' && action.request !== 'status';
    return isRead ? [run.client(action.connection)?.node] : [];
  }
  return commandsOf(action).map(({ name, args }) => {
    // A commit reads its top, which may be below the filter.
    const read = name === 'block-commit' ? (args['top-node'] ?? args.device) : args.device;
    if (STARTS_JOB.test(name)) return graph.findAny(String(read));
    return name === 'device_add' ? plugged(run, String(args.drive ?? '')) : undefined;
  });
}

/** The node that a device gets, by its name or that of a drive. */
function plugged({ machine: { graph, devices } }: ModelRun, drive: string): Node | undefined {
  const known = devices.findDrive(drive);
  return known === undefined ? graph.find(drive) : (known.node ?? undefined);
}

function isPartial(request: IoRequest): boolean {
  if (request.op !== 'write' && request.op !== 'zero') return false;
  return request.offset % CLUSTER !== 0 || (request.offset + request.length) % CLUSTER !== 0;
}

/** `raw` passes a status on as if the filter were an image. */
function readByGuest(node: Node | undefined, request: IoRequest): Node | undefined {
  if (request.op === 'read') return node?.driver.name === 'raw' ? node : undefined;
  // What is around a part of a block is read, too.
  if (node !== undefined && hasBlocks(node) && /^(write|zero)$/.test(request.op)) return node;
  return isPartial(request) ? backingOf(node) : undefined;
}

function hasBlocks(node: Node): boolean {
  return alignOf(node) > 1 || node.children.some(({ child }) => hasBlocks(child));
}

function backingOf(node: Node | undefined): Node | undefined {
  return node === undefined ? undefined : (imageOf(node).backing ?? undefined);
}

function isIdle({ driver }: Node): boolean {
  return isIdleCopyOnRead(driver);
}

function reachesIdleFilter(node: Node): boolean {
  return isIdle(node) || node.children.some(({ child }) => reachesIdleFilter(child));
}

/**
 * Resizes that QEMU is known to get wrong. It resizes the node that is named and what that stands on; a node above or beside,
 * whose size follows, is not told.
 */

import type { Node } from '../../../spec/block/node.js';
import { RESIZE } from '../../../spec/block/permissions.js';
import { followersOf } from '../../../spec/block/resize.js';
import type { Action } from '../../case/case.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';
import { overlaidOtherwise } from './step/overlay.js';

/** The node that is to be resized. */
export function resized({ machine: { graph } }: ModelRun, action: Action): Node | undefined {
  if (action.verb !== 'qmp' || action.command !== 'block_resize') return undefined;
  const { device, 'node-name': name } = action.arguments ?? {};
  const drive = device === undefined ? undefined : graph.drives.get(String(device));
  return drive === undefined ? graph.find(String(name)) : (drive.node ?? undefined);
}

/** Whether a resize of it is refused, and changes nothing: it is read-only, or somebody above needs its size to stay. */
function staysAsItIs({ readOnly, parents }: Node): boolean {
  return readOnly || parents.some(({ permissions }) => (permissions.shares & RESIZE) === 0);
}

/** Bytes. */
export function sizeOf(action: Action): number {
  return action.verb === 'qmp' ? Number(action.arguments?.size) : 0;
}

/** The node, and those below that have its size. */
export function* resizedWith(node: Node): Generator<Node> {
  yield node;
  for (const edge of node.children) if (node.driver.follows(edge)) yield* resizedWith(edge.child);
}

/** Nodes that follow, and that nobody tells. */
function* forgotten(node: Node): Generator<Node> {
  const told = new Set(resizedWith(node));
  const seen = new Set<Node>();
  const left = [...told];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    for (const follower of followersOf(one)) {
      if (told.has(follower) || seen.has(follower)) continue;
      seen.add(follower);
      left.push(follower);
      yield follower;
    }
  }
}

/** Drivers that have no length of their own: what they are given is cut to whole sectors. */
const WITHOUT_LENGTH = 'copy-before-write';

/** Whether such a node is to end within a sector: it ends before that. */
export function losesItsEnd(run: ModelRun, action: Action): boolean {
  const node = resized(run, action);
  if (node === undefined || sizeOf(action) % 512 === 0 || staysAsItIs(node)) return false;
  for (const { driver } of resizedWith(node)) if (driver.name === WITHOUT_LENGTH) return true;
  return false;
}

/** Whether a node follows that nobody tells: 10.0 leaves it as it is. */
export function leavesSize(run: ModelRun, action: Action): boolean {
  const node = resized(run, action);
  return node !== undefined && !staysAsItIs(node) && !forgotten(node).next().done;
}

/** In 7.2 nodes of these drivers are asked for their size whenever it matters; all others remember it. */
const ASKED = /^(raw|copy-on-read)$/;

/** Whether such a node has bitmaps, which stay as they are, or remembers its size. */
export function leavesBitmaps(run: ModelRun, action: Action): boolean {
  const node = resized(run, action);
  return node !== undefined && !staysAsItIs(node) && isStale(forgotten(node));
}

/** Whether one of them has bitmaps, or remembers its size. */
export function isStale(left: Iterable<Node>): boolean {
  for (const { bitmaps, driver } of left) {
    if (bitmaps.length > 0 || !ASKED.test(driver.name)) return true;
  }
  return false;
}

/** The nodes that follow when a step puts overlays of another size over what they stand on. */
export function followersOfOverlay(run: ModelRun, action: Action): readonly Node[] {
  return [...overlaidOtherwise(run, action)].flatMap((node) => [...followersAbove(node)]);
}

/** All nodes whose size follows that of this one. */
function* followersAbove(node: Node): Generator<Node> {
  for (const follower of followersOf(node)) {
    yield follower;
    yield* followersAbove(follower);
  }
}

/** Whether a part of a cluster is cut off an overlay that is not zeros: it comes back when that grows again. */
export function leavesData(run: ModelRun, action: Action): boolean {
  const node = resized(run, action);
  const size = sizeOf(action);
  if (node === undefined || run.format !== 'overlay' || size >= node.size || size < 0) return false;
  const end = Math.min(node.size, Math.ceil(size / CLUSTER) * CLUSTER);
  if (!(end > size)) return false;
  const cut = run.machine.io(node.name, { op: 'read', offset: size, length: end - size });
  return typeof cut === 'string' || cut.some((byte) => byte !== 0);
}

/**
 * A node's size, and what follows it: the bitmaps of the node and of every node above whose size depends on it.
 * NODES.md, REF-008 to REF-010; BITMAPS.md, BMP-023 to BMP-025. Sizes are bytes.
 */
import { type DirtyBitmap, granulesOf } from '../bitmap/dirty-bitmap.js';
import type { Holder } from './edge.js';
import { BlockError } from './errors.js';
import type { Graph } from './graph.js';
import { Node } from './node.js';
import { ALL, RESIZE } from './permissions.js';

/** QEMU's largest disk: INT64_MAX rounded down to 2^30 (bytes). */
export const LARGEST_SIZE = 9223372035781033984n;

/**
 * block_resize, REF-009. Refused, in this order, when somebody else needs the size to stay, when the size is too large, when
 * the node is read-only, or by the driver. @throws BlockError
 */
export function resize(graph: Graph, node: Node, size: number | bigint): void {
  // REF-008
  const user = graph.change((change) => change.hold(COMMAND, node, 'root', { needs: RESIZE, shares: ALL }));
  try {
    resizeAs(node, size);
  } finally {
    graph.change((change) => change.drop(user));
  }
}

/** Who resizes: it uses the node for as long as that takes. */
const COMMAND: Holder = { kind: 'command', describe: () => 'an unnamed block device', blocks: () => null };

function resizeAs(node: Node, size: number | bigint): void {
  if (size > LARGEST_SIZE) throw new BlockError('REF-E-SIZE-MAXIMUM', { size, maximum: LARGEST_SIZE });
  if (size > Number.MAX_SAFE_INTEGER) throw new BlockError('REF-E-SIZE-LIMIT', { size });
  truncate(node, Number(size));
}

/**
 * Makes `node` `size` bytes long, as its driver does it. @throws BlockError; BitmapError BMP-E-TOO-LARGE. Nothing has
 * changed then.
 */
export function truncate(node: Node, size: number): void {
  if (node.readOnly) throw new BlockError('REF-E-READ-ONLY');
  for (const bitmap of bitmapsOfSizeWith(node))
    granulesOf(bitmap.size + size - node.size, bitmap.granularity);
  node.driver.truncate(size);
  followSize(node);
}

/** REF-010: brings the bitmaps of `node` and of those above to the sizes that these have now. */
export function followSize(node: Node): void {
  for (const bitmap of node.bitmaps) {
    if (bitmap.size !== node.size) bitmap.resize(node.size);
  }
  for (const parent of followersOf(node)) followSize(parent);
}

/** Whether the bitmaps of `node` and of those above can follow to the sizes that these have now. @throws BitmapError BMP-E-TOO-LARGE */
export function checkBitmaps(node: Node): void {
  for (const bitmap of node.bitmaps) granulesOf(node.size, bitmap.granularity);
  for (const parent of followersOf(node)) checkBitmaps(parent);
}

/** The bitmaps of `node` and of the nodes above, which change their size by as much. */
export function* bitmapsOfSizeWith(node: Node): Generator<DirtyBitmap> {
  yield* node.bitmaps;
  for (const parent of followersOf(node)) yield* bitmapsOfSizeWith(parent);
}

/** The nodes above whose size follows that of `node`. One that is just being opened has nothing yet that could. */
export function* followersOf(node: Node): Generator<Node> {
  for (const edge of node.parents) {
    const { parent } = edge;
    if (parent instanceof Node && parent.isOpen && parent.driver.follows(edge)) yield parent;
  }
}

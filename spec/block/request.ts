/**
 * Requests to a node, from a guest or from the node above: who does the work, and which bitmaps see it. NODES.md,
 * REF-005 to REF-007; BITMAPS.md, BMP-006 and BMP-007. Offsets and lengths are bytes.
 *
 * The range has been checked by whoever lets the guest in. A parent may write past the end of a child that can grow.
 */
import type { Node } from './node.js';
import { followSize } from './resize.js';

export function read(node: Node, offset: number, into: Uint8Array): void {
  node.driver.read(offset, into);
}

export function write(node: Node, offset: number, bytes: Uint8Array): void {
  node.driver.write(offset, bytes);
  wrote(node, offset, bytes.length);
}

export function zero(node: Node, offset: number, length: number): void {
  node.driver.zero(offset, length);
  wrote(node, offset, length);
}

export function discard(node: Node, offset: number, length: number): void {
  // BMP-007, REF-007: where nothing changes, nothing is marked
  if (node.options.discard === 'ignore' || !node.driver.canDiscard) return;
  node.driver.discard(offset, length);
  wrote(node, offset, length);
}

export function flush(node: Node): void {
  node.driver.flush();
}

/** REF-006, BMP-029: every bitmap of the node sees the request, at the size that the node has after it. */
function wrote(node: Node, offset: number, length: number): void {
  if (length === 0) return;
  followSize(node); // BMP-024: first the size, then the marks
  for (const bitmap of node.bitmaps) bitmap.record(offset, length); // BMP-006
}

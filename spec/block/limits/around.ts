/** What lies around a request that is not made of whole blocks is read before it is written. FILTERS.md, REF-096. Bytes. */
import type { DebugEvent } from '../drivers/driver.js';
import type { Node } from '../node.js';
import { alignOf, down, up } from './limits.js';
import { readPieces } from './pieces.js';

/** Whether the node takes the request as it is. */
export function isWhole(node: Node, offset: number, length: number): boolean {
  const block = alignOf(node);
  return block === 1 || (offset % block === 0 && length % block === 0);
}

/** The blocks of a request: whole ones, but for the last block of a node that ends within it. */
export interface Around {
  readonly start: number;
  readonly end: number;
  /** what the request has only a part of, as it was: from `start` on */
  readonly first: Uint8Array;
  /** and up to `end`, if that is another block */
  readonly last: Uint8Array;
}

/** Reads the blocks of which the request has only a part: both at once if nothing lies between them. @throws RequestError */
export function readAround(node: Node, offset: number, length: number): Around {
  const block = alignOf(node);
  const start = down(offset, block);
  const stop = up(offset + length, block);
  // A node that ends within a block has no more of it.
  const end = Math.min(stop, Math.max(node.size, offset + length));
  const isHead = start < offset;
  const isTail = stop > offset + length;
  const isOne = stop - start === (isHead && isTail && stop - start > block ? 2 * block : block);
  const first = new Uint8Array(isOne ? end - start : isHead ? block : 0);
  const last = new Uint8Array(isOne || !isTail ? 0 : end - down(end - 1, block));
  const isTailOfFirst = isOne && isTail;
  if (first.length > 0) {
    tell(node, isHead && 'pwritev_rmw_head', isTailOfFirst && 'pwritev_rmw_tail');
    readPieces(node, start, first);
    tell(node, isHead && 'pwritev_rmw_after_head', isTailOfFirst && 'pwritev_rmw_after_tail');
  }
  if (last.length > 0) {
    tell(node, 'pwritev_rmw_tail');
    readPieces(node, end - last.length, last);
    tell(node, 'pwritev_rmw_after_tail');
  }
  return { start, end, first, last };
}

/** The bytes of a write, and what was around them. @throws RequestError */
export function widened(node: Node, offset: number, bytes: Uint8Array): { start: number; whole: Uint8Array } {
  const { start, end, first, last } = readAround(node, offset, bytes.length);
  const whole = new Uint8Array(end - start);
  whole.set(first);
  whole.set(last, whole.length - last.length);
  whole.set(bytes, offset - start);
  return { start, whole };
}

function tell({ driver }: Node, ...events: readonly (DebugEvent | false)[]): void {
  for (const event of events) if (event !== false) driver.debugEvent?.(event);
}

/**
 * Requests to a node, from a guest or from the node above: who does the work, and which bitmaps see it. NODES.md,
 * REF-005 to REF-007; BITMAPS.md, BMP-006 and BMP-007. Offsets and lengths are bytes.
 *
 * The range has been checked by whoever lets the guest in. A parent may write past the end of a child that can grow.
 */
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';
import type { DebugEvent } from './drivers/driver.js';
import { BlockError } from './errors.js';
import { isWhole, readAround, widened } from './limits/around.js';
import { alignOf, down, up } from './limits/limits.js';
import { discardPieces, readPieces, writePieces, zeroPieces } from './limits/pieces.js';
import type { Node } from './node.js';
import { RequestError } from './request-error.js';
import { followSize } from './resize.js';

/** REF-096 @throws RequestError */
export function read(node: Node, offset: number, into: Uint8Array): void {
  if (isWhole(node, offset, into.length)) {
    readPieces(node, offset, into);
    return;
  }
  if (into.length === 0) return;
  const block = alignOf(node);
  const start = down(offset, block);
  const whole = new Uint8Array(up(offset + into.length, block) - start);
  readPieces(node, start, whole);
  into.set(whole.subarray(offset - start, offset - start + into.length));
}

/** REF-096 @throws RequestError */
export function write(node: Node, offset: number, bytes: Uint8Array): void {
  if (isWhole(node, offset, bytes.length)) writeWhole(node, offset, bytes);
  else if (bytes.length > 0) {
    const { start, whole } = widened(node, offset, bytes);
    writeWhole(node, start, whole);
  }
}

function writeWhole(node: Node, offset: number, bytes: Uint8Array): void {
  if (looksForZeros(node) && bytes.every((byte) => byte === 0)) {
    zeroWhole(node, offset, bytes.length);
    return;
  }
  telling(node, 'pwritev', offset, bytes.length, () => writePieces(node, offset, bytes));
}

/** REF-016 */
function looksForZeros({ options, driver }: Node): boolean {
  return options.detectZeroes !== 'off' && driver.cannotZero !== true;
}

/** REF-096: what has only a part of a block is written as data. @throws RequestError */
export function zero(node: Node, offset: number, length: number): void {
  if (length === 0) return; // REF-005
  if (isWhole(node, offset, length)) {
    zeroWhole(node, offset, length);
    return;
  }
  const { start, end, first, last } = readAround(node, offset, length);
  const middle = { from: start + first.length, to: end - last.length };
  if (first.length > 0) {
    first.fill(0, offset - start, Math.min(first.length, offset + length - start));
    writeWhole(node, start, first);
  }
  if (middle.from < middle.to) zeroWhole(node, middle.from, middle.to - middle.from);
  if (last.length > 0) {
    last.fill(0, 0, offset + length - middle.to);
    writeWhole(node, middle.to, last);
  }
}

function zeroWhole(node: Node, offset: number, length: number): void {
  telling(node, 'pwritev_zero', offset, length, () => zeroPieces(node, offset, length));
}

/** A request of whole blocks that writes: REF-086 */
function telling(node: Node, event: DebugEvent, offset: number, length: number, change: () => void): void {
  const { driver } = node;
  countWrite(node, offset, length);
  driver.debugEvent?.(event);
  try {
    marking(node, offset, length, change);
  } finally {
    driver.debugEvent?.('pwritev_done');
  }
}

export function discard(node: Node, offset: number, length: number): void {
  if (length === 0) return; // REF-005
  // BMP-007, REF-007: where nothing changes, nothing is marked
  if (node.options.discard === 'ignore' || !node.driver.canDiscard) return;
  marking(node, offset, length, () => discardPieces(node, offset, length));
}

/** The range is the node's own from now on, as it reads now: no bitmap sees it. REF-081 */
export function copyUp(node: Node, offset: number, length: number): void {
  node.driver.copyUp?.(offset, length);
}

/** REF-112 */
function countWrite(node: Node, offset: number, length: number): void {
  if (length > 0) node.writtenUpTo = Math.max(node.writtenUpTo, offset + length);
}

export function flush(node: Node): void {
  node.driver.flush();
}

/** Before something else is done with the node. @throws BlockError `id`, with the reason */
export function flushBefore(node: Node, id: 'REF-E-REOPEN-FLUSH' | 'REF-E-SNAPSHOT-FLUSH'): void {
  try {
    flush(node);
  } catch (error) {
    if (error instanceof RequestError) throw new BlockError(id, { reason: reasonOf(error.origin) });
    if (error instanceof StorageError) throw new BlockError(id, { reason: reasonOf(error.errno) });
    throw error;
  }
}

/**
 * Does a request that changes the range, and marks it: first what of it is inside the node, so that a driver can store
 * the bits before the data; then what a node that grows has become longer by, when its bitmaps are as long (BMP-024).
 */
function marking(node: Node, offset: number, length: number, change: () => void): void {
  if (length === 0) {
    change();
    return;
  }
  const end = offset + length;
  const before = Math.min(end, node.size);
  if (offset < before) record(node, offset, before - offset);
  change();
  // Inside of its node a request leaves all sizes as they are, and to ask each node costs a call of the system.
  if (end <= before) return;
  followSize(node);
  const after = Math.max(offset, before);
  record(node, after, end - after);
}

/** REF-006, BMP-029: every bitmap of the node sees the request. */
function record(node: Node, offset: number, length: number): void {
  if (node.driver.record !== undefined) node.driver.record(offset, length);
  else for (const bitmap of node.bitmaps) bitmap.record(offset, length); // BMP-006
}

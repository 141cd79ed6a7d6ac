/**
 * Requests to a node, from a guest or from the node above: who does the work, and which bitmaps see it. NODES.md,
 * REF-005 to REF-007; BITMAPS.md, BMP-006 and BMP-007. Offsets and lengths are bytes.
 *
 * The range has been checked by whoever lets the guest in. A parent may write past the end of a child that can grow.
 */
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';
import type { Driver } from './drivers/driver.js';
import { BlockError } from './errors.js';
import type { Node } from './node.js';
import { RequestError } from './request-error.js';
import { followSize } from './resize.js';

export function read(node: Node, offset: number, into: Uint8Array): void {
  node.driver.read(offset, into);
}

export function write(node: Node, offset: number, bytes: Uint8Array): void {
  const { driver } = node;
  countWrite(node, offset, bytes.length);
  driver.debugEvent?.('pwritev');
  marking(node, offset, bytes.length, () => driver.write(offset, bytes));
  driver.debugEvent?.('pwritev_done');
}

export function zero(node: Node, offset: number, length: number): void {
  if (length === 0) return; // REF-005
  const { driver } = node;
  countWrite(node, offset, length);
  driver.debugEvent?.('pwritev_zero');
  marking(node, offset, length, () => {
    if (!isDone(() => driver.zero(offset, length))) writeZeros(driver, offset, length);
  });
  driver.debugEvent?.('pwritev_done');
}

export function discard(node: Node, offset: number, length: number): void {
  if (length === 0) return; // REF-005
  // BMP-007, REF-007: where nothing changes, nothing is marked
  if (node.options.discard === 'ignore' || !node.driver.canDiscard) return;
  // REF-007: what cannot be given up stays
  marking(node, offset, length, () => void isDone(() => node.driver.discard(offset, length)));
}

/** Whether a driver can do it. @throws whatever else it fails with */
export function isDone(ask: () => void): boolean {
  try {
    ask();
    return true;
  } catch (error) {
    if (!(error instanceof RequestError) || error.errno !== 'ENOTSUP') throw error;
    return false;
  }
}

/** Bytes that are written at a time where zeros have to be written one by one. */
const ZEROS = new Uint8Array(2 ** 16);

/** REF-007 */
function writeZeros(driver: Driver, offset: number, length: number): void {
  for (let at = 0; at < length; at += ZEROS.length)
    driver.write(offset + at, ZEROS.subarray(0, Math.min(ZEROS.length, length - at)));
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

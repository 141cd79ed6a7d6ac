/**
 * Prepares an image for another backing file: wherever it reads from below, and the new backing file has something else,
 * it gets a copy of its own. IMG-007. Offsets and lengths are bytes.
 */
import { CopyError, PIECE } from '../copy/copy.js';
import { type Node, SECTOR } from '../node.js';
import { read, write, zero } from '../request.js';
import { isAllocatedAbove, statusInChain, statusOf } from '../status.js';

/**
 * Yields after each piece how many bytes of `overlay` are done. The backing file is still the old one afterwards.
 * @param next the new backing file, null for none; it may be a node of the chain of the old one
 * @throws CopyError
 */
export function* prepareRebase(overlay: Node, next: Node | null): Generator<number, void, undefined> {
  const old = overlay.backing;
  const isInChain = next !== null && chainOf(old).includes(next);
  const buffers = [new Uint8Array(PIECE), new Uint8Array(PIECE)] as const;
  for (let at = 0; at < overlay.size; ) {
    let { length, isAllocated: isSettled } = statusOf(overlay, at, overlay.size - at);
    if (!isSettled && isInChain && at < old!.size) {
      const above = isAllocatedAbove(old!, next, at, Math.min(length, old!.size - at));
      ({ length, isSettled } = { length: above.length, isSettled: !above.isAllocated });
    }
    if (!isSettled) {
      const [one, two] = [contentAt(old, at, length), contentAt(next, at, length)];
      length = Math.min(one.length, two.length);
      if (!(one.isZero && two.isZero)) {
        length = Math.min(length, PIECE);
        const [before, after] = [load(old, at, length, buffers[0]), load(next, at, length, buffers[1])];
        for (const run of differingRuns(before, after))
          give(overlay, at + run.start, before.subarray(run.start, run.end));
      }
    }
    at += length;
    yield at;
  }
}

function chainOf(node: Node | null): Node[] {
  return node === null ? [] : [node, ...chainOf(node.backing)];
}

/** Whether `node` reads as zeros, up to where that is the same; after its end it does. */
function contentAt(
  node: Node | null,
  at: number,
  length: number,
): { readonly isZero: boolean; readonly length: number } {
  if (node === null || at >= node.size) return { isZero: true, length };
  return statusInChain(node, at, Math.min(length, node.size - at));
}

function load(node: Node | null, at: number, length: number, buffer: Uint8Array): Uint8Array {
  const bytes = buffer.subarray(0, length);
  const inside = Math.max(0, Math.min(length, (node?.size ?? 0) - at));
  try {
    if (node !== null && inside > 0) read(node, at, bytes.subarray(0, inside));
  } catch (error) {
    throw new CopyError('reading', at, error);
  }
  bytes.fill(0, inside);
  return bytes;
}

/** Sectors that are not the same in both, one after the other. */
function* differingRuns(
  one: Uint8Array,
  two: Uint8Array,
): Generator<{ readonly start: number; readonly end: number }> {
  const differs = (at: number): boolean => {
    const end = Math.min(at + SECTOR, one.length);
    for (let byte = at; byte < end; byte++) if (one[byte] !== two[byte]) return true;
    return false;
  };
  for (let at = 0; at < one.length; ) {
    const start = at;
    while (at < one.length && differs(at)) at += SECTOR;
    if (at > start) yield { start, end: Math.min(at, one.length) };
    else at += SECTOR;
  }
}

function give(overlay: Node, at: number, bytes: Uint8Array): void {
  try {
    if (bytes.some((byte) => byte !== 0)) write(overlay, at, bytes);
    else zero(overlay, at, bytes.length);
  } catch (error) {
    throw new CopyError('writing', at, error);
  }
}

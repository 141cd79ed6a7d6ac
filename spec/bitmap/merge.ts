/** Merging bitmaps, also of different granularities. BITMAPS.md, BMP-018 to BMP-022. */
import type { BitVector } from './bits.js';
import { bitmapUsable, CHANGE, KEEP } from './check.js';
import type { DirtyBitmap } from './dirty-bitmap.js';
import { BitmapError } from './errors.js';

/**
 * Marks in `target` whatever is dirty in `source`.
 * @throws BitmapError by the state of the target, then by that of the source, then BMP-E-SIZE; nothing is changed then
 */
export function merge(target: DirtyBitmap, source: DirtyBitmap): void {
  mergeAll(target, [source]);
}

/**
 * Merges all sources into `target`, or on any error none of them. `sources` is consumed one by one, each checked
 * before the next is asked for: a generator that looks the sources up, and throws, gives the errors in QEMU's order.
 * @throws BitmapError as {@link merge}; and whatever `sources` throws
 */
export function mergeAll(target: DirtyBitmap, sources: Iterable<DirtyBitmap>): void {
  // BMP-021: all are checked before the first is merged, so an error leaves the target as it was
  const checked: DirtyBitmap[] = [];
  for (const source of sources) {
    checkMerge(target, source);
    checked.push(source);
  }
  for (const source of checked) orAcross(target.bits, target.granularity, source);
}

/** As {@link merge}, whatever states the two are in: for the operation that made them busy. @throws BitmapError BMP-E-SIZE */
export function mergeContent(target: DirtyBitmap, source: DirtyBitmap): void {
  checkSize(target, source);
  orAcross(target.bits, target.granularity, source);
}

function checkMerge(target: DirtyBitmap, source: DirtyBitmap): void {
  // BMP-020
  bitmapUsable(target, CHANGE);
  bitmapUsable(source, KEEP);
  checkSize(target, source);
}

function checkSize(target: DirtyBitmap, source: DirtyBitmap): void {
  if (target.size !== source.size)
    throw new BitmapError('BMP-E-SIZE', { target: target.size, source: source.size });
}

/** Sets in `bits`, of the given granularity, every granule that overlaps a dirty granule of `source`. */
function orAcross(bits: BitVector, granularity: number, source: DirtyBitmap): void {
  if (granularity === source.granularity) {
    bits.or(source.bits);
    return;
  }
  // BMP-019. Powers of two, so the ratio, at least one of whose sides is whole, is exact.
  const ratio = source.granularity / granularity;
  for (let start = source.bits.nextSet(0); start >= 0; ) {
    const clear = source.bits.nextClear(start);
    const end = clear < 0 ? source.bits.length : clear;
    // The last granule of the source may reach beyond the end of the disk, where the target has no bits.
    const marked = Math.min(Math.ceil(end * ratio), bits.length);
    bits.setRange(Math.floor(start * ratio), marked);
    // What else lies in a coarser granule is marked already: skip it.
    const next = Math.floor(marked / ratio);
    start = source.bits.nextSet(Math.min(Math.max(end, next), source.bits.length));
  }
}

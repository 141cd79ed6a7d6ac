/** The bitmaps that the bitmap bench is about, as the specification keeps them and as plain bytes. */
import { DirtyBitmap } from '../../spec/bitmap/dirty-bitmap.js';
import { setPlain } from './plain.js';

/** A disk and the granularity of its bitmap, in bytes. */
export interface Geometry {
  readonly name: string;
  readonly size: number;
  readonly granularity: number;
}

const TIB = 2 ** 40;

/** 2^28 bits: 32 MiB. */
export const SMALLER: Geometry = { name: '16 TiB at 64 KiB', size: 16 * TIB, granularity: 65536 };
/** 2^31 bits: 256 MiB. */
export const LARGER: Geometry = { name: '1 TiB at 512 B', size: TIB, granularity: 512 };

/** How many granules of a sparse bitmap are dirty. */
export const SCATTERED = 1000;

/** What is dirty: {@link SCATTERED} granules here and there, or all. */
export type Fill = 'sparse' | 'full';

export function bitsOf({ size, granularity }: Geometry): number {
  return size / granularity;
}

/** The dirty granules of a sparse bitmap: different ones, anywhere, always the same. */
export function scattered(geometry: Geometry): readonly number[] {
  const granules = new Set<number>();
  const bits = bitsOf(geometry);
  let state = 1;
  while (granules.size < SCATTERED) {
    // Knuth's 64-bit linear congruential generator (MMIX) would need bigint; this is its kin by Park and Miller, whose
    // products stay below 2^53.
    state = (state * 48271) % (2 ** 31 - 1);
    granules.add(Math.floor((state / (2 ** 31 - 1)) * bits));
  }
  return [...granules];
}

export function makeBitmap(geometry: Geometry, fill: Fill): DirtyBitmap {
  const { name, size, granularity } = geometry;
  const bitmap = new DirtyBitmap({ name, size, granularity });
  if (fill === 'full') bitmap.mark(0, size);
  else for (const granule of scattered(geometry)) bitmap.mark(granule * granularity, granularity);
  return bitmap;
}

export function makePlain(geometry: Geometry, fill: Fill): Uint8Array {
  const bytes = new Uint8Array(bitsOf(geometry) / 8);
  if (fill === 'full') bytes.fill(0xff);
  else for (const granule of scattered(geometry)) setPlain(bytes, granule);
  return bytes;
}

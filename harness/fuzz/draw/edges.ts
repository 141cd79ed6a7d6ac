/** Sizes, granularities and places of a disk at which block layers go wrong. All in bytes. */
import type { Draw } from './draw.js';

const KIB = 1024;
/** Of images, as QEMU makes them: the smallest piece of an overlay that is stored or not, and that a job copies at once. */
export const CLUSTER = 64 * KIB;
/** What a file system has as a hole, at least. */
export const PAGE = 4 * KIB;
const MIB = 1024 * KIB;

/** Sizes of disks: around sectors, granules, clusters, and with a tail that is none of these. */
const SIZES = [
  512,
  4 * KIB,
  CLUSTER - 512,
  CLUSTER,
  CLUSTER + 512,
  3 * CLUSTER,
  3 * CLUSTER + 4 * KIB,
  MIB - 512,
  MIB,
  MIB + 512,
  2 * MIB + CLUSTER + 512,
  4 * MIB,
] as const;

export function diskSize(draw: Draw): number {
  return draw.chance(0.8) ? draw.pick(SIZES) : 512 * draw.int(1, 8192);
}

const GRANULARITIES = [512, 1024, 4096, 32768, CLUSTER, 128 * KIB, MIB, 2 ** 31] as const;

/** A granularity, now and then one that is none. */
export function granularity(draw: Draw, size: number): number {
  if (draw.chance(0.04)) return draw.pick([0, 1, 256, 511, 513, 65535, 2 ** 32 - 1]);
  const fine = GRANULARITIES.filter((one) => size / one <= 2 ** 20);
  return draw.pick(fine);
}

/** A range of the disk that begins and ends beside such a place; never empty but for a disk that is. */
export function rangeOf(
  draw: Draw,
  size: number,
  granules: readonly number[],
): { offset: number; length: number } {
  if (size === 0) return { offset: 0, length: 0 };
  const offset = Math.min(size - 1, placeIn(draw, size, granules));
  const most = size - offset;
  if (draw.chance(0.4))
    return { offset, length: Math.min(most, draw.pick([1, 511, 512, 513, 4096, CLUSTER])) };
  const end = placeIn(draw, size, granules);
  if (end > offset && end - offset <= LONGEST) return { offset, length: end - offset };
  return { offset, length: Math.min(most, LONGEST) };
}

/** Longer requests take long and find nothing more. */
const LONGEST = MIB + CLUSTER;

function placeIn(draw: Draw, size: number, granules: readonly number[]): number {
  const unit = draw.pick([512, 4096, CLUSTER, ...granules]);
  const place = draw.chance(0.2)
    ? size - draw.pick([1, 511, 512, 513, 0])
    : unit * draw.int(0, Math.ceil(size / unit)) + draw.pick([0, 0, 0, -1, 1, -512, 512]);
  return Math.max(0, Math.min(size, place));
}

/** Another size for a disk. */
export function newSize(draw: Draw, size: number): number {
  const near = [
    size - 512,
    size + 512,
    size + CLUSTER,
    size - CLUSTER,
    size * 2,
    Math.floor(size / 1024) * 512,
  ];
  const wanted = draw.chance(0.5) ? draw.pick(near) : diskSize(draw);
  return Math.max(512, Math.min(16 * MIB, wanted));
}

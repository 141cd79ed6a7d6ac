/**
 * The guest's writes that the qbm bench is about, and what is compared of them. Sizes and offsets are bytes.
 *
 * All disks get the same writes, each in a MiB of its own: so each sets a new bit in a clean bitmap of any granularity
 * measured here, and the same ones find their bits set when they come again. The data of all of them has been written
 * before, so that nobody pays for finding room on the disk.
 */
import { size as sizeText } from '../print.js';

export const DISK_BYTES = 16 * 2 ** 30;
export const WRITE_BYTES = 4096;
export const GRANULARITIES: readonly number[] = [512, 4096, 65536, 2 ** 20];

/** The two states of the granules before the writes: all clean, or all dirty by the same writes before. */
export const FILLS = ['fresh', 'dirty'] as const;
export type GranuleFill = (typeof FILLS)[number];

/** One write after the other, or a flush of the guest after each. */
export type Flushing = 'no flush' | 'flush after each';

const MIB = 2 ** 20;

/** The offsets of `count` writes, in the order in which they come: always the same. */
export function offsets(count: number): readonly number[] {
  const pick = picker();
  const seen = new Set<number>();
  while (seen.size < count) seen.add(pick(DISK_BYTES / MIB));
  return [...seen].map((mib) => mib * MIB + pick(MIB / WRITE_BYTES) * WRITE_BYTES);
}

/** Numbers from 0 to below `limit` as if by chance: Park and Miller's generator, whose products stay below 2^53. */
export function picker(): (limit: number) => number {
  let state = 1;
  return (limit) => {
    state = (state * 48271) % (2 ** 31 - 1);
    return Math.floor((state / (2 ** 31 - 1)) * limit);
  };
}

/** `64 KiB`, for the name of a row. */
export function granularityText(granularity: number): string {
  return sizeText(granularity).replace('.00', '').replace(/\.0 /, ' ');
}

/** Granularity: how many bytes of the disk one bit stands for. BITMAPS.md, BMP-003 and BMP-004. */
import { BitmapError } from './errors.js';

/** 512 bytes. */
export const MIN_GRANULARITY = 512;
/** 2 GiB: the largest power of two that QMP's 32-bit argument can carry. */
export const MAX_GRANULARITY = 2 ** 31;

const DEFAULT_LOWEST = 4096;
const DEFAULT_HIGHEST = 65536;

/** Whether `bytes` is a power of two from 512 to 2 GiB. */
export function isGranularity(bytes: number): boolean {
  for (let legal = MIN_GRANULARITY; legal <= MAX_GRANULARITY; legal *= 2) if (legal === bytes) return true;
  return false;
}

/** @throws BitmapError BMP-E-GRANULARITY */
export function checkGranularity(bytes: number): void {
  // BMP-003
  if (!isGranularity(bytes)) throw new BitmapError('BMP-E-GRANULARITY');
}

/** The granularity of a bitmap that is added without one, in bytes. `clusterSize`: of its node, in bytes; null if it has none. */
export function defaultGranularity(clusterSize: number | null): number {
  // BMP-004
  if (clusterSize === null || clusterSize === 0) return DEFAULT_HIGHEST;
  return Math.min(Math.max(clusterSize, DEFAULT_LOWEST), DEFAULT_HIGHEST);
}

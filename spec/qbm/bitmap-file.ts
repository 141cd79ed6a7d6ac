/**
 * The file of a bitmap: bare bits, ceil(ceil(size / granularity) / 8) bytes. FORMAT.md, QBM-021. Everything goes in
 * chunks of 64 KiB, so that a file is never in memory beside the bitmap.
 */
import { DirtyBitmap, type NewBitmap } from '../bitmap/dirty-bitmap.js';
import { serialise, serialisedLength } from '../bitmap/serialise.js';
import type { StorageFile } from '../storage/storage.js';
import { QbmError } from './errors.js';
import { MAX_BITMAP_BITS, MAX_IMAGE_BYTES } from './limits.js';

/** Bytes read or written at once; that of a page of a bit vector. */
const CHUNK = 65536;

/** What is needed to know how long a bitmap is, and to speak of it. */
export interface Geometry {
  /** of the bitmap */
  readonly name: string;
  /** as the descriptor names it */
  readonly file: string;
  /** bytes of the data image, as its format reads it */
  readonly imageSize: number | bigint;
  readonly granularityBytes: number;
}

/** QBM-018: @throws QbmError QBM-E-IMAGE-SIZE when a data image of `size` bytes is too large */
export function checkImageSize(size: number | bigint): void {
  if (size > MAX_IMAGE_BYTES) throw new QbmError('QBM-E-IMAGE-SIZE', { size, limit: MAX_IMAGE_BYTES });
}

/** Bits of a bitmap. @throws QbmError QBM-E-IMAGE-SIZE, QBM-E-BITS */
export function bitsOf({ name, imageSize, granularityBytes }: Geometry): number {
  checkImageSize(imageSize);
  const bits = Math.ceil(Number(imageSize) / granularityBytes);
  if (bits > MAX_BITMAP_BITS) throw new QbmError('QBM-E-BITS', { name, bits, limit: MAX_BITMAP_BITS });
  return bits;
}

/** Bytes of the file of a bitmap. @throws QbmError QBM-E-IMAGE-SIZE, QBM-E-BITS */
export function bitmapFileSize(geometry: Geometry): number {
  return serialisedLength(bitsOf(geometry));
}

/**
 * Whether the file fits the geometry, from its length and its last byte. With `excess` (QBM-037: a writer died) it may
 * be longer, and what lies after the last granule is not looked at.
 * @throws QbmError QBM-E-IMAGE-SIZE, QBM-E-BITS, QBM-E-BITMAP-SIZE, QBM-E-TAIL; StorageError
 */
export function checkBitmapFile(file: StorageFile, geometry: Geometry, excess = false): void {
  const expected = bitmapFileSize(geometry);
  const args = { name: geometry.name, file: geometry.file };
  const found = file.size;
  if (found < expected || (found > expected && !excess))
    throw new QbmError('QBM-E-BITMAP-SIZE', { ...args, found, expected });
  if (excess || expected === 0) return;
  const last = new Uint8Array(1);
  file.read(expected - 1, last);
  const bits = bitsOf(geometry);
  if ((last[0]! & ~usedOfLastByte(bits)) !== 0) throw new QbmError('QBM-E-TAIL', { ...args, last: bits - 1 });
}

/**
 * The bitmap that the file holds; its memory is that of the bitmap and one chunk.
 * @throws QbmError as {@link checkBitmapFile}; StorageError
 */
export function loadBitmap(
  file: StorageFile,
  geometry: Geometry,
  more: Pick<NewBitmap, 'enabled' | 'persistent'> = {},
  excess = false,
): DirtyBitmap {
  checkBitmapFile(file, geometry, excess);
  const size = Number(geometry.imageSize);
  const bitmap = new DirtyBitmap({
    name: geometry.name,
    size,
    granularity: geometry.granularityBytes,
    ...more,
  });
  const bits = bitsOf(geometry);
  const end = serialisedLength(bits);
  const buffer = new Uint8Array(CHUNK);
  const words = new Uint32Array(buffer.buffer);
  for (let at = 0; at < end; at += CHUNK) {
    const piece = buffer.subarray(0, Math.min(CHUNK, end - at));
    buffer.fill(0, piece.length);
    file.read(at, piece);
    if (at + CHUNK >= end) piece[piece.length - 1]! &= usedOfLastByte(bits);
    // The bitmap is clear already; most of a bitmap is, mostly.
    if (!isZero(words)) bitmap.bits.load(at, piece);
  }
  return bitmap;
}

/**
 * Writes all bits of the bitmap, and of the successor that records in its place (QBM-031), and makes the file exactly
 * as long as they need. Flushes nothing. @throws StorageError
 */
export function storeBitmap(file: StorageFile, bitmap: DirtyBitmap): void {
  const end = serialisedLength(bitmap.bits.length);
  if (file.size !== end) file.truncate(end);
  const others = bitmap.successor === null ? null : serialise(bitmap.successor);
  let at = 0;
  for (const chunk of serialise(bitmap)) {
    const other = others?.next().value ?? null;
    const bytes = other === null ? chunk : chunk.map((byte, index) => byte | other[index]!);
    if (isZero(bytes)) file.zero(at, bytes.length);
    else file.write(at, bytes);
    at += bytes.length;
  }
}

/**
 * Writes the bytes from `start` to `end` of the bitmap's file, as {@link storeBitmap} would; for writing back what a
 * meta bitmap says (QBM-034). Flushes nothing.
 * @throws StorageError; RangeError when the range leaves the file
 */
export function storeBitmapRange(file: StorageFile, bitmap: DirtyBitmap, start: number, end: number): void {
  const length = serialisedLength(bitmap.bits.length);
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0 || end > length || start > end)
    throw new RangeError(`bytes ${start} to ${end}: not a range in a bitmap file of ${length} bytes`);
  for (let at = start; at < end; at += CHUNK) {
    const piece = new Uint8Array(Math.min(CHUNK, end - at));
    bitmap.bits.copyBytes(at, piece);
    if (bitmap.successor !== null) orBytes(piece, bitmap.successor, at);
    file.write(at, piece);
  }
}

/** Makes the file that of a bitmap with every granule dirty. Flushes nothing. @throws QbmError QBM-E-IMAGE-SIZE, QBM-E-BITS */
export function storeAllDirty(file: StorageFile, geometry: Geometry): void {
  const bits = bitsOf(geometry);
  const end = serialisedLength(bits);
  if (file.size !== end) file.truncate(end);
  const buffer = new Uint8Array(Math.min(CHUNK, end)).fill(0xff);
  for (let at = 0; at < end; at += CHUNK) {
    const piece = buffer.subarray(0, Math.min(CHUNK, end - at));
    if (at + CHUNK >= end) piece[piece.length - 1]! &= usedOfLastByte(bits);
    file.write(at, piece);
  }
}

/** Cuts a file that is too long, and clears the bits after the last granule. Flushes nothing. @throws as above */
export function cutBitmapFile(file: StorageFile, geometry: Geometry): void {
  const bits = bitsOf(geometry);
  const end = serialisedLength(bits);
  if (file.size > end) file.truncate(end);
  if (end === 0) return;
  const last = new Uint8Array(1);
  file.read(end - 1, last);
  const cut = last[0]! & usedOfLastByte(bits);
  if (cut !== last[0]) file.write(end - 1, Uint8Array.of(cut));
}

/** The bits of the last byte that stand for granules. */
function usedOfLastByte(bits: number): number {
  const used = bits % 8;
  return used === 0 ? 0xff : (1 << used) - 1;
}

function isZero(words: Uint32Array | Uint8Array): boolean {
  for (let i = 0; i < words.length; i++) if (words[i] !== 0) return false;
  return true;
}

/** Adds what `bitmap` has in the same bytes of its serialisation. */
function orBytes(piece: Uint8Array, bitmap: DirtyBitmap, at: number): void {
  const other = new Uint8Array(piece.length);
  bitmap.bits.copyBytes(at, other);
  for (let i = 0; i < piece.length; i++) piece[i]! |= other[i]!;
}

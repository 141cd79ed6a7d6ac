/**
 * The bits of a bitmap as bytes, and their SHA-256. BITMAPS.md, BMP-027 and BMP-028. The hash itself comes from
 * outside: the specification computes none.
 */
import { DirtyBitmap, type NewBitmap } from './dirty-bitmap.js';
import { BitmapError } from './errors.js';

/** A SHA-256 under way. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** 64 lower-case hexadecimal digits; ends the computation */
  digestHex(): string;
}

const WORD_BYTES = 8;

/** Bytes of the serialisation of `bits` bits. */
export function serialisedLength(bits: number): number {
  return Math.ceil(bits / 8);
}

/**
 * The bits in ceil(bits / 8) bytes, in chunks of at most 64 KiB. A chunk may share memory with the bitmap: do not
 * write to it, and use it before the bitmap changes.
 */
export function* serialise(bitmap: DirtyBitmap): Generator<Uint8Array, void, undefined> {
  // BMP-027
  let left = serialisedLength(bitmap.bits.length);
  for (const chunk of bitmap.bits.bytes()) {
    yield chunk.subarray(0, left);
    left -= Math.min(left, chunk.length);
  }
}

/** As {@link serialise}, padded with zeros to a multiple of 8 bytes and to at least 8: what is hashed. */
export function* serialisePadded(bitmap: DirtyBitmap): Generator<Uint8Array, void, undefined> {
  // BMP-028
  if (bitmap.bits.length === 0) yield new Uint8Array(WORD_BYTES);
  else yield* bitmap.bits.bytes();
}

/** The SHA-256 of the padded serialisation, as x-debug-block-dirty-bitmap-sha256 of QEMU gives it. */
export function sha256(bitmap: DirtyBitmap, makeHash: () => Sha256): string {
  // BMP-028
  const hash = makeHash();
  for (const chunk of serialisePadded(bitmap)) hash.update(chunk);
  return hash.digestHex();
}

/**
 * The bitmap `from` with the content that {@link serialise} gave; chunks may be cut anywhere.
 * @throws BitmapError BMP-E-CONTENT-LENGTH when it is too short or too long, BMP-E-CONTENT-TAIL when a bit after the
 * last granule is set; those of the constructor
 */
export function deserialise(content: Iterable<Uint8Array>, from: NewBitmap): DirtyBitmap {
  const bitmap = new DirtyBitmap(from);
  const { bits } = bitmap;
  const expected = serialisedLength(bits.length);
  let found = 0;
  let lastByte = 0;
  for (const chunk of content) {
    if (found + chunk.length > expected) {
      throw new BitmapError('BMP-E-CONTENT-LENGTH', { found: `${found + chunk.length} or more`, expected });
    }
    if (chunk.length > 0) lastByte = chunk[chunk.length - 1]!;
    if (found + chunk.length === expected) checkTail(lastByte, bits.length);
    bits.load(found, chunk);
    found += chunk.length;
  }
  if (found !== expected) throw new BitmapError('BMP-E-CONTENT-LENGTH', { found, expected });
  return bitmap;
}

/** BMP-027: the bits of the last byte beyond the last granule are clear. */
function checkTail(lastByte: number, bits: number): void {
  const used = bits % 8;
  if (used !== 0 && lastByte >>> used !== 0) throw new BitmapError('BMP-E-CONTENT-TAIL', { last: bits - 1 });
}

/**
 * A dirty bitmap: which granules of a disk were written since the bitmap was added or cleared, and the states that
 * say who may use it. BITMAPS.md. Offsets, lengths and sizes are bytes.
 */
import { BitVector, MAX_BITS } from './bits.js';
import { BitmapError } from './errors.js';
import { checkGranularity } from './granularity.js';

/** A range of the disk in bytes. */
export interface ByteArea {
  readonly offset: number;
  readonly length: number;
}

/** What a bitmap is made from. */
export interface NewBitmap {
  /** null: anonymous, not visible from outside */
  readonly name: string | null;
  /** bytes of the disk */
  readonly size: number;
  /** bytes */
  readonly granularity: number;
  /** default true */
  readonly enabled?: boolean;
  /** default false */
  readonly persistent?: boolean;
}

/** The content of a bitmap at one moment, to go back to. Opaque; it belongs to the bitmap that gave it. */
export class SavedContent {
  readonly size: number;
  readonly bits: BitVector;
  constructor(size: number, bits: BitVector) {
    this.size = size;
    this.bits = bits;
  }
}

export class DirtyBitmap {
  name: string | null;
  readonly granularity: number;
  /** a bitmap that is not enabled does not see writes */
  enabled: boolean;
  /** in use by an operation, which alone may change it */
  busy = false;
  /** stored with the image */
  persistent: boolean;
  /** its stored content was not written back: only removing it is left */
  inconsistent = false;
  /** it is stored in an image that is open read-only */
  readonly = false;
  /** the anonymous bitmap that records while this one is busy; also in the node's list */
  successor: DirtyBitmap | null = null;

  private diskSize: number;
  private vector: BitVector;

  /** A clean bitmap. @throws BitmapError BMP-E-GRANULARITY, BMP-E-TOO-LARGE; RangeError when `size` is no byte count */
  constructor(from: NewBitmap) {
    checkGranularity(from.granularity);
    this.name = from.name;
    this.granularity = from.granularity;
    this.enabled = from.enabled ?? true;
    this.persistent = from.persistent ?? false;
    this.diskSize = from.size;
    this.vector = new BitVector(granulesOf(from.size, from.granularity));
  }

  /** Bytes of the disk. */
  get size(): number {
    return this.diskSize;
  }

  /** One bit a granule; for the files of this directory, which keep it as long as the disk. */
  get bits(): BitVector {
    return this.vector;
  }

  /** Set bits × granularity, in bytes; the tail granule counts in full. */
  get count(): number {
    return this.vector.count * this.granularity; // BMP-005
  }

  /** Whether writes are seen, by the bitmap itself or by the successor that stands in for it. */
  get recording(): boolean {
    return this.enabled || (this.successor?.enabled ?? false); // BMP-009
  }

  /** What a node calls for a request of its guest or parent: marks, if the bitmap is enabled. */
  record(offset: number, length: number): void {
    if (this.enabled) this.mark(offset, length); // BMP-009, BMP-010
  }

  /** Marks every granule that the range touches, enabled or not. @throws RangeError when it leaves the disk */
  mark(offset: number, length: number): void {
    this.checkRange(offset, length);
    if (length === 0) return; // BMP-006
    this.vector.setRange(
      Math.floor(offset / this.granularity),
      Math.ceil((offset + length) / this.granularity),
    );
  }

  /**
   * Clears the granules that lie wholly inside the range. The tail granule does if the range reaches the end of the
   * disk. @throws RangeError when the range leaves the disk
   */
  unmark(offset: number, length: number): void {
    this.checkRange(offset, length);
    // BMP-008
    const start = Math.ceil(offset / this.granularity);
    const reachesEnd = offset + length === this.diskSize;
    const end = reachesEnd ? this.vector.length : Math.floor((offset + length) / this.granularity);
    if (start < end) this.vector.clearRange(start, end);
  }

  /** Clears every granule. */
  clear(): void {
    // BMP-036
    this.vector = new BitVector(this.vector.length);
  }

  /** The content as it is now, for {@link restore}. */
  save(): SavedContent {
    return new SavedContent(this.diskSize, this.vector.clone());
  }

  /** Goes back to `saved`, whatever state the bitmap is in. @throws RangeError when the disk was resized since */
  restore(saved: SavedContent): void {
    if (saved.size !== this.diskSize) {
      throw new RangeError(
        `content saved at ${saved.size} bytes cannot be restored to a disk of ${this.diskSize}`,
      );
    }
    this.vector = saved.bits.clone();
  }

  /** Follows the disk to a new size, in any state. @throws BitmapError BMP-E-TOO-LARGE; RangeError for no byte count */
  resize(size: number): void {
    this.vector.resize(granulesOf(size, this.granularity)); // BMP-023
    this.diskSize = size;
  }

  /** The maximal dirty areas, ascending, the last one cut at the end of the disk. Not to be changed meanwhile. */
  *dirtyAreas(): Generator<ByteArea, void, undefined> {
    // BMP-026
    for (const { start, end } of this.vector.areas()) yield this.areaOf(start, end);
  }

  /** The first dirty byte in offset..end-1, or -1. `end` is the end of the disk unless given. */
  nextDirty(offset: number, end: number = this.diskSize): number {
    if (offset >= end) return -1;
    this.checkRange(offset, end - offset);
    return this.byteOf(
      this.vector.nextSet(this.granuleOf(offset), Math.ceil(end / this.granularity)),
      offset,
    );
  }

  /** The first clean byte in offset..end-1, or -1. `end` is the end of the disk unless given. */
  nextClean(offset: number, end: number = this.diskSize): number {
    if (offset >= end) return -1;
    this.checkRange(offset, end - offset);
    return this.byteOf(
      this.vector.nextClear(this.granuleOf(offset), Math.ceil(end / this.granularity)),
      offset,
    );
  }

  /** The first dirty area in offset..end-1, cut to that range and to at most `longest` bytes, or null. */
  nextDirtyArea(offset: number, end: number = this.diskSize, longest = Infinity): ByteArea | null {
    const start = this.nextDirty(offset, end);
    if (start < 0) return null;
    const limit = Math.min(end, start + longest);
    const clean = this.nextClean(start, limit);
    return { offset: start, length: (clean < 0 ? limit : clean) - start };
  }

  private areaOf(start: number, end: number): ByteArea {
    const offset = start * this.granularity;
    return { offset, length: Math.min(end * this.granularity, this.diskSize) - offset };
  }

  private granuleOf(offset: number): number {
    return Math.floor(offset / this.granularity);
  }

  /** Where a granule begins, or `from` if that is inside of it; -1 for none. */
  private byteOf(granule: number, from: number): number {
    return granule < 0 ? -1 : Math.max(from, granule * this.granularity);
  }

  private checkRange(offset: number, length: number): void {
    const exact = Number.isSafeInteger(offset) && Number.isSafeInteger(length);
    if (!exact || offset < 0 || length < 0 || length > this.diskSize - offset) {
      throw new RangeError(`${offset}+${length}: not a range of a disk of ${this.diskSize} bytes`);
    }
  }
}

/**
 * How many granules a disk of `size` bytes has; the last may be cut short.
 * @throws BitmapError BMP-E-TOO-LARGE; RangeError when `size` is no byte count
 */
export function granulesOf(size: number, granularity: number): number {
  if (!Number.isSafeInteger(size) || size < 0)
    throw new RangeError(`a disk of ${size} bytes: not a byte count`);
  const bits = Math.ceil(size / granularity);
  // BMP-030
  if (bits > MAX_BITS) throw new BitmapError('BMP-E-TOO-LARGE', { bits, limit: MAX_BITS });
  return bits;
}

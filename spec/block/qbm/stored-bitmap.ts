/**
 * A bitmap and the file that it is stored in. A meta bitmap says which bytes of the file are behind the bits in memory.
 * FORMAT.md, QBM-021, QBM-031 and QBM-034.
 */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { serialisedLength } from '../../bitmap/serialise.js';
import { storeBitmapRange } from '../../qbm/bitmap-file.js';
import type { NodeFile } from './node-file.js';

/** Bytes of the file that one bit of the meta bitmap stands for: what a disk writes at least. */
const META_GRANULARITY = 4096;

export interface StoredOptions {
  /** the file has to be written as a whole */
  readonly isBehind?: boolean;
  /** the file may be longer than the bits need: a part of something else, which is not to be cut */
  readonly mayBeLonger?: boolean;
}

export class StoredBitmap {
  bitmap: DirtyBitmap;
  readonly file: NodeFile;
  readonly #mayBeLonger: boolean;
  #meta: DirtyBitmap;

  constructor(bitmap: DirtyBitmap, file: NodeFile, options: StoredOptions = {}) {
    this.bitmap = bitmap;
    this.file = file;
    this.#mayBeLonger = options.mayBeLonger ?? false;
    this.#meta = metaOf(bitmap);
    if (options.isBehind) this.changed();
  }

  /** Whether a request sets bits, in the bitmap or in the successor that stands in for it. */
  get records(): boolean {
    return (this.bitmap.successor ?? this.bitmap).enabled;
  }

  /** Whether a write to this range of the disk (bytes) would set a bit that is clear. */
  isNew(offset: number, length: number): boolean {
    return (this.bitmap.successor ?? this.bitmap).nextClean(offset, offset + length) >= 0;
  }

  /** Whether a bit of this range of the disk (bytes) may not be on disk as it is in memory. */
  isBehind(offset: number, length: number): boolean {
    const { start, end } = this.#bytesOf(offset, length);
    return this.#meta.nextDirty(start, end) >= 0;
  }

  /** The bits of this range of the disk (bytes) may have changed. */
  marked(offset: number, length: number): void {
    const { start, end } = this.#bytesOf(offset, length);
    this.#meta.mark(start, end - start);
  }

  /** Any bit may have changed. */
  changed(): void {
    this.#meta.mark(0, this.#meta.size);
  }

  /** Another bitmap of the same size and granularity is what is stored from now on. */
  become(bitmap: DirtyBitmap): void {
    this.bitmap = bitmap;
    this.changed();
  }

  /** Before the disk grows to `size` bytes: the file is long enough for it, and that is on disk. QBM-037 */
  makeRoom(size: number): void {
    const length = serialisedLength(Math.ceil(size / this.bitmap.granularity));
    if (this.file.size >= length) return;
    this.file.truncate(length);
    this.file.flush();
  }

  /** The disk, and the bitmap with it, has another size: the file will be written as a whole. */
  resized(): void {
    this.#meta = metaOf(this.bitmap);
    this.changed();
  }

  /**
   * Writes what is behind, and nothing else, and flushes it. After an error all of it is still behind: whether what was
   * written is on disk is not known. @throws StorageError
   */
  sync(): void {
    for (const { offset, length } of this.#meta.dirtyAreas()) {
      storeBitmapRange(this.file, this.bitmap, offset, offset + length);
    }
    this.file.flush();
    this.#meta.clear();
  }

  /** As {@link sync}, and the file is exactly as long as it has to be. @throws StorageError, BlockError */
  settle(): void {
    const length = serialisedLength(this.bitmap.bits.length);
    const { size } = this.file;
    if (size < length || (size > length && !this.#mayBeLonger)) this.file.truncate(length);
    this.sync();
  }

  /** The bytes of the file that hold the bits of a range of the disk. */
  #bytesOf(offset: number, length: number): { start: number; end: number } {
    const { granularity } = this.bitmap;
    const start = Math.floor(Math.floor(offset / granularity) / 8);
    return { start, end: length === 0 ? start : Math.ceil(Math.ceil((offset + length) / granularity) / 8) };
  }
}

function metaOf(bitmap: DirtyBitmap): DirtyBitmap {
  const size = serialisedLength(bitmap.bits.length);
  return new DirtyBitmap({ name: null, size, granularity: META_GRANULARITY });
}

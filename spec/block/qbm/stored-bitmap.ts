/**
 * A bitmap and the file that it is stored in. A meta bitmap says which bytes of the file are behind the bits in memory.
 * FORMAT.md, QBM-021, QBM-031 and QBM-034.
 */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { serialisedLength } from '../../bitmap/serialise.js';
import { storeBitmap, storeBitmapRange } from '../../qbm/bitmap-file.js';
import type { NodeFile } from './node-file.js';

/** Bytes of the file that one bit of the meta bitmap stands for: what a disk writes at least. */
const META_GRANULARITY = 4096;

export class StoredBitmap {
  readonly bitmap: DirtyBitmap;
  readonly file: NodeFile;
  #meta: DirtyBitmap;

  /** @param isBehind whether the file has to be written as a whole */
  constructor(bitmap: DirtyBitmap, file: NodeFile, isBehind: boolean) {
    this.bitmap = bitmap;
    this.file = file;
    this.#meta = metaOf(bitmap);
    if (isBehind) this.changed();
  }

  /** Whether a write to this range of the disk (bytes) would set a bit that is clear. */
  isNew(offset: number, length: number): boolean {
    const recording = this.bitmap.successor ?? this.bitmap;
    return recording.enabled && length > 0 && recording.nextClean(offset, offset + length) >= 0;
  }

  /** The bits of this range of the disk (bytes) may have changed. */
  marked(offset: number, length: number): void {
    if (length === 0) return;
    const { granularity } = this.bitmap;
    const start = Math.floor(Math.floor(offset / granularity) / 8);
    const end = Math.ceil(Math.ceil((offset + length) / granularity) / 8);
    this.#meta.mark(start, end - start);
  }

  /** Any bit may have changed. */
  changed(): void {
    this.#meta.mark(0, this.#meta.size);
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

  /** Writes what is behind, and nothing else. Flushes nothing. @throws StorageError */
  writeOut(): void {
    for (const { offset, length } of this.#meta.dirtyAreas()) {
      storeBitmapRange(this.file, this.bitmap, offset, offset + length);
    }
    this.#meta.clear();
  }

  /** Writes everything, makes the file exactly as long as it has to be, and flushes it. @throws StorageError */
  store(): void {
    storeBitmap(this.file, this.bitmap);
    this.file.flush();
    this.#meta.clear();
  }

  /** At the end: as {@link store}, but only what is behind is written. @throws StorageError */
  settle(): void {
    const length = serialisedLength(this.bitmap.bits.length);
    if (this.file.size !== length) this.file.truncate(length);
    this.writeOut();
    this.file.flush();
  }
}

function metaOf(bitmap: DirtyBitmap): DirtyBitmap {
  const size = serialisedLength(bitmap.bits.length);
  return new DirtyBitmap({ name: null, size, granularity: META_GRANULARITY });
}

/**
 * The stored side of a QBM image: its descriptor, and the order in which it and the bitmap files are brought up to date,
 * so that a crash at any point leaves an image that opens. FORMAT.md, QBM-027 to QBM-029 and QBM-031 to QBM-038.
 */
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { Sha256 } from '../../bitmap/serialise.js';
import {
  type BitmapEntry,
  bitmapEntry,
  type Descriptor,
  descriptor,
  type ImageRef,
  type Policy,
} from '../../qbm/descriptor.js';
import { QbmError } from '../../qbm/errors.js';
import { MAX_BITMAPS } from '../../qbm/limits.js';
import { bitmapFileName } from '../../qbm/names.js';
import { faultOfName } from '../../qbm/read-bitmap.js';
import { DescriptorFile } from '../../qbm/update.js';
import { writeDescriptor } from '../../qbm/write-descriptor.js';
import { type Storage, StorageError } from '../../storage/storage.js';
import { BlockError } from '../errors.js';

/** How often another name is tried for a bitmap file, QBM-026. */
const LAST_ATTEMPT = 99;

export class DescriptorStore {
  readonly name: string;
  readonly #storage: Storage;
  readonly #makeHash: () => Sha256;
  /** null: the lock was lost to somebody else, who may write */
  #file: DescriptorFile | null;
  #read: Descriptor;
  /** the bytes of it, as they were read or written last */
  #content: Uint8Array;
  /** an update failed: the descriptor on disk is that before it or that after it */
  #isUnsure = false;
  /** a marker that could not be put back: nothing may be written before it is there */
  #owed: Descriptor | null = null;

  constructor(storage: Storage, makeHash: () => Sha256, file: DescriptorFile, read: Descriptor) {
    this.name = file.name;
    this.#storage = storage;
    this.#makeHash = makeHash;
    this.#file = file;
    this.#read = read;
    this.#content = file.content;
  }

  get read(): Descriptor {
    return this.#read;
  }

  /** What the descriptor's file names are called in the storage. */
  resolve(file: string): string {
    return this.#storage.resolve(this.name, file);
  }

  entry(name: string): BitmapEntry | undefined {
    return this.#read.bitmaps.find((entry) => entry.name === name);
  }

  /**
   * Before anything else is written: the marker, in the place of one that a crash left; with it, what that one says of
   * the bitmaps. QBM-027, QBM-030
   */
  take(policy: Policy, writer: string): void {
    const found = this.#read.inUse;
    const isSuspect = found?.policy === 'writeback';
    const bitmaps = this.#read.bitmaps.map((entry) => ({
      ...entry,
      checksum: null,
      inconsistent: entry.inconsistent || (isSuspect && entry.type === 'dirty'),
    }));
    this.#put({
      ...this.#read,
      image: { ...this.#read.image, checksum: null },
      bitmaps,
      inUse: { policy, writer },
    });
    this.#owed = null; // what was owed to the time before
  }

  /**
   * A reader becomes the writer. @throws QbmError QBM-E-LOCKED; BlockError REF-E-REOPEN-CHANGED if what was read is not what
   * is there now. The reader goes on reading then.
   */
  becomeWriter(): void {
    this.#file?.close();
    this.#file = null;
    try {
      const file = DescriptorFile.open(this.#storage, this.name, 'exclusive');
      if (!isSame(file.content, this.#content)) {
        file.close();
        throw new BlockError('REF-E-REOPEN-CHANGED', { file: this.name });
      }
      this.#file = file;
    } catch (error) {
      this.becomeReader();
      throw error;
    }
  }

  /** The writer lets readers in. One who has got the lock meanwhile keeps it: what was read here stays what it was. */
  becomeReader(): void {
    this.#file?.close();
    this.#file = null;
    try {
      this.#file = DescriptorFile.open(this.#storage, this.name, 'shared');
    } catch (error) {
      if (!(error instanceof QbmError)) throw error;
    }
  }

  /** Puts a descriptor that was there before in its place again. After a failure it is owed: see {@link settle}. */
  putBack(before: Descriptor): void {
    try {
      this.#put(before);
    } catch (error) {
      if (!(error instanceof QbmError)) throw error;
      this.#owed = before;
    }
  }

  /** What the allocation bitmap names as backing file; null: nothing. */
  get backing(): ImageRef | null {
    return this.#read.bitmaps.find(({ type }) => type === 'allocation')?.backing ?? null;
  }

  /** Another backing file in the allocation bitmap. @throws QbmError QBM-E-FILE, QBM-E-FORMAT */
  setBacking(backing: ImageRef | null): void {
    const bitmaps = this.#read.bitmaps.map((entry) =>
      entry.type === 'allocation' ? { ...entry, backing } : entry,
    );
    this.#put(descriptor(this.#read.image, bitmaps, this.#read));
  }

  /** At the end: whether bitmaps record, and no marker. QBM-036 */
  release(bitmaps: readonly DirtyBitmap[]): void {
    this.#put({ ...this.#withRecording(bitmaps), inUse: null });
  }

  /** Whether bitmaps record, if the descriptor says otherwise. QBM-031 */
  recording(bitmaps: readonly DirtyBitmap[]): void {
    const next = this.#withRecording(bitmaps);
    if (next.bitmaps.some((entry, index) => entry.recording !== this.#read.bitmaps[index]!.recording))
      this.#put(next);
  }

  /**
   * @param awaiting how many bitmaps are still to be added
   * @throws QbmError if a bitmap of this name cannot be stored: QBM-E-NAME, QBM-E-TOO-MANY
   */
  checkNew(name: string, awaiting: number): void {
    const isAllocation = this.entry(name)?.type === 'allocation';
    const problem = isAllocation ? 'it is that of the allocation bitmap' : faultOfName(name);
    if (problem !== null) throw new QbmError('QBM-E-NAME', { name, problem });
    const count = this.#read.bitmaps.length + awaiting + 1;
    if (count > MAX_BITMAPS) throw new QbmError('QBM-E-TOO-MANY', { count, limit: MAX_BITMAPS });
  }

  /** A new, empty file for the bitmap; its name is on disk. QBM-024, QBM-026, QBM-036 */
  createFile(name: string): string {
    for (let attempt = 1; ; attempt++) {
      const file = bitmapFileName(this.name, name, 'dirty', this.#makeHash, attempt);
      try {
        this.#storage.create(this.resolve(file)).close();
        this.#storage.flushDirectory(this.name);
        return file;
      } catch (error) {
        const isTaken = error instanceof StorageError && error.errno === 'EEXIST';
        if (!isTaken || attempt === LAST_ATTEMPT) throw error;
      }
    }
  }

  /** The descriptor with the bitmap, whose file is whole and flushed. */
  add(bitmap: DirtyBitmap, file: string): void {
    const entry = bitmapEntry(bitmap.name!, file, bitmap.granularity, { recording: bitmap.recording });
    this.#put(descriptor(this.#read.image, [...this.#read.bitmaps, entry], this.#read));
  }

  /** The descriptor without the bitmap; its file can be removed after that. */
  remove(name: string): void {
    this.#put({ ...this.#read, bitmaps: this.#read.bitmaps.filter((entry) => entry.name !== name) });
  }

  /** Removes a file that no descriptor names any more. One that cannot be removed is left over: QBM-C-ORPHAN. */
  removeFile(file: string): void {
    try {
      if (this.#storage.kind(this.resolve(file)) === null) return; // QBM-029: it may have been missing
      this.#storage.remove(this.resolve(file));
      this.#storage.flushDirectory(this.name);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
    }
  }

  /**
   * Also what could not be put back is put back first. After an update that failed it is not known which descriptor is on disk. Before a guest goes on it has to be that of
   * before: the other one may name a bitmap that does not record. @throws StorageError EIO
   */
  settle(): void {
    if (!this.#isUnsure && this.#owed === null) return;
    try {
      this.#put(this.#owed ?? this.#read);
      this.#owed = null;
    } catch (error) {
      if (error instanceof QbmError && error.id === 'QBM-E-STORAGE') throw new StorageError('EIO', this.name);
      throw error;
    }
  }

  /** As {@link settle}, but only what is owed. @throws StorageError EIO */
  settleOwed(): void {
    if (this.#owed !== null) this.settle();
  }

  /** Gives the lock back. */
  close(): void {
    this.#file?.close();
  }

  #withRecording(bitmaps: readonly DirtyBitmap[]): Descriptor {
    const known = new Map(bitmaps.map((bitmap) => [bitmap.name, bitmap]));
    const entries = this.#read.bitmaps.map((entry) => {
      const bitmap = known.get(entry.name);
      return bitmap === undefined || entry.inconsistent ? entry : { ...entry, recording: bitmap.recording };
    });
    return { ...this.#read, bitmaps: entries };
  }

  #put(next: Descriptor): void {
    const text = writeDescriptor(next, this.name);
    this.#isUnsure = true;
    this.#file!.replace(text);
    this.#isUnsure = false;
    this.#read = next;
    this.#content = this.#file!.content;
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

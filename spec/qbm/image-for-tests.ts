/** Images in memory for tests, and a storage that takes no change. */
import { nodeSha256 } from '../host/sha256.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import type { OpenMode, Storage, StorageFile } from '../storage/storage.js';
import type { CheckOptions } from './check/check.js';
import { type BitmapEntry, bitmapEntry, type Descriptor, descriptor, imageRef } from './descriptor.js';
import { QbmError } from './errors.js';
import { writeDescriptor } from './write-descriptor.js';

/** 10 granules of 64 KiB. */
export const SIZE = 655360;

export const CHECK: CheckOptions = { trust: 'stranger', imageSize: SIZE, makeHash: nodeSha256 };

/** `disk.qbm` with `disk.data` and a dirty bitmap `b0` of which granules 0, 2 and 9 are dirty. */
export const PLAIN: Descriptor = descriptor(imageRef('disk.data', 'raw'), [bitmapEntry('b0', 'b0', 65536)]);

/** As {@link PLAIN}, with an allocation bitmap and a backing file. */
export const OVERLAY: Descriptor = descriptor(imageRef('disk.data', 'raw'), [
  bitmapEntry('b0', 'b0', 65536),
  bitmapEntry('a', 'a', 65536, { type: 'allocation', backing: imageRef('base', 'raw') }),
]);

/** The files that `what` needs, in a storage of their own. */
export function imageOf(what: Descriptor): MemoryStorage {
  const storage = new MemoryStorage();
  storage.put('disk.qbm', new TextEncoder().encode(writeDescriptor(what, 'disk.qbm')));
  storage.put('disk.data', SIZE);
  storage.put('base', SIZE);
  for (const { file } of what.bitmaps) storage.put(file, Uint8Array.of(0x05, 0x02));
  return storage;
}

/** `what` with its bitmap `b0` changed. */
export function withB0(what: Descriptor, change: Partial<BitmapEntry>): Descriptor {
  return {
    ...what,
    bitmaps: what.bitmaps.map((entry) => (entry.name === 'b0' ? { ...entry, ...change } : entry)),
  };
}

/** The content of a file. */
export function contentIn(storage: Storage, name: string): Uint8Array {
  const file = storage.open(name);
  const bytes = new Uint8Array(file.size);
  file.read(0, bytes);
  file.close();
  return bytes;
}

/** The bytes of a small file, to be shown. */
export function bytesIn(storage: Storage, name: string): number[] {
  return [...contentIn(storage, name)];
}

/** The id of the refusal that `use` ends with, or `ok`. Anything else that is thrown goes on. */
export function refusalOf(use: () => unknown): string {
  try {
    use();
    return 'ok';
  } catch (error) {
    if (error instanceof QbmError) return error.id;
    throw error;
  }
}

/** A storage on which every change is a mistake; it also keeps the names that were opened. */
export class NoWrites implements Storage {
  readonly opened: string[] = [];
  readonly #storage: Storage;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  open(name: string, mode: OpenMode = {}): StorageFile {
    this.opened.push(name);
    if (mode.write) throw new Error(`${name} was opened for writing`);
    return this.#storage.open(name, mode);
  }

  create(name: string): StorageFile {
    throw new Error(`${name} was created`);
  }

  kind(name: string): ReturnType<Storage['kind']> {
    return this.#storage.kind(name);
  }

  rename(from: string): void {
    throw new Error(`${from} was renamed`);
  }

  remove(name: string): void {
    throw new Error(`${name} was removed`);
  }

  flushDirectory(name: string): void {
    throw new Error(`the directory of ${name} was flushed`);
  }

  resolve(from: string, name: string): string {
    return this.#storage.resolve(from, name);
  }

  identity(name: string): string {
    return this.#storage.identity(name);
  }
}

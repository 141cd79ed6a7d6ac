/** `file`: a file of the storage. As long as the file; a write past its end makes it longer. */
import { jsonObject } from '../../json/value.js';
import type { Storage, StorageFile } from '../../storage/storage.js';
import { BlockError } from '../errors.js';
import type { Driver } from './driver.js';

const REASONS = { ENOENT: 'No such file or directory', EISDIR: 'Is a directory' } as const;

/** @throws BlockError REF-E-FILENAME, REF-E-OPEN */
export function openFile(storage: Storage, filename: string): Driver {
  if (filename === '') throw new BlockError('REF-E-FILENAME');
  const file = storage.open(filename);
  if (typeof file === 'string') throw new BlockError('REF-E-OPEN', { file: filename, reason: REASONS[file] });
  return new FileDriver(filename, file);
}

class FileDriver implements Driver {
  readonly name = 'file';
  readonly clusterSize = null;
  readonly hasDirtyFlag = true;
  readonly canDiscard = true;
  readonly #filename: string;
  readonly #file: StorageFile;

  constructor(filename: string, file: StorageFile) {
    this.#filename = filename;
    this.#file = file;
  }

  length(): number {
    return this.#file.size;
  }

  read(offset: number, into: Uint8Array): void {
    this.#file.read(offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#file.write(offset, bytes);
  }

  zero(offset: number, length: number): void {
    const end = offset + length;
    // Zeros past the end of a file that is no whole number of sectors are there already, once it is long enough.
    if (end > this.#file.size) this.#file.truncate(end);
    this.#file.zero(offset, length);
  }

  discard(offset: number, length: number): void {
    this.#file.zero(offset, length);
  }

  flush(): void {
    this.#file.flush();
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  sharesResize(): boolean {
    return true;
  }

  filename(): string {
    return this.#filename;
  }

  describe() {
    return jsonObject({ driver: 'file', filename: this.#filename });
  }
}

/** One opening of a real file. */
import { closeSync, fstatSync, fsyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { StorageError, type StorageFile } from '../storage/storage.js';
import { translated } from './directory-storage-errno.js';
import type { FileLock } from './file-lock.js';
import { type FileState, fileState } from './file-state.js';
import { extentAt, punchHole } from './holes.js';

/** Bytes asked of the system at once; it may do fewer, and the rest is asked for again. */
const AT_ONCE = 2 ** 30;
/** Bytes of zeros written at once. */
const ZEROS = 2 ** 20;

export class DirectoryFile implements StorageFile {
  readonly #name: string;
  readonly #fd: number;
  readonly #writable: boolean;
  readonly #unlock: () => void;
  readonly #lock: FileLock | undefined;
  readonly #state: FileState;
  readonly #forget: () => void;
  #isOpen = true;

  /** @param fd of a regular file; closed by `close` @param unlock called once, by `close` @param lock as `unlock` */
  constructor(name: string, fd: number, writable: boolean, unlock: () => void, lock?: FileLock) {
    this.#name = name;
    this.#fd = fd;
    this.#writable = writable;
    this.#unlock = unlock;
    this.#lock = lock;
    const { state, forget } = translated(name, () => fileState(fd));
    this.#state = state;
    this.#forget = forget;
  }

  /** @throws EFBIG when the size cannot be said exactly, from 2^53 on */
  get size(): number {
    const fd = this.#open();
    if (this.#state.size !== null) return this.#state.size;
    const { size } = translated(this.#name, () => fstatSync(fd));
    if (!Number.isSafeInteger(size)) throw new StorageError('EFBIG', this.#name);
    this.#state.size = size;
    return size;
  }

  get allocated(): number {
    return translated(this.#name, () => fstatSync(this.#open())).blocks * 512;
  }

  /** Where holes cannot be found, a file without a block is one. */
  extent(offset: number, length: number): { readonly isHole: boolean; readonly length: number } {
    const fd = this.#open();
    const { data } = this.#state;
    if (data !== null && data.from <= offset && offset < data.to) {
      return { isHole: false, length: Math.min(data.to - offset, length) };
    }
    const found = extentAt(fd, offset, Number.MAX_SAFE_INTEGER);
    if (found === null) return { isHole: this.allocated === 0, length };
    if (!found.isHole) this.#state.data = { from: offset, to: found.end };
    return { isHole: found.isHole, length: Math.min(found.end - offset, length) };
  }

  read(offset: number, into: Uint8Array): void {
    const fd = this.#open();
    this.#check(offset, into.length);
    for (let done = 0; done < into.length; ) {
      const length = Math.min(into.length - done, AT_ONCE);
      const read = translated(this.#name, () => readSync(fd, into, done, length, offset + done));
      if (read === 0) {
        into.fill(0, done);
        return;
      }
      done += read;
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    const fd = this.#forWriting();
    this.#check(offset, bytes.length);
    for (let done = 0; done < bytes.length; ) {
      const length = Math.min(bytes.length - done, AT_ONCE);
      const written = translated(this.#name, () => writeSync(fd, bytes, done, length, offset + done));
      if (written === 0) throw new StorageError('EIO', this.#name);
      done += written;
      this.#state.grown(offset + done);
    }
  }

  /**
   * A hole, where one can be made. Otherwise it reads first and leaves zeros alone, so that holes stay holes. Cutting the file off and making it longer again would be
   * quicker for a range that reaches the end, but a crash in between leaves a shorter file, which `zero` promises not to.
   */
  zero(offset: number, length: number): void {
    const fd = this.#forWriting();
    this.#check(offset, length);
    const end = Math.min(offset + length, this.size);
    this.#state.data = null;
    if (offset >= end || punchHole(fd, offset, end - offset)) return;
    const found = Buffer.alloc(Math.min(ZEROS, Math.max(end - offset, 0)));
    const zeros = Buffer.alloc(found.length);
    for (let at = offset; at < end; at += ZEROS) {
      const part = Math.min(ZEROS, end - at);
      this.read(at, found.subarray(0, part));
      if (found.compare(zeros, 0, part, 0, part) !== 0) this.write(at, zeros.subarray(0, part));
    }
  }

  truncate(size: number): void {
    const fd = this.#forWriting();
    this.#check(size, 0);
    if (this.#lock?.mayResize() === false) throw new StorageError('EAGAIN', this.#name); // IMG-016
    this.#state.changed();
    translated(this.#name, () => ftruncateSync(fd, size));
  }

  /** IMG-016 */
  forbidWriting(isForbidden: boolean): void {
    this.#open();
    if (this.#lock?.forbidWriting(isForbidden) === false) throw new StorageError('EAGAIN', this.#name);
  }

  flush(): void {
    const fd = this.#open();
    translated(this.#name, () => fsyncSync(fd));
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    try {
      translated(this.#name, () => closeSync(this.#fd));
    } finally {
      this.#forget();
      this.#lock?.release();
      this.#unlock();
    }
  }

  /** The number may be another file's by now. */
  #open(): number {
    if (!this.#isOpen) throw new Error(`${this.#name}: used after it was closed`);
    return this.#fd;
  }

  #forWriting(): number {
    const fd = this.#open();
    if (!this.#writable) throw new StorageError('EROFS', this.#name);
    return fd;
  }

  #check(offset: number, length: number): void {
    if (!(Number.isInteger(offset) && offset >= 0 && length >= 0)) {
      throw new RangeError(`${this.#name}: offset ${offset}, length ${length}: not bytes of a file`);
    }
    if (!Number.isSafeInteger(offset + length)) throw new StorageError('EFBIG', this.#name);
  }
}

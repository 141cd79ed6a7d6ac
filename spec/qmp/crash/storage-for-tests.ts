/** A storage with something in between: what every change has to pass, and may be kept from. */
import type { OpenMode, Storage, StorageFile } from '../../storage/storage.js';

export type Op = 'write' | 'zero' | 'truncate' | 'flush' | 'create' | 'rename' | 'remove' | 'flush-directory';

/** Passes everything on. Whoever extends it decides what becomes of a change. */
export class Between implements Storage {
  protected readonly below: Storage;

  constructor(below: Storage) {
    this.below = below;
  }

  /** A change of the file `name`; `done` does it. @param bytes what is written */
  protected change(_op: Op, _name: string, done: () => void, _bytes?: Uint8Array): void {
    done();
  }

  open(name: string, mode?: OpenMode): StorageFile {
    return this.#watched(name, this.below.open(name, mode));
  }

  create(name: string): StorageFile {
    let file: StorageFile | undefined;
    this.change('create', name, () => {
      file = this.below.create(name);
    });
    return this.#watched(name, file!);
  }

  kind(name: string): ReturnType<Storage['kind']> {
    return this.below.kind(name);
  }

  rename(from: string, to: string): void {
    this.change('rename', from, () => this.below.rename(from, to));
  }

  remove(name: string): void {
    this.change('remove', name, () => this.below.remove(name));
  }

  flushDirectory(name: string): void {
    this.change('flush-directory', name, () => this.below.flushDirectory(name));
  }

  resolve(from: string, name: string): string {
    return this.below.resolve(from, name);
  }

  identity(name: string): string {
    return this.below.identity(name);
  }

  #watched(name: string, file: StorageFile): StorageFile {
    const change = (op: Op, done: () => void, bytes?: Uint8Array): void => this.change(op, name, done, bytes);
    return {
      get size() {
        return file.size;
      },
      read: (offset, into) => file.read(offset, into),
      // What is kept back is written later: the caller may use its buffer again.
      write: (offset, bytes) => {
        const kept = bytes.slice();
        change('write', () => file.write(offset, kept), kept);
      },
      zero: (offset, length) => change('zero', () => file.zero(offset, length)),
      truncate: (size) => change('truncate', () => file.truncate(size)),
      flush: () => change('flush', () => file.flush()),
      close: () => file.close(),
    };
  }
}

/** The program has died: nobody catches it but who watches over it. */
export class Died extends Error {}

/** Lets so many changes pass, and then none. */
export class Mortal extends Between {
  left = Infinity;

  protected override change(_op: Op, _name: string, done: () => void): void {
    if (this.left <= 0) throw new Died();
    this.left -= 1;
    done();
  }
}

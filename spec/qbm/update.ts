/**
 * A descriptor in a storage: opened under a lock, replaced as a whole so that after a crash there is the old one or the
 * new one. FORMAT.md, QBM-032 and QBM-035. What has to be there before and may go
 * after (QBM-036) is its callers' matter.
 */
import { type Storage, StorageError, type StorageFile } from '../storage/storage.js';
import { QbmError } from './errors.js';
import { MAX_DESCRIPTOR_BYTES } from './limits.js';
import { temporaryName } from './names.js';
import { tooLong } from './read-descriptor.js';

/** How often an opening begins anew because the descriptor was replaced meanwhile. */
const ATTEMPTS = 16;

/** What the file under the temporary name is for messages. */
export const NEXT_ROLE = 'the next descriptor';

export class DescriptorFile {
  readonly name: string;
  readonly #storage: Storage;
  readonly #exclusive: boolean;
  /** Holds the lock, which is on the name: what the name stands for may have been replaced. */
  readonly #holder: StorageFile;
  #content: Uint8Array;

  private constructor(
    storage: Storage,
    name: string,
    exclusive: boolean,
    holder: StorageFile,
    content: Uint8Array,
  ) {
    this.#storage = storage;
    this.name = name;
    this.#exclusive = exclusive;
    this.#holder = holder;
    this.#content = content;
  }

  /**
   * Opens for reading, with the lock of a reader or of a writer, or none (QBM-032). Writes nothing (QBM-038).
   * @throws QbmError QBM-E-NO-FILE, QBM-E-NOT-REGULAR, QBM-E-TOO-LONG, QBM-E-LOCKED, QBM-E-STORAGE
   */
  static open(storage: Storage, name: string, lock: 'exclusive' | 'shared' | 'none'): DescriptorFile {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const file = openRegular(storage, name, lock);
      try {
        const content = contentOf(file, name);
        // QBM-032: between the opening and the lock the name may have been given to another file.
        if (isStill(storage, name, content))
          return new DescriptorFile(storage, name, lock === 'exclusive', file, content);
      } catch (error) {
        file.close();
        throw named(error, name);
      }
      file.close();
    }
    throw new QbmError('QBM-E-LOCKED', { file: name });
  }

  /** Makes a descriptor that is not there yet, and holds it as a writer. @throws QbmError QBM-E-EXISTS, QBM-E-STORAGE */
  static create(storage: Storage, name: string, text: string): DescriptorFile {
    const content = new TextEncoder().encode(text);
    try {
      if (storage.kind(name) !== null) throw new QbmError('QBM-E-EXISTS', { file: name });
      // Whoever makes this descriptor, too, makes that file first: nobody comes between.
      writeTemporary(storage, name, content);
      if (storage.kind(name) !== null) throw new QbmError('QBM-E-EXISTS', { file: name });
      storage.rename(temporaryName(name), name);
      storage.flushDirectory(name);
      return new DescriptorFile(storage, name, true, openRegular(storage, name, 'exclusive'), content);
    } catch (error) {
      throw named(error, name);
    }
  }

  /** The bytes of the descriptor as it is now. */
  get content(): Uint8Array {
    return this.#content;
  }

  /**
   * Puts `text` in its place; when it returns, the new descriptor survives a loss of power. After an error it is the
   * old one or the new one. Only for who opened it exclusively. @throws QbmError QBM-E-STORAGE, QBM-E-NOT-REGULAR
   */
  replace(text: string): void {
    if (!this.#exclusive) throw new Error(`${this.name} was opened for reading and cannot be replaced`);
    const storage = this.#storage;
    const temporary = temporaryName(this.name);
    const content = new TextEncoder().encode(text);
    try {
      // Ours alone under the lock: what is there was left by a crash.
      const kind = storage.kind(temporary);
      if (kind === 'directory')
        throw new QbmError('QBM-E-NOT-REGULAR', { role: NEXT_ROLE, file: temporary, kind });
      if (kind !== null) storage.remove(temporary);
      writeTemporary(storage, this.name, content);
      storage.rename(temporary, this.name);
      this.#content = content;
      storage.flushDirectory(this.name);
    } catch (error) {
      throw named(error, this.name);
    }
  }

  /** Gives the lock back. */
  close(): void {
    this.#holder.close();
  }
}

/** Opens without following a link. */
function openRegular(storage: Storage, name: string, lock: 'exclusive' | 'shared' | 'none'): StorageFile {
  const role = 'the descriptor';
  try {
    const kind = storage.kind(name);
    if (kind === null) throw new QbmError('QBM-E-NO-FILE', { role, file: name });
    if (kind !== 'file') throw new QbmError('QBM-E-NOT-REGULAR', { role, file: name, kind });
    return storage.open(name, lock === 'none' ? {} : { lock });
  } catch (error) {
    if (error instanceof StorageError && error.errno === 'EAGAIN')
      throw new QbmError('QBM-E-LOCKED', { file: name });
    throw named(error, name);
  }
}

/** QBM-003: the length is looked at before a byte is read. */
function contentOf(file: StorageFile, name: string): Uint8Array {
  const { size } = file;
  if (size > MAX_DESCRIPTOR_BYTES) throw tooLong(size, name);
  const content = new Uint8Array(size);
  file.read(0, content);
  return content;
}

function isStill(storage: Storage, name: string, content: Uint8Array): boolean {
  const again = storage.open(name);
  try {
    if (again.size !== content.length) return false;
    const now = contentOf(again, name);
    for (let i = 0; i < now.length; i++) if (now[i] !== content[i]) return false;
    return true;
  } finally {
    again.close();
  }
}

/** Makes the temporary file, whole and flushed. */
function writeTemporary(storage: Storage, name: string, content: Uint8Array): void {
  const temporary = temporaryName(name);
  const file = storage.create(temporary);
  try {
    file.write(0, content);
    file.flush();
    file.close();
  } catch (error) {
    file.close();
    // Half of a descriptor helps nobody, and would be in the way of the next attempt.
    removeIfPossible(storage, temporary);
    throw error;
  }
}

/** For what is too much after a failure, which is what is told. */
export function removeIfPossible(storage: Storage, name: string): void {
  try {
    storage.remove(name);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}

function named(error: unknown, file: string): unknown {
  if (!(error instanceof StorageError)) return error;
  return new QbmError('QBM-E-STORAGE', {
    role: 'the descriptor',
    file,
    errno: `${error.errno} (${error.file})`,
  });
}

/** `file`: a file of the storage. As long as the file; a write past its end makes it longer. */
import { type JsonObject, jsonObject } from '../../json/value.js';
import { reasonOf } from '../../storage/reason.js';
import { type Storage, StorageError, type StorageFile } from '../../storage/storage.js';
import { BlockError } from '../errors.js';
import { SECTOR } from '../node.js';
import { type Permissions, WRITE } from '../permissions.js';
import type { DriverStatus } from '../status.js';
import type { Driver, PreparedReopen, ReopenRequest } from './driver.js';

/** How a file is opened. */
export type FileMode = 'read' | 'write' | 'write if possible';

/** @throws BlockError REF-E-OPEN, REF-E-LOCKED, REF-E-TOO-LARGE */
export function openFile(storage: Storage, filename: string, mode: FileMode): FileDriver {
  const { file, isReadOnly } = openHandle(storage, filename, mode);
  if (Math.ceil(file.size / SECTOR) * SECTOR <= Number.MAX_SAFE_INTEGER)
    return new FileDriver(storage, filename, file, isReadOnly);
  file.close();
  throw new BlockError('REF-E-TOO-LARGE');
}

function openHandle(
  storage: Storage,
  filename: string,
  mode: FileMode,
): { file: StorageFile; isReadOnly: boolean } {
  try {
    return { file: storage.open(filename, { write: mode !== 'read' }), isReadOnly: mode === 'read' };
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    // REF-035
    const isKept = error.errno === 'EACCES' || error.errno === 'EROFS';
    if (isKept && mode === 'write if possible') return openHandle(storage, filename, 'read');
    if (error.errno === 'EAGAIN')
      throw new BlockError('REF-E-LOCKED', { permission: 'write', file: filename });
    throw new BlockError('REF-E-OPEN', { file: filename, reason: reasonOf(error.errno) });
  }
}

/** @returns `isForbidden` @throws BlockError REF-E-LOCKED-SHARED */
function forbidWriting(file: StorageFile, filename: string, isForbidden: boolean): boolean {
  try {
    file.forbidWriting?.(isForbidden);
    return isForbidden;
  } catch (error) {
    if (!(error instanceof StorageError && error.errno === 'EAGAIN')) throw error;
    throw new BlockError('REF-E-LOCKED-SHARED', { permission: 'write', file: filename });
  }
}

export class FileDriver implements Driver {
  readonly name = 'file';
  readonly clusterSize = null;
  readonly hasDirtyFlag = true;
  readonly canDiscard = true;
  readonly unmapsZeros = true;
  readonly #storage: Storage;
  readonly #filename: string;
  #file: StorageFile;
  #isReadOnly: boolean;
  /** whether other programs are kept from writing it */
  #isForbidden = false;
  #discards = 0;
  /** bytes */
  #discarded = 0;

  constructor(storage: Storage, filename: string, file: StorageFile, isReadOnly: boolean) {
    this.#storage = storage;
    this.#filename = filename;
    this.#file = file;
    this.#isReadOnly = isReadOnly;
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  length(): number {
    return this.#file.size;
  }

  allocated(): number | undefined {
    return this.#file.allocated;
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
    this.#discards += 1;
    this.#discarded += length;
  }

  statistics(): JsonObject {
    return jsonObject({
      driver: 'file',
      'discard-nb-ok': this.#discards,
      'discard-nb-failed': 0,
      'discard-bytes-ok': this.#discarded,
    });
  }

  /** REF-064: holes of the file are zeros, as far as the storage knows of them. */
  status(offset: number, length: number): DriverStatus {
    const inside = Math.min(length, this.#file.size - offset);
    // The file may end inside of the last sector.
    if (inside <= 0) return { length, content: 'zero', at: { offset } };
    const { isHole, length: known } = this.#file.extent?.(offset, inside) ?? {
      isHole: false,
      length: inside,
    };
    return { length: known, content: isHole ? 'zero' : 'data', at: { offset } };
  }

  flush(): void {
    this.#file.flush();
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  /** Who does not share writing with other users of the node does not share it with other programs. IMG-016 */
  permitted({ shares }: Permissions): void {
    this.#isForbidden = forbidWriting(this.#file, this.#filename, (shares & WRITE) === 0);
  }

  /** The file is opened anew, by its name. */
  reopen({ readOnly }: ReopenRequest): PreparedReopen {
    if (readOnly === this.#isReadOnly) return {};
    const { file } = openHandle(this.#storage, this.#filename, readOnly ? 'read' : 'write');
    forbidWriting(file, this.#filename, this.#isForbidden);
    return {
      commit: () => {
        this.#file.close();
        this.#file = file;
        this.#isReadOnly = readOnly;
      },
      abort: () => file.close(),
    };
  }

  close(): void {
    this.#file.close();
  }

  follows(): boolean {
    return false; // it has no child
  }

  readonly isProtocol = true;

  filename(): string {
    return this.#filename;
  }

  describe() {
    return jsonObject({ driver: 'file', filename: this.#filename });
  }
}

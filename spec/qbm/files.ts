/**
 * The files that a descriptor names, looked at before any of them is opened: each there, a regular file, used once, no
 * descriptor reached from itself. Writes nothing. FORMAT.md, QBM-017, QBM-040 and QBM-041.
 */
import { type Storage, StorageError } from '../storage/storage.js';
import { type Descriptor, type Reference, references } from './descriptor.js';
import { QbmError } from './errors.js';
import { MAX_LEVELS } from './limits.js';
import { temporaryName } from './names.js';
import { type ReadOptions, readDescriptor } from './read-descriptor.js';
import { DescriptorFile } from './update.js';

export interface FileOptions extends Omit<ReadOptions, 'file'> {
  /** whether a data image or backing file may be a device; only with trust `local`; default false */
  readonly devices?: boolean;
}

/** The first fault of {@link faultsOfFiles}, thrown. @throws QbmError */
export function checkFiles(storage: Storage, name: string, found: Descriptor, options: FileOptions): void {
  for (const fault of faultsOfFiles(storage, name, found, options)) throw fault.error;
}

export interface FileFault {
  readonly error: QbmError;
  readonly reference: Reference;
  /** 1: of the descriptor itself; more: of one that it reaches */
  readonly level: number;
}

/** Everything that is wrong with the files of the descriptor `name`, and of those it reaches by the format `qbm`. */
export function* faultsOfFiles(
  storage: Storage,
  name: string,
  found: Descriptor,
  options: FileOptions,
): Generator<FileFault, void, undefined> {
  const used = new Map<string, string>();
  yield* new Walk(storage, options, used).descriptor(name, found, [], 'the descriptor');
}

class Walk {
  readonly #storage: Storage;
  readonly #options: FileOptions;
  /** by identity: as what the file was met */
  readonly #used: Map<string, string>;

  constructor(storage: Storage, options: FileOptions, used: Map<string, string>) {
    this.#storage = storage;
    this.#options = options;
    this.#used = used;
  }

  /** @param above the identities of the descriptors on the way here */
  *descriptor(name: string, found: Descriptor, above: readonly string[], role: string): Generator<FileFault> {
    const own = this.#storage.identity(name);
    this.#used.set(own, role);
    const next = temporaryName(name);
    // One that a crash left; if there is none, no reference can lead to it.
    if (this.#storage.kind(next) !== null)
      this.#used.set(this.#storage.identity(next), 'the next descriptor');
    const path = [...above, own];
    for (const reference of references(found)) {
      try {
        const file = this.#storage.resolve(name, reference.file);
        if (!this.#look(name, file, reference, path)) continue;
        if (reference.image?.format === 'qbm') yield* this.#inner(file, reference, path);
      } catch (error) {
        yield { error: asRefusal(error, reference), reference, level: path.length };
      }
    }
  }

  /** Whether the file is there; it is not where QBM-029 lets it be missing. */
  #look(name: string, file: string, reference: Reference, path: readonly string[]): boolean {
    const { role } = reference;
    if (this.#options.trust === 'stranger') this.#lookAtDirectories(name, reference);
    const kind = this.#storage.kind(file);
    if (kind === null) {
      if (reference.bitmap?.inconsistent) return false;
      throw new QbmError('QBM-E-NO-FILE', { role, file });
    }
    const local = this.#options.trust === 'local';
    const device = local && (this.#options.devices ?? false) && reference.image !== null;
    const allowed = kind === 'file' || (kind === 'symlink' && local) || (kind === 'special' && device);
    if (!allowed) throw new QbmError('QBM-E-NOT-REGULAR', { role, file, kind });
    const identity = this.#storage.identity(file);
    if (path.includes(identity)) throw new QbmError('QBM-E-LOOP', { file, role });
    const first = this.#used.get(identity);
    if (first !== undefined) throw new QbmError('QBM-E-FILE-TWICE', { file, first, second: role });
    this.#used.set(identity, role);
    return true;
  }

  /** QBM-040: a link on the way would lead elsewhere. */
  #lookAtDirectories(name: string, { file, role }: Reference): void {
    for (let slash = file.indexOf('/'); slash >= 0; slash = file.indexOf('/', slash + 1)) {
      const directory = this.#storage.resolve(name, file.slice(0, slash));
      const kind = this.#storage.kind(directory);
      if (kind === null) throw new QbmError('QBM-E-NO-FILE', { role, file: directory });
      if (kind !== 'directory')
        throw new QbmError('QBM-E-TRUST', { file, problem: `${directory} is a ${kind}, not a directory` });
    }
  }

  *#inner(file: string, reference: Reference, path: readonly string[]): Generator<FileFault> {
    if (path.length >= MAX_LEVELS) throw new QbmError('QBM-E-LEVELS', { file, limit: MAX_LEVELS });
    const opened = DescriptorFile.open(this.#storage, file, 'shared');
    try {
      const inner = readDescriptor(opened.content, { ...this.#options, file });
      yield* this.descriptor(file, inner, path, reference.role);
    } finally {
      opened.close();
    }
  }
}

function asRefusal(error: unknown, { role, file }: Reference): QbmError {
  if (error instanceof QbmError) return error;
  if (error instanceof StorageError) return new QbmError('QBM-E-STORAGE', { role, file, errno: error.errno });
  throw error;
}

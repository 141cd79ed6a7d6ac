/**
 * The files that a descriptor names, looked at before any of them is opened: each there, a regular file, used once, no
 * descriptor reached from itself. Writes nothing. FORMAT.md, QBM-017, QBM-040 and QBM-041.
 */
import type { Storage } from '../storage/storage.js';
import { type Descriptor, type ImageRef, type Reference, references } from './descriptor.js';
import { QbmError } from './errors.js';
import { asRefusal } from './finding.js';
import { MAX_LEVELS } from './limits.js';
import { temporaryName } from './names.js';
import { type ReadOptions, readDescriptor } from './read-descriptor.js';
import { DescriptorFile } from './update.js';

export interface FileOptions extends Omit<ReadOptions, 'file'> {
  /** whether a data image or backing file may be a device; only with trust `local`; default false */
  readonly devices?: boolean;
  /** the image is to be opened for writing: nobody else may have a data image within open; default false */
  readonly writes?: boolean;
}

/** The first fault of the files, thrown. @throws QbmError */
export function checkFiles(storage: Storage, name: string, found: Descriptor, options: FileOptions): void {
  for (const fault of new FileWalk(storage, options).faults(name, found)) throw fault.error;
}

export interface FileFault {
  readonly error: QbmError;
  readonly reference: Reference;
  /** whose descriptor names it */
  readonly image: FoundImage;
}

/** A descriptor that was read: the one asked for, or one that it reaches by the format `qbm`. */
export interface FoundImage {
  /** of the descriptor, in the storage */
  readonly name: string;
  readonly read: Descriptor;
  /** the files with a fault: they are not to be opened */
  readonly faulty: Set<Reference['file']>;
  /** the images within, as far as they could be read */
  readonly inner: Map<ImageRef, FoundImage>;
}

/** One look at all files of an image, and of those that it reaches. */
export class FileWalk {
  /** those whose descriptors were read, the outermost first; complete when all faults were taken */
  readonly images: FoundImage[] = [];
  readonly #storage: Storage;
  readonly #options: FileOptions;
  /** by identity: as what the file was met */
  readonly #used = new Map<string, string>();

  constructor(storage: Storage, options: FileOptions) {
    this.#storage = storage;
    this.#options = options;
  }

  /** Everything that is wrong with the files. */
  *faults(name: string, read: Descriptor): Generator<FileFault, void, undefined> {
    yield* this.#image(name, read, [], 'the descriptor', this.#options.writes ?? false);
  }

  /** @param above the identities of the descriptors on the way here */
  *#image(
    name: string,
    read: Descriptor,
    above: readonly string[],
    role: string,
    writes: boolean,
  ): Generator<FileFault, FoundImage> {
    const image: FoundImage = { name, read, faulty: new Set(), inner: new Map() };
    this.images.push(image);
    const own = this.#storage.identity(name);
    this.#used.set(own, role);
    const next = temporaryName(name);
    // One that a crash left; if there is none, no reference can lead to it.
    if (this.#storage.kind(next) !== null)
      this.#used.set(this.#storage.identity(next), 'the next descriptor');
    const path = [...above, own];
    for (const reference of references(read)) {
      try {
        const file = this.#storage.resolve(name, reference.file);
        if (!this.#look(name, file, reference, path)) continue;
        if (reference.image?.format === 'qbm')
          yield* this.#inner(image, file, reference, path, writes && reference.image === read.image);
      } catch (error) {
        image.faulty.add(reference.file);
        yield { error: asRefusal(error, reference), reference, image };
      }
    }
    return image;
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

  *#inner(
    outer: FoundImage,
    file: string,
    reference: Reference,
    path: readonly string[],
    writes: boolean,
  ): Generator<FileFault> {
    if (path.length >= MAX_LEVELS) throw new QbmError('QBM-E-LEVELS', { file, limit: MAX_LEVELS });
    const opened = DescriptorFile.open(this.#storage, file, writes ? 'exclusive' : 'shared');
    try {
      const read = readDescriptor(opened.content, { ...this.#options, file });
      outer.inner.set(reference.image!, yield* this.#image(file, read, path, reference.role, writes));
    } finally {
      opened.close();
    }
  }
}

/**
 * The files that a descriptor names, looked at before any of them is opened: each there, a regular file, used once, no
 * descriptor reached from itself. Writes nothing. FORMAT.md, QBM-017, QBM-040 and QBM-041.
 */
import { type Storage, StorageError } from '../storage/storage.js';
import { asRefusal } from './check/finding.js';
import { type Descriptor, type ImageRef, type Reference, references } from './descriptor.js';
import { QbmError } from './errors.js';
import { MAX_LEVELS } from './limits.js';
import { temporaryName } from './names.js';
import { type ReadOptions, readDescriptor } from './read-descriptor.js';
import { DescriptorFile, NEXT_ROLE } from './update.js';

export interface FileOptions extends Omit<ReadOptions, 'file'> {
  /** whether a data image or backing file may be a device; only with trust `local`; default false */
  readonly devices?: boolean;
  /** with which lock data images within are looked at; `exclusive` of a writer; default `shared` */
  readonly lock?: Lock;
}

type Lock = 'exclusive' | 'shared' | 'none';

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
    yield* this.#image(name, read, [], 'the descriptor', this.#options.lock ?? 'shared');
  }

  /** @param above the identities of the descriptors on the way here */
  *#image(
    name: string,
    read: Descriptor,
    above: readonly string[],
    role: string,
    lock: Lock,
  ): Generator<FileFault, FoundImage> {
    const image: FoundImage = { name, read, faulty: new Set(), inner: new Map() };
    this.images.push(image);
    const own = this.#storage.identity(name);
    this.#used.set(own, role);
    if (above.length === 0) yield* this.#next(name, image, lock);
    const path = [...above, own];
    for (const reference of references(read)) {
      try {
        const file = this.#storage.resolve(name, reference.file);
        if (!this.#look(name, file, reference, path)) continue;
        if (reference.image?.format === 'qbm')
          yield* this.#inner(image, file, reference, path, lockOf(reference, read, lock));
      } catch (error) {
        image.faulty.add(reference.file);
        yield { error: asRefusal(error, reference), reference, image };
      }
    }
    return image;
  }

  /** The next descriptor, which an update makes: QBM-035. A crash may have left one. */
  *#next(name: string, image: FoundImage, lock: Lock): Generator<FileFault> {
    const role = NEXT_ROLE;
    const file = temporaryName(name);
    const reference = { role, file, image: null, bitmap: null };
    const identity = this.#storage.identity(file);
    const first = this.#used.get(identity);
    if (first !== undefined)
      yield { error: new QbmError('QBM-E-FILE-TWICE', { file, first, second: role }), reference, image };
    this.#used.set(identity, role);
    const kind = this.#storage.kind(file);
    if (lock === 'exclusive' && kind === 'directory')
      yield { error: new QbmError('QBM-E-NOT-REGULAR', { role, file, kind }), reference, image };
  }

  /** Whether the file is there; it is not where QBM-029 lets it be missing. */
  #look(name: string, file: string, reference: Reference, path: readonly string[]): boolean {
    const { role } = reference;
    const isReached = this.#options.trust === 'local' || this.#isReached(name, reference);
    const kind = isReached ? this.#storage.kind(file) : null;
    const local = this.#options.trust === 'local';
    const device = local && (this.#options.devices ?? false) && reference.image !== null;
    // A directory is one use, too, and a file that is missing: a repair may make it.
    const isLink = kind === 'symlink' || kind === 'special';
    if (isReached && !isLink) this.#use(file, role, path);
    const allowed =
      kind === null || kind === 'file' || (kind === 'symlink' && local) || (kind === 'special' && device);
    if (!allowed) throw new QbmError('QBM-E-NOT-REGULAR', { role, file, kind });
    if (isLink) this.#use(file, role, path);
    if (kind === null && !reference.bitmap?.inconsistent) throw new QbmError('QBM-E-NO-FILE', { role, file });
    return kind !== null;
  }

  /** QBM-017 */
  #use(file: string, role: string, path: readonly string[]): void {
    let identity: string;
    try {
      identity = this.#storage.identity(file);
    } catch (error) {
      // Without its directory it is no file at all.
      if (error instanceof StorageError && ['ENOENT', 'ENOTDIR'].includes(error.errno)) return;
      throw error;
    }
    if (path.includes(identity)) throw new QbmError('QBM-E-LOOP', { file, role });
    const first = this.#used.get(identity);
    if (first !== undefined) throw new QbmError('QBM-E-FILE-TWICE', { file, first, second: role });
    this.#used.set(identity, role);
  }

  /** Whether there are directories on the way. QBM-040: a link there would lead elsewhere. */
  #isReached(name: string, { role, file, bitmap }: Reference): boolean {
    for (let slash = file.indexOf('/'); slash >= 0; slash = file.indexOf('/', slash + 1)) {
      const directory = this.#storage.resolve(name, file.slice(0, slash));
      const kind = this.#storage.kind(directory);
      if (kind === null && bitmap?.inconsistent) return false; // QBM-029
      if (kind === null) throw new QbmError('QBM-E-NO-FILE', { role, file: directory });
      if (kind !== 'directory')
        throw new QbmError('QBM-E-TRUST', { file, problem: `${directory} is a ${kind}, not a directory` });
    }
    return true;
  }

  *#inner(
    outer: FoundImage,
    file: string,
    reference: Reference,
    path: readonly string[],
    lock: Lock,
  ): Generator<FileFault> {
    yield* this.#next(file, outer, lock);
    if (path.length >= MAX_LEVELS) throw new QbmError('QBM-E-LEVELS', { file, limit: MAX_LEVELS });
    const opened = this.#open(file, lock, path.length);
    try {
      const read = readDescriptor(opened.content, { ...this.#options, file });
      outer.inner.set(reference.image!, yield* this.#image(file, read, path, reference.role, lock));
    } finally {
      opened.close();
    }
  }

  /** Who finds it locked says also below how many others it is. */
  #open(file: string, lock: Lock, level: number): DescriptorFile {
    try {
      return DescriptorFile.open(this.#storage, file, lock);
    } catch (error) {
      if (!(error instanceof QbmError && error.id === 'QBM-E-LOCKED')) throw error;
      throw new QbmError('QBM-E-LOCKED', { file, level });
    }
  }
}

/** Below a writer only the data images are written. */
function lockOf({ image }: Reference, read: Descriptor, lock: Lock): Lock {
  return lock === 'exclusive' && image !== read.image ? 'shared' : lock;
}

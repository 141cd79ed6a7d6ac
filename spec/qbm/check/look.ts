/**
 * What can be seen of an image, and of all that it reaches, without changing anything: what a reader refuses, and what
 * opens but cannot be relied on. `check` reports it, an opener stops at the first error. FORMAT.md, QBM-021, QBM-041, QBM-042.
 */
import type { Sha256 } from '../../bitmap/serialise.js';
import { type Storage, StorageError, type StorageFile } from '../../storage/storage.js';
import { bitmapFileSize, bitsOf, checkBitmapFile, checkImageSize, type Geometry } from '../bitmap-file.js';
import { checksumOf } from '../checksum.js';
import { type BitmapEntry, type Descriptor, type Reference, references } from '../descriptor.js';
import { QbmError } from '../errors.js';
import { type FileOptions, FileWalk, type FoundImage } from '../files.js';
import { MAX_IMAGE_BYTES } from '../limits.js';
import { asRefusal, errorFinding, type Finding, finding, type Repair, within } from './finding.js';

export interface LookOptions extends FileOptions {
  /**
   * Bytes of the data image as its format reads it; null when it cannot be opened. Left out: found out here, for the
   * formats `raw` and `qbm`.
   */
  readonly imageSize?: number | bigint | null | undefined;
  /** null: checksums are not verified */
  readonly makeHash: (() => Sha256) | null;
}

/** What was seen; an error with the refusal that it is. */
export interface Seen {
  readonly finding: Finding;
  readonly refusal: QbmError | null;
}

export class Look {
  readonly #storage: Storage;
  readonly #options: LookOptions;
  /** what the descriptor says */
  readonly read: Descriptor;
  readonly #name: string;
  readonly #sizes = new Map<FoundImage, number | bigint | null>();
  #outermost: FoundImage | null = null;

  constructor(storage: Storage, name: string, read: Descriptor, options: LookOptions) {
    this.#storage = storage;
    this.#name = name;
    this.read = read;
    this.#options = options;
  }

  /** Bytes of the disk, or null; known when everything was seen. */
  get size(): number | bigint | null {
    return this.#outermost === null ? null : this.#sizes.get(this.#outermost)!;
  }

  /** The file at the bottom of the data images, which has the size of the disk. */
  get dataFile(): string {
    let image = this.#outermost!;
    for (;;) {
      const inner = image.inner.get(image.read.image);
      if (inner === undefined) return this.#storage.resolve(image.name, image.read.image.file);
      image = inner;
    }
  }

  /** Whether the file of a bitmap can be filled: it is there, or there is a directory in which it can be made. QBM-043 */
  canFill({ file }: BitmapEntry): boolean {
    const name = this.#storage.resolve(this.#name, file);
    if (this.#storage.kind(name) !== null) return true;
    const directory = name.slice(0, Math.max(name.lastIndexOf('/'), 0));
    const own = this.#name.slice(0, Math.max(this.#name.lastIndexOf('/'), 0));
    return directory === own || this.#storage.kind(directory) === 'directory';
  }

  *seen(): Generator<Seen, void, undefined> {
    const walk = new FileWalk(this.#storage, this.#options);
    for (const { error, reference, image } of walk.faults(this.#name, this.read)) {
      const { bitmap } = reference;
      const isOuter = image === walk.images[0];
      const lost =
        isOuter && error.id === 'QBM-E-NO-FILE' && bitmap?.type === 'dirty' && this.canFill(bitmap);
      // What is wrong with an image within bears its name, as a refusal by a rule about the descriptor does already.
      const found = errorFinding(error, bitmap?.name ?? null, lost ? 'fill' : null);
      yield { finding: isOuter ? found : within(image.name, found), refusal: error };
    }
    const [outermost, ...others] = walk.images;
    this.#outermost = outermost!;
    // A size is known only after those of the images within.
    for (const image of [...others.reverse(), outermost!]) {
      for (const one of this.#ofImage(image))
        yield image === outermost ? one : { ...one, finding: within(image.name, one.finding) };
    }
  }

  *#ofImage(image: FoundImage): Generator<Seen> {
    const { read, faulty } = image;
    let size: number | bigint | null = null;
    try {
      size = this.#sizeOf(image);
      if (size !== null) checkImageSize(size);
    } catch (error) {
      size = null;
      yield refused(error, null, null, references(read)[0]!);
    }
    this.#sizes.set(image, size);
    if (read.inUse !== null)
      yield seen(finding('QBM-C-IN-USE', 'damage', null, 'release', { ...read.inUse }));
    for (const reference of references(read)) {
      const { bitmap } = reference;
      const tooMany = bitmap === null || size === null ? null : faultOfBits(bitmap, size);
      if (tooMany !== null) yield refused(tooMany, bitmap!.name, null, reference);
      if (bitmap !== null && isSuspect(read, bitmap))
        yield seen(
          finding('QBM-C-INCONSISTENT', 'damage', bitmap.name, this.#repairOf(image, bitmap), bitmap),
        );
      else if (!faulty.has(reference.file))
        yield* this.#ofFile(image, reference, tooMany === null ? size : null);
    }
  }

  /** Of an inconsistent bitmap. What is within is repaired there. */
  #repairOf(image: FoundImage, bitmap: BitmapEntry): Repair | null {
    return image === this.#outermost && this.canFill(bitmap) ? 'fill' : null;
  }

  /** @throws QbmError, StorageError */
  #sizeOf(image: FoundImage): number | bigint | null {
    const { imageSize } = this.#options;
    if (image === this.#outermost && imageSize !== undefined) return imageSize;
    const reference = image.read.image;
    if (reference.format === 'qbm') {
      const inner = image.inner.get(reference);
      return inner === undefined ? null : this.#sizes.get(inner)!;
    }
    if (reference.format !== 'raw' || image.faulty.has(reference.file)) return null;
    const name = this.#storage.resolve(image.name, reference.file);
    if (this.#storage.kind(name) === 'special') return null; // a device is not opened by a look
    try {
      return withFile(this.#storage, name, ({ size }) => size);
    } catch (error) {
      if (!(error instanceof StorageError && error.errno === 'EFBIG')) throw error;
      // QBM-018
      throw new QbmError('QBM-E-IMAGE-SIZE', {
        size: `more than ${MAX_IMAGE_BYTES}`,
        limit: MAX_IMAGE_BYTES,
      });
    }
  }

  /** One file that is there. */
  *#ofFile({ name, read }: FoundImage, reference: Reference, size: number | bigint | null): Generator<Seen> {
    const { bitmap } = reference;
    const { makeHash } = this.#options;
    const checksum = read.inUse !== null || makeHash === null ? null : (reference.image ?? bitmap!).checksum;
    // A file that is only looked at for its checksum need not be opened without one.
    if (bitmap === null && checksum === null) return;
    try {
      yield* withFile(this.#storage, this.#storage.resolve(name, reference.file), (file) => {
        const all = bitmap === null || size === null ? [] : ofBitmap(file, read, bitmap, size);
        if (checksum === null || checksumOf(file, makeHash!) === checksum) return all;
        const error = new QbmError('QBM-E-CHECKSUM', { role: reference.role, file: reference.file });
        const found = errorFinding(error, bitmap?.name ?? null, repairOfChecksum(read, reference));
        return [...all, seen({ ...found, severity: 'damage' })];
      });
    } catch (error) {
      yield refused(error, bitmap?.name ?? null, null, reference);
    }
  }
}

/** The first error that is seen, thrown: what an opener does before it opens anything. QBM-041 @throws QbmError */
export function refuseFaults(storage: Storage, name: string, read: Descriptor, options: FileOptions): void {
  const look = new Look(storage, name, read, { ...options, makeHash: null });
  for (const { refusal } of look.seen()) if (refusal !== null) throw refusal;
}

/** Whether a crash took the worth of the bitmap's content. QBM-033 */
export function isSuspect({ inUse }: Descriptor, bitmap: BitmapEntry): boolean {
  return bitmap.inconsistent || (inUse?.policy === 'writeback' && bitmap.type === 'dirty');
}

export function geometryOf(bitmap: BitmapEntry, imageSize: number | bigint): Geometry {
  const { name, file, granularityBytes } = bitmap;
  return { name, file, imageSize, granularityBytes };
}

/** QBM-021: of an inconsistent bitmap, too. */
function faultOfBits(bitmap: BitmapEntry, size: number | bigint): QbmError | null {
  try {
    bitsOf(geometryOf(bitmap, size));
    return null;
  } catch (error) {
    return asRefusal(error);
  }
}

function ofBitmap(
  file: StorageFile,
  { inUse }: Descriptor,
  bitmap: BitmapEntry,
  imageSize: number | bigint,
): Seen[] {
  const geometry = geometryOf(bitmap, imageSize);
  const crashed = inUse !== null;
  try {
    checkBitmapFile(file, geometry, crashed);
  } catch (error) {
    const size = error instanceof QbmError && error.id === 'QBM-E-BITMAP-SIZE';
    const tail = error instanceof QbmError && error.id === 'QBM-E-TAIL';
    const repair = tail ? 'cut' : size && bitmap.type === 'dirty' ? 'fill' : null;
    return [refused(error, bitmap.name, repair, { role: `bitmap "${bitmap.name}"`, file: bitmap.file })];
  }
  if (!crashed || isExact(file, geometry)) return [];
  return [seen(finding('QBM-C-EXCESS', 'leftover', bitmap.name, 'cut', bitmap))];
}

/**
 * QBM-039, QBM-043. A data image that changed behind the descriptor's back may have changed anywhere: every dirty bitmap is
 * filled. A backing file or an allocation bitmap that did shows other data to the guest: no repair brings that back.
 */
function repairOfChecksum(read: Descriptor, { bitmap, image }: Reference): Repair | null {
  if (bitmap !== null) return bitmap.type === 'dirty' ? 'fill' : null;
  return image === read.image ? 'drop-checksum' : null;
}

function isExact(file: StorageFile, geometry: Geometry): boolean {
  try {
    checkBitmapFile(file, geometry);
    return file.size === bitmapFileSize(geometry);
  } catch (error) {
    if (error instanceof QbmError) return false;
    throw error;
  }
}

function seen(found: Finding): Seen {
  return { finding: found, refusal: null };
}

function refused(
  error: unknown,
  bitmap: string | null,
  repair: Repair | null,
  where: Pick<Reference, 'role' | 'file'>,
): Seen {
  const refusal = asRefusal(error, where);
  return { finding: errorFinding(refusal, bitmap, repair), refusal };
}

function withFile<T>(storage: Storage, name: string, use: (file: StorageFile) => T): T {
  const file = storage.open(name);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

/**
 * What is wrong with an image, all of it, without changing anything. An image that a reader opens has no finding of the
 * severity `error`, and the reverse. FORMAT.md, QBM-042 and QBM-043.
 */
import type { Sha256 } from '../bitmap/serialise.js';
import { type Storage, StorageError, type StorageFile } from '../storage/storage.js';
import { bitmapFileSize, checkBitmapFile, type Geometry } from './bitmap-file.js';
import { checksumOf } from './checksum.js';
import { type BitmapEntry, type Descriptor, type Reference, references } from './descriptor.js';
import { QbmError } from './errors.js';
import { type FileOptions, faultsOfFiles } from './files.js';
import { MAX_IMAGE_BYTES } from './limits.js';
import { partsOfBitmapFile, prefixOf, temporaryName } from './names.js';
import { readDescriptor } from './read-descriptor.js';
import { DescriptorFile } from './update.js';

/** Texts of the findings that are no errors at open; FORMAT.md has the same table. */
export const QBM_FINDINGS = {
  'QBM-C-IN-USE': 'the writer "{writer}" died under the policy {policy}',
  'QBM-C-INCONSISTENT': 'bitmap "{name}" is inconsistent',
  'QBM-C-EXCESS': 'bitmap "{name}": file "{file}" has bits after the last granule, left by a resize',
  'QBM-C-TEMPORARY': 'the file "{file}" was left by an update that did not come to its end',
  'QBM-C-ORPHAN': 'the file "{file}" is named as a bitmap of this image, which does not have it',
} as const;

export type Severity =
  /** a reader refuses to open the image */
  | 'error'
  /** it opens, but something in it cannot be relied on */
  | 'damage'
  /** a file too many, or bytes */
  | 'leftover';

/** What {@link repairImage} does about a finding: QBM-043. */
export type Repair = 'fill' | 'cut' | 'release' | 'drop-checksum' | 'remove-temporary';

export interface Finding {
  readonly id: QbmError['id'] | keyof typeof QBM_FINDINGS;
  readonly severity: Severity;
  readonly text: string;
  /** the bitmap that it is about, or null */
  readonly bitmap: string | null;
  /** null: not repaired, for it could lose data or hide a write */
  readonly repair: Repair | null;
}

export interface CheckOptions extends FileOptions {
  /** bytes of the data image as its format reads it; null when it cannot be opened */
  readonly imageSize: number | bigint | null;
  readonly makeHash: () => Sha256;
  /** the names of the files in the descriptor's directory; for finding orphans */
  readonly beside?: readonly string[];
}

/** @throws QbmError QBM-E-LOCKED while a writer has the image open */
export function checkImage(storage: Storage, name: string, options: CheckOptions): Finding[] {
  let file: DescriptorFile;
  try {
    file = DescriptorFile.open(storage, name, 'shared');
  } catch (error) {
    if (error instanceof QbmError && error.id === 'QBM-E-LOCKED') throw error;
    return [errorFinding(error, null, null)];
  }
  try {
    return findingsOf(storage, name, file.content, options).findings;
  } finally {
    file.close();
  }
}

/** What {@link checkImage} finds, for who holds the descriptor; with what it says, if it can be read. */
export function findingsOf(
  storage: Storage,
  name: string,
  content: Uint8Array,
  options: CheckOptions,
): { readonly findings: Finding[]; readonly read: Descriptor | null } {
  let read: Descriptor;
  try {
    read = readDescriptor(content, { ...options, file: name });
  } catch (error) {
    return { findings: [errorFinding(error, null, null)], read: null };
  }
  return { findings: [...new Check(storage, name, read, options).findings()], read };
}

class Check {
  readonly #storage: Storage;
  readonly #name: string;
  readonly #read: Descriptor;
  readonly #options: CheckOptions;

  constructor(storage: Storage, name: string, read: Descriptor, options: CheckOptions) {
    this.#storage = storage;
    this.#name = name;
    this.#read = read;
    this.#options = options;
  }

  *findings(): Generator<Finding> {
    const { inUse } = this.#read;
    const { imageSize } = this.#options;
    if (imageSize !== null && imageSize > MAX_IMAGE_BYTES) {
      const error = new QbmError('QBM-E-IMAGE-SIZE', { size: imageSize, limit: MAX_IMAGE_BYTES });
      yield errorFinding(error, null, null);
      return;
    }
    const faulty = new Set<Reference['file']>();
    for (const { error, reference, level } of faultsOfFiles(
      this.#storage,
      this.#name,
      this.#read,
      this.#options,
    )) {
      if (level === 1) faulty.add(reference.file);
      const lost = error.id === 'QBM-E-NO-FILE' && level === 1 && reference.bitmap?.type === 'dirty';
      yield errorFinding(error, reference.bitmap?.name ?? null, lost ? 'fill' : null);
    }
    if (inUse !== null) yield finding('QBM-C-IN-USE', 'damage', null, 'release', { ...inUse });
    for (const reference of references(this.#read)) {
      if (reference.bitmap?.inconsistent)
        yield finding('QBM-C-INCONSISTENT', 'damage', reference.bitmap.name, 'fill', reference.bitmap);
      else if (!faulty.has(reference.file)) yield* this.#ofFile(reference);
    }
    yield* this.#leftovers();
  }

  /** One file that is there. */
  *#ofFile(reference: Reference): Generator<Finding> {
    const { bitmap } = reference;
    const bitmapName = bitmap?.name ?? null;
    const checksum = bitmap === null ? reference.image!.checksum : bitmap.checksum;
    // A file that is only looked at for its checksum need not be opened without one.
    if (bitmap === null && (checksum === null || this.#read.inUse !== null)) return;
    if (bitmap !== null && isSuspect(this.#read, bitmap)) {
      yield finding('QBM-C-INCONSISTENT', 'damage', bitmapName, 'fill', bitmap);
      return;
    }
    let file: StorageFile;
    try {
      file = this.#storage.open(this.#storage.resolve(this.#name, reference.file));
    } catch (error) {
      yield errorFinding(error, bitmapName, null, reference);
      return;
    }
    try {
      if (bitmap !== null) yield* this.#ofBitmap(file, bitmap);
      if (checksum !== null && this.#read.inUse === null) yield* this.#ofChecksum(file, reference, checksum);
    } catch (error) {
      yield errorFinding(error, bitmapName, null, reference);
    } finally {
      file.close();
    }
  }

  *#ofBitmap(file: StorageFile, bitmap: BitmapEntry): Generator<Finding> {
    const { imageSize } = this.#options;
    if (imageSize === null) return;
    const geometry = geometryOf(bitmap, imageSize);
    const crashed = this.#read.inUse !== null;
    try {
      checkBitmapFile(file, geometry, crashed);
    } catch (error) {
      const size = error instanceof QbmError && error.id === 'QBM-E-BITMAP-SIZE';
      const tail = error instanceof QbmError && error.id === 'QBM-E-TAIL';
      const repair = tail ? 'cut' : size && bitmap.type === 'dirty' ? 'fill' : null;
      yield errorFinding(error, bitmap.name, repair, { role: `bitmap "${bitmap.name}"`, file: bitmap.file });
      return;
    }
    if (crashed && !isExact(file, geometry))
      yield finding('QBM-C-EXCESS', 'leftover', bitmap.name, 'cut', bitmap);
  }

  *#ofChecksum(file: StorageFile, reference: Reference, checksum: string): Generator<Finding> {
    if (checksumOf(file, this.#options.makeHash) === checksum) return;
    const error = new QbmError('QBM-E-CHECKSUM', { role: reference.role, file: reference.file });
    yield {
      ...errorFinding(error, reference.bitmap?.name ?? null, repairOfChecksum(this.#read, reference)),
      severity: 'damage',
    };
  }

  *#leftovers(): Generator<Finding> {
    const temporary = temporaryName(this.#name);
    if (this.#storage.kind(temporary) !== null)
      yield finding('QBM-C-TEMPORARY', 'leftover', null, 'remove-temporary', { file: temporary });
    const named = new Set(references(this.#read).map(({ file }) => file));
    for (const file of this.#options.beside ?? []) {
      const parts = partsOfBitmapFile(file);
      if (parts !== null && parts.prefix === prefixOf(this.#name) && !named.has(file))
        yield finding('QBM-C-ORPHAN', 'leftover', null, null, { file });
    }
  }
}

/** Whether a crash took the worth of the bitmap's content. QBM-033 */
export function isSuspect({ inUse }: Descriptor, bitmap: BitmapEntry): boolean {
  return bitmap.inconsistent || (inUse?.policy === 'writeback' && bitmap.type === 'dirty');
}

export function geometryOf(bitmap: BitmapEntry, imageSize: number | bigint): Geometry {
  const { name, file, granularityBytes } = bitmap;
  return { name, file, imageSize, granularityBytes };
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

function finding(
  id: keyof typeof QBM_FINDINGS,
  severity: Severity,
  bitmap: string | null,
  repair: Repair | null,
  args: object,
): Finding {
  const values = new Map(Object.entries(args));
  const text = QBM_FINDINGS[id].replace(/\{(\w+)\}/g, (_, place: string) => String(values.get(place)));
  return { id, severity, text, bitmap, repair };
}

function errorFinding(
  error: unknown,
  bitmap: string | null,
  repair: Repair | null,
  where: Pick<Reference, 'role' | 'file'> = { role: 'the descriptor', file: '' },
): Finding {
  const refusal =
    error instanceof StorageError
      ? new QbmError('QBM-E-STORAGE', {
          role: where.role,
          file: where.file || error.file,
          errno: error.errno,
        })
      : error;
  if (!(refusal instanceof QbmError)) throw refusal;
  return { id: refusal.id, severity: 'error', text: refusal.message, bitmap, repair };
}

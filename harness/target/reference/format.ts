/** The format part of the reference: spec/qbm over the files of a session, without a block graph. */
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { bitsOf, checkImageSize, loadBitmap } from '../../../spec/qbm/bitmap-file.js';
import { type CheckOptions, checkImage } from '../../../spec/qbm/check/check.js';
import type { Finding } from '../../../spec/qbm/check/finding.js';
import { geometryOf, isSuspect } from '../../../spec/qbm/check/look.js';
import { repairImage } from '../../../spec/qbm/check/repair.js';
import { checksumOf } from '../../../spec/qbm/checksum.js';
import {
  type BitmapEntry,
  type Descriptor,
  type ImageRef,
  references,
} from '../../../spec/qbm/descriptor.js';
import { QbmError } from '../../../spec/qbm/errors.js';
import { checkFiles } from '../../../spec/qbm/files.js';
import { readDescriptor } from '../../../spec/qbm/read-descriptor.js';
import { DescriptorFile } from '../../../spec/qbm/update.js';
import type { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import type { StorageFile } from '../../../spec/storage/storage.js';
import {
  type CheckReport,
  type FormatFinding,
  type FormatPart,
  type FormatRefusal,
  type InspectedBitmap,
  type Inspection,
  TargetFault,
  type Trust,
} from '../target.js';

/** The formats that this reader knows, whoever asks. */
const FORMATS: ReadonlySet<string> = new Set(['raw', 'qbm']);

export class ReferenceFormat implements FormatPart {
  readonly #storage: MemoryStorage;
  readonly #directory: string;

  constructor(storage: MemoryStorage, directory: string) {
    this.#storage = storage;
    this.#directory = directory;
  }

  async put(name: string, content: Uint8Array | number): Promise<void> {
    this.#storage.put(this.#path(name), content);
  }

  async inspect(
    name: string,
    { trust, verify }: { trust: Trust; verify: boolean },
  ): Promise<Inspection | FormatRefusal> {
    const path = this.#path(name);
    const seen = this.#attempt(path, () => this.#inspect(path, trust));
    this.#agrees(path, trust, seen);
    if (!verify || 'error' in seen) return seen;
    return this.#attempt(path, () => {
      this.#verify(path, trust);
      return seen;
    });
  }

  async check(
    name: string,
    { trust, repair }: { trust: Trust; repair: boolean },
  ): Promise<CheckReport | FormatRefusal> {
    const path = this.#path(name);
    return this.#attempt(path, () => {
      const options = this.#checkOptions(path, trust);
      const repaired = repair ? repairImage(this.#storage, path, options).repaired : [];
      const findings = checkImage(this.#storage, path, { ...options, lock: repair ? 'exclusive' : 'shared' });
      return { repaired: repaired.map(shown), findings: findings.map(shown) };
    });
  }

  #path(name: string): string {
    return `${this.#directory}/${name}`;
  }

  #attempt<T>(path: string, what: () => T): T | FormatRefusal {
    try {
      return what();
    } catch (error) {
      if (error instanceof QbmError) return refusalOf(error, path);
      throw error;
    }
  }

  #inspect(path: string, trust: Trust): Inspection {
    checkFiles(this.#storage, path, this.#read(path, trust), { trust, formats: FORMATS });
    return this.#opened(path, trust);
  }

  /** The image, and before that those within: whatever is wrong in one of them refuses the whole. */
  #opened(path: string, trust: Trust): Inspection {
    const read = this.#read(path, trust);
    const size = this.#sizeOf(path, read.image, trust);
    checkImageSize(size);
    const bitmaps = read.bitmaps.map((entry) => this.#bitmap(path, read, entry, size));
    const backing = read.bitmaps.find(({ type }) => type === 'allocation')?.backing ?? null;
    if (backing !== null) this.#sizeOf(path, backing, trust);
    return { size, bitmaps, backing };
  }

  #read(path: string, trust: Trust): Descriptor {
    const file = DescriptorFile.open(this.#storage, path, 'shared');
    try {
      return readDescriptor(file.content, { trust, file: path, formats: FORMATS });
    } finally {
      file.close();
    }
  }

  /** Bytes of the disk in an image that a descriptor names. */
  #sizeOf(path: string, image: ImageRef, trust: Trust): number {
    const file = this.#storage.resolve(path, image.file);
    return image.format === 'qbm' ? this.#opened(file, trust).size : this.#with(file, ({ size }) => size);
  }

  #bitmap(path: string, read: Descriptor, entry: BitmapEntry, size: number): InspectedBitmap {
    const { name, type, granularityBytes: granularity, recording } = entry;
    const facts = { name, type, granularity };
    bitsOf(geometryOf(entry, size));
    if (isSuspect(read, entry)) return { ...facts, recording: false, inconsistent: true, areas: null };
    const bitmap = this.#with(this.#storage.resolve(path, entry.file), (file) =>
      loadBitmap(file, geometryOf(entry, size), {}, read.inUse !== null),
    );
    return { ...facts, recording, inconsistent: false, areas: [...bitmap.dirtyAreas()] };
  }

  /** QBM-030 */
  #verify(path: string, trust: Trust): void {
    const read = this.#read(path, trust);
    for (const { role, file, image, bitmap } of references(read)) {
      if (image?.format === 'qbm') this.#verify(this.#storage.resolve(path, file), trust);
      const checksum = (image ?? bitmap)!.checksum;
      if (checksum === null || read.inUse !== null || bitmap?.inconsistent) continue;
      const found = this.#with(this.#storage.resolve(path, file), (open) => checksumOf(open, nodeSha256));
      if (found !== checksum) throw new QbmError('QBM-E-CHECKSUM', { role, file });
    }
  }

  #with<T>(path: string, use: (file: StorageFile) => T): T {
    const file = this.#storage.open(path);
    try {
      return use(file);
    } finally {
      file.close();
    }
  }

  #checkOptions(path: string, trust: Trust): CheckOptions {
    const place = path.slice(0, path.lastIndexOf('/') + 1);
    const beside = this.#storage
      .files()
      .map(([name]) => name)
      .filter((name) => name.startsWith(place) && !name.includes('/', place.length))
      .map((name) => name.slice(place.length));
    return { trust, formats: FORMATS, makeHash: nodeSha256, beside };
  }

  /** QBM-042: what opens has no error, and what is refused has that one. */
  #agrees(path: string, trust: Trust, seen: Inspection | FormatRefusal): void {
    const report = this.#attempt(path, () =>
      checkImage(this.#storage, path, this.#checkOptions(path, trust)),
    );
    if ('error' in report) return;
    const errors = report.filter(({ severity }) => severity === 'error').map(({ id }) => id as string);
    const isSame = 'error' in seen ? errors.includes(seen.error.id) : errors.length === 0;
    if (isSame) return;
    const opened = 'error' in seen ? seen.error.id : 'no error';
    throw new TargetFault(
      'crash',
      `the reference contradicts itself: ${opened} at opening, ${errors.join(', ') || 'no error'} in check`,
    );
  }
}

function shown({ id, severity, bitmap }: Finding): FormatFinding {
  return { id, severity, bitmap };
}

function refusalOf({ id, message, place }: QbmError, path: string): FormatRefusal {
  if (place === null || place.file !== path) return { error: { id, text: message, place: null } };
  const { line, column } = place;
  return {
    error: { id, text: message.slice(`${path}:${line}:${column}: `.length), place: { line, column } },
  };
}

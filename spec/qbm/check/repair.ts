/**
 * Repairs what can be repaired without hiding a write: a bitmap that is in doubt becomes dirty everywhere. In an order
 * that may be cut short anywhere: what is being filled is marked inconsistent meanwhile. FORMAT.md, QBM-043.
 */
import type { Storage, StorageFile } from '../../storage/storage.js';
import { StorageError } from '../../storage/storage.js';
import { cutBitmapFile, storeAllDirty } from '../bitmap-file.js';
import type { BitmapEntry, Descriptor } from '../descriptor.js';
import { descriptor } from '../descriptor.js';
import { QbmError } from '../errors.js';
import { temporaryName } from '../names.js';
import { DescriptorFile, NEXT_ROLE } from '../update.js';
import { writeDescriptor } from '../write-descriptor.js';
import { type CheckOptions, findingsOf, openOrFinding } from './check.js';
import type { Finding } from './finding.js';
import { geometryOf, type Look } from './look.js';

export interface RepairResult {
  readonly repaired: readonly Finding[];
  /** what is as it was; if an error is among them, nothing was written at all */
  readonly left: readonly Finding[];
}

/**
 * A descriptor that cannot be read is a finding, as in check. What is found in images within is left: each is repaired by
 * its own name.
 * @param which `leftovers`: only a file that is too much goes; what says that an image is in doubt stays
 * @throws QbmError QBM-E-LOCKED while somebody has the image open; QBM-E-STORAGE when a repair fails half-way
 */
export function repairImage(
  storage: Storage,
  name: string,
  options: CheckOptions,
  which: 'all' | 'leftovers' = 'all',
): RepairResult {
  const file = openOrFinding(storage, name, 'exclusive');
  if (!(file instanceof DescriptorFile)) return { repaired: [], left: [file] };
  try {
    const { findings: found, look } = findingsOf(storage, name, file.content, {
      ...options,
      lock: 'exclusive',
    });
    if (look === null || isHopeless(found) || look.size === null) return { repaired: [], left: found };
    const repairs = new Repairs(storage, file, look);
    const findings = which === 'all' ? repairs.possible(found) : found;
    if (isHopeless(findings)) return { repaired: [], left: findings };
    const repaired = findings.filter(({ repair }) =>
      which === 'all' ? repair !== null : repair === 'remove-temporary',
    );
    if (repaired.length > 0) repairs.run(repaired, which);
    return { repaired, left: findings.filter((finding) => !repaired.includes(finding)) };
  } finally {
    file.close();
  }
}

/** A file that is named twice, say, must not be filled for the one use of it. */
function isHopeless(findings: readonly Finding[]): boolean {
  return findings.some(({ severity, repair }) => severity === 'error' && repair === null);
}

class Repairs {
  readonly #storage: Storage;
  readonly #file: DescriptorFile;
  readonly #read: Descriptor;
  readonly #look: Look;
  /** the bitmaps whose files cannot be changed */
  readonly #refused = new Set<string>();

  /** @param look at an image of a known size */
  constructor(storage: Storage, file: DescriptorFile, look: Look) {
    this.#storage = storage;
    this.#file = file;
    this.#read = look.read;
    this.#look = look;
  }

  /** The same findings, but without the repairs that the storage would refuse half-way. Changes nothing. */
  possible(findings: readonly Finding[]): Finding[] {
    const cut = findings.filter(({ repair }) => repair === 'cut').map(({ bitmap }) => bitmap);
    const filled = this.#toFill(findings);
    const refused = this.#read.bitmaps
      .filter(({ name }) => filled.has(name) || cut.includes(name))
      .filter((entry) => !this.#canChange(entry));
    for (const { name } of refused) this.#refused.add(name);
    const isImpossible = ({ repair, bitmap }: Finding): boolean =>
      (bitmap !== null && this.#refused.has(bitmap)) ||
      // What stays inconsistent need not be dirty.
      (repair === 'drop-checksum' && refused.some(({ inconsistent }) => !inconsistent));
    return findings.map((one) => (isImpossible(one) ? { ...one, repair: null } : one));
  }

  #canChange(entry: BitmapEntry): boolean {
    const name = this.#storage.resolve(this.#file.name, entry.file);
    if (!this.#look.canFill(entry)) return false;
    try {
      if (this.#storage.kind(name) !== null) this.#storage.open(name, { write: true }).close();
      return true;
    } catch (error) {
      if (error instanceof StorageError) return false;
      throw error;
    }
  }

  run(findings: readonly Finding[], which: 'all' | 'leftovers'): void {
    if (which === 'all') this.#mend(findings);
    this.#removeTemporary();
  }

  #mend(findings: readonly Finding[]): void {
    const { bitmaps, image } = this.#read;
    const filled = this.#toFill(findings);
    const cut = new Set(findings.filter(({ repair }) => repair === 'cut').map(({ bitmap }) => bitmap));
    const dropped = findings.some(({ repair }) => repair === 'drop-checksum');
    const touched = ({ name }: BitmapEntry): boolean => filled.has(name) || cut.has(name);
    const mended = {
      ...this.#read,
      image: dropped || this.#read.inUse !== null ? { ...image, checksum: null } : image,
      bitmaps: bitmaps.map((entry) =>
        touched(entry) || this.#read.inUse !== null ? { ...entry, checksum: null } : entry,
      ),
    };
    const marked = (inconsistent: boolean): BitmapEntry[] =>
      mended.bitmaps.map((entry) => (filled.has(entry.name) ? { ...entry, inconsistent } : entry));
    this.#put(descriptor(mended.image, marked(true), mended));
    this.#flushImage();
    for (const entry of bitmaps) {
      if (filled.has(entry.name))
        this.#change(entry, true, (file) => storeAllDirty(file, this.#geometry(entry)));
      else if (cut.has(entry.name))
        this.#change(entry, false, (file) => cutBitmapFile(file, this.#geometry(entry)));
    }
    this.#put(descriptor(mended.image, marked(false), { ...mended, inUse: null }));
  }

  /** The files are cut by a size that has to be on disk: a program that died may have left it in the cache. QBM-037 */
  #flushImage(): void {
    const name = this.#look.dataFile;
    try {
      const file = this.#storage.open(name);
      try {
        file.flush();
      } finally {
        file.close();
      }
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new QbmError('QBM-E-STORAGE', { role: 'the data image', file: name, errno: error.errno });
    }
  }

  #toFill(findings: readonly Finding[]): ReadonlySet<string> {
    const all = findings.some(({ repair }) => repair === 'drop-checksum');
    const named = findings.filter(({ repair }) => repair === 'fill').map(({ bitmap }) => bitmap);
    return new Set(
      this.#read.bitmaps
        .filter(({ name, type }) => type === 'dirty' && (all || named.includes(name)))
        .filter(({ name }) => !this.#refused.has(name))
        .map(({ name }) => name),
    );
  }

  #geometry(entry: BitmapEntry): ReturnType<typeof geometryOf> {
    return geometryOf(entry, this.#look.size!);
  }

  /** Opens the file of a bitmap, makes it if it may be missing, changes and flushes it. */
  #change(entry: BitmapEntry, make: boolean, change: (file: StorageFile) => void): void {
    const name = this.#storage.resolve(this.#file.name, entry.file);
    try {
      const missing = make && this.#storage.kind(name) === null;
      const file = missing ? this.#storage.create(name) : this.#storage.open(name, { write: true });
      try {
        change(file);
        file.flush();
      } finally {
        file.close();
      }
      if (missing) this.#storage.flushDirectory(name);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new QbmError('QBM-E-STORAGE', { role: `bitmap "${entry.name}"`, file: name, errno: error.errno });
    }
  }

  #put(next: Descriptor): void {
    const text = writeDescriptor(next, this.#file.name);
    if (new TextDecoder().decode(this.#file.content) !== text) this.#file.replace(text);
  }

  #removeTemporary(): void {
    const temporary = temporaryName(this.#file.name);
    try {
      if (this.#storage.kind(temporary) === null) return;
      this.#storage.remove(temporary);
      this.#storage.flushDirectory(temporary);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      throw new QbmError('QBM-E-STORAGE', {
        role: NEXT_ROLE,
        file: temporary,
        errno: error.errno,
      });
    }
  }
}

/**
 * Opens a QBM image: by its descriptor, or from its parts given as options. Everything is looked at before anything is
 * opened for writing, and a refusal leaves no trace. spec/qbm/FORMAT.md, QBM-027, QBM-037, QBM-038, QBM-040, QBM-041.
 */
import { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { Driver } from '../block/drivers/driver.js';
import { QbmDriver, type QbmSurroundings } from '../block/drivers/qbm.js';
import { BlockError } from '../block/errors.js';
import type { Node, NodeOptions, Role } from '../block/node.js';
import { Allocation } from '../block/qbm/allocation.js';
import { NodeFile } from '../block/qbm/node-file.js';
import { DescriptorStore } from '../block/qbm/store.js';
import { StoredBitmap } from '../block/qbm/stored-bitmap.js';
import { flush } from '../block/request.js';
import { cutBitmapFile, loadBitmap } from '../qbm/bitmap-file.js';
import { geometryOf, isSuspect } from '../qbm/check.js';
import type { BitmapEntry, Descriptor, ImageRef, Policy } from '../qbm/descriptor.js';
import { QbmError } from '../qbm/errors.js';
import { checkFiles } from '../qbm/files.js';
import { faultOfName } from '../qbm/read-bitmap.js';
import { readDescriptor } from '../qbm/read-descriptor.js';
import { DescriptorFile } from '../qbm/update.js';
import type { BlockdevRefValue } from './commands/blockdev-options.js';
import type { Machine } from './machine.js';

export type QbmOptions = Extract<Exclude<BlockdevRefValue, string>, { driver: 'qbm' }>;

/** How the nodes below are made; the caller lets go of them if opening fails. */
export interface Opener {
  /** an existing node, or a new one */
  readonly child: (ref: BlockdevRefValue) => Node;
}

/** A driver, and the nodes that its node has to adopt. */
export interface Opened {
  readonly driver: Driver;
  readonly children: readonly (readonly [Node, Role])[];
}

/** @throws QbmError, BlockError, StorageError */
export function openQbm(machine: Machine, options: QbmOptions, own: NodeOptions, opener: Opener): Opened {
  const surroundings: QbmSurroundings = {
    openFile: (filename) => opener.child({ driver: 'file', filename }),
    release: (node) => machine.graph.release(node),
  };
  if (options.file === undefined) return openInline(options, own, opener, surroundings);
  if (options.image !== undefined || options.bitmaps !== undefined || options.backing !== undefined) {
    throw new BlockError('REF-E-QBM-BOTH');
  }
  return new DescriptorOpening(machine, options, own, opener, surroundings).open(options.file);
}

class DescriptorOpening {
  readonly #machine: Machine;
  readonly #options: QbmOptions;
  readonly #own: NodeOptions;
  readonly #opener: Opener;
  readonly #surroundings: QbmSurroundings;

  constructor(
    machine: Machine,
    options: QbmOptions,
    own: NodeOptions,
    opener: Opener,
    surroundings: QbmSurroundings,
  ) {
    this.#machine = machine;
    this.#options = options;
    this.#own = own;
    this.#opener = opener;
    this.#surroundings = surroundings;
  }

  open(ref: BlockdevRefValue): Opened {
    const { storage } = this.#machine;
    const fileNode = this.#opener.child(ref);
    if (fileNode.driver.name !== 'file')
      throw new BlockError('REF-E-QBM-FILE', { driver: fileNode.driver.name });
    const name = fileNode.driver.filename();
    const file = DescriptorFile.open(storage, name, this.#own.readOnly ? 'shared' : 'exclusive');
    try {
      const trust = this.#options.trusted ? 'local' : 'stranger';
      const read = readDescriptor(file.content, { trust, file: name });
      checkFiles(storage, name, read, { trust });
      return this.#assemble(new DescriptorStore(storage, this.#machine.makeHash, file, read), fileNode);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #assemble(store: DescriptorStore, fileNode: Node): Opened {
    const { read } = store;
    const isReadOnly = this.#own.readOnly;
    const policy = this.#options.policy ?? 'writeback';
    // QBM-041: sizes and bitmaps are looked at before anything is open for writing.
    // A reader keeps what it looked at: opening every level of nested images twice would take time without end.
    const look = this.#image(store, read.image, true);
    const size = look.size;
    const loaded = read.bitmaps.map((entry) => this.#load(store, entry, size));
    const below = read.bitmaps.find((entry) => entry.backing !== null)?.backing ?? null;
    const backing = below === null ? null : this.#image(store, below, true);

    if (!isReadOnly) this.#machine.graph.release(look);
    const data = isReadOnly ? look : this.#image(store, read.image, false);
    const children: [Node, Role][] = [
      [fileNode, 'file'],
      [data, 'image'],
    ];
    const stored: StoredBitmap[] = [];
    let allocation: Allocation | null = null;
    for (const [index, entry] of read.bitmaps.entries()) {
      const bitmap = loaded[index]!;
      if (bitmap.inconsistent) continue;
      const node = this.#surroundings.openFile(store.resolve(entry.file));
      children.push([node, 'bitmap']);
      const one = new StoredBitmap(bitmap, new NodeFile(node));
      if (entry.type === 'dirty') stored.push(one);
      else {
        if (backing !== null) children.push([backing, 'backing']);
        allocation = new Allocation(one, data, backing);
      }
    }
    if (!isReadOnly) this.#takeOver(store, policy, read, children, size);
    const driver = new QbmDriver({
      surroundings: this.#surroundings,
      store,
      data,
      allocation,
      stored,
      inconsistent: loaded.filter((bitmap) => bitmap.inconsistent),
      policy,
      isReadOnly,
    });
    return { driver, children };
  }

  /**
   * The marker, and then what the writer before left when it died: files that are too long. If only its program died, more
   * of what it wrote is seen than is on disk. It counts as stored from now on, so it has to be: first the size of the data
   * image, by which the files are cut, then the bits.
   */
  #takeOver(
    store: DescriptorStore,
    policy: Policy,
    found: Descriptor,
    children: readonly (readonly [Node, Role])[],
    size: number,
  ): void {
    store.take(policy, this.#machine.writer);
    if (found.inUse === null) return;
    for (const [node, role] of children) if (role === 'image') flush(node);
    const files = new Map(
      children.filter(([, role]) => role === 'bitmap').map(([node]) => [node.filename, node]),
    );
    for (const entry of found.bitmaps) {
      const node = files.get(store.resolve(entry.file));
      if (node === undefined) continue;
      const file = new NodeFile(node);
      cutBitmapFile(file, geometryOf(entry, size));
      file.flush();
    }
  }

  #load(store: DescriptorStore, entry: BitmapEntry, size: number): DirtyBitmap {
    const { read } = store;
    if (entry.inconsistent || isSuspect(read, entry)) return inconsistentBitmap(entry, size);
    const file = this.#machine.storage.open(store.resolve(entry.file));
    try {
      const enabled = entry.type === 'dirty' && entry.recording;
      return loadBitmap(file, geometryOf(entry, size), { enabled, persistent: true }, read.inUse !== null);
    } finally {
      file.close();
    }
  }

  /** A QBM image within is opened as this one is: on whose word, and by which policy. QBM-040 */
  #image(store: DescriptorStore, image: ImageRef, isReadOnly: boolean): Node {
    const file = { driver: 'file', filename: store.resolve(image.file) } as const;
    const common = { 'read-only': isReadOnly } as const;
    if (image.format === 'raw') return this.#opener.child({ driver: 'raw', ...common, file });
    const { trusted, policy } = this.#options;
    if (image.format === 'qbm')
      return this.#opener.child({ driver: 'qbm', ...common, file, trusted, policy });
    throw new QbmError('QBM-E-FORMAT', { format: image.format, problem: 'there is no driver of that name' });
  }
}

/** QBM-029: nothing is known of it but that it was there. */
function inconsistentBitmap(entry: BitmapEntry, size: number): DirtyBitmap {
  const { name, granularityBytes: granularity } = entry;
  const bitmap = new DirtyBitmap({ name, size, granularity, enabled: false, persistent: true });
  bitmap.inconsistent = true;
  return bitmap;
}

/** The building-block form: no descriptor, so no marker, so only bits that are on disk before the data are any good. */
function openInline(
  options: QbmOptions,
  own: NodeOptions,
  opener: Opener,
  surroundings: QbmSurroundings,
): Opened {
  if (options.image === undefined) throw new BlockError('REF-E-QBM-NEITHER');
  if (options.policy === 'writeback') throw new BlockError('REF-E-QBM-INLINE-POLICY');
  const data = opener.child(options.image);
  const children: [Node, Role][] = [[data, 'image']];
  const stored: StoredBitmap[] = [];
  let allocation: Allocation | null = null;
  const names = new Set<string>();
  for (const part of options.bitmaps ?? []) {
    const problem = names.has(part.name) ? 'it is given twice' : faultOfName(part.name);
    if (problem !== null) throw new QbmError('QBM-E-NAME', { name: part.name, problem });
    names.add(part.name);
    const node = opener.child(part.file);
    children.push([node, 'bitmap']);
    const geometry = {
      name: part.name,
      file: node.filename,
      imageSize: data.size,
      granularityBytes: part.granularity,
    };
    const isAllocation = part.type === 'allocation';
    const enabled = !isAllocation && (part.recording ?? true);
    const bitmap = loadBitmap(new NodeFile(node), geometry, { enabled, persistent: true }, true);
    // The node may be a part of something: it is not cut.
    const one = new StoredBitmap(bitmap, new NodeFile(node), { mayBeLonger: true });
    if (!isAllocation) stored.push(one);
    else if (allocation !== null) throw new BlockError('REF-E-QBM-ALLOCATION');
    else {
      const backing = options.backing === undefined ? null : opener.child(options.backing);
      if (backing !== null) children.push([backing, 'backing']);
      allocation = new Allocation(one, data, backing);
    }
  }
  if (options.backing !== undefined && allocation === null) throw new BlockError('REF-E-QBM-ALLOCATION');
  // Without a marker nobody knows whether the writer before died with bits that are in a cache only.
  if (!own.readOnly) for (const [node, role] of children) if (role !== 'backing') flush(node);
  const parts = {
    surroundings,
    store: null,
    data,
    allocation,
    stored,
    inconsistent: [],
    isReadOnly: own.readOnly,
  };
  return { driver: new QbmDriver({ ...parts, policy: 'writethrough' }), children };
}

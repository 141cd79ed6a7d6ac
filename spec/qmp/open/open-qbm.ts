/**
 * Opens a QBM image: by its descriptor, or from its parts given as options. Everything is looked at before anything is
 * opened for writing, and a refusal leaves no trace. spec/qbm/FORMAT.md, QBM-027, QBM-037, QBM-038, QBM-040, QBM-041.
 */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { Driver } from '../../block/drivers/driver.js';
import { QbmDriver, type QbmSurroundings } from '../../block/drivers/qbm.js';
import type { Demand, Edge, Role, Use } from '../../block/edge.js';
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import { Allocation, type Places } from '../../block/qbm/allocation.js';
import { NodeFile } from '../../block/qbm/node-file.js';
import { checkPartsAreApart, type Part } from '../../block/qbm/parts.js';
import { DescriptorStore } from '../../block/qbm/store.js';
import { StoredBitmap } from '../../block/qbm/stored-bitmap.js';
import { settleTakenOver } from '../../block/qbm/take-over.js';
import { flush } from '../../block/request.js';
import { bitsOf, loadBitmap } from '../../qbm/bitmap-file.js';
import { geometryOf, isSuspect, refuseFaults } from '../../qbm/check/look.js';
import type { BitmapEntry, Descriptor, ImageRef, Policy } from '../../qbm/descriptor.js';
import { QbmError } from '../../qbm/errors.js';
import { faultOfName } from '../../qbm/read-bitmap.js';
import { readDescriptor } from '../../qbm/read-descriptor.js';
import { DescriptorFile } from '../../qbm/update.js';
import type { BlockdevRefValue } from '../commands/blockdev-options.js';
import type { Machine } from '../machine.js';

export type QbmOptions = Extract<Exclude<BlockdevRefValue, string>, { driver: 'qbm' }>;

/** One node that is to be used by another: as what, and what that means for others. */
export type Adoption = readonly [child: Node, role: Role, use: Use, demand?: Demand | undefined];

/** How the nodes below are made, and become children. What is not a child yet goes if opening fails. */
export interface Opener {
  readonly machine: Machine;
  /** the one that is being opened */
  readonly node: Node;
  /** whether the image above looked at all that this one names and reaches: QBM-041 */
  readonly isLookedAt: boolean;
  /** an existing node, or a new one; nobody's child yet */
  child(ref: BlockdevRefValue, role: Role): Node;
  /** a new one that this image has looked at */
  childLookedAt(options: Exclude<BlockdevRefValue, string>, role: Role): Node;
  /** all of them become children. @throws BlockError REF-E-CONFLICT */
  adopt(children: readonly Adoption[]): readonly Edge[];
  letGo(edge: Edge): void;
  /** of a child that was not adopted */
  release(child: Node): void;
}

/** @throws QbmError, BlockError, StorageError */
export function openQbm(opener: Opener, options: QbmOptions): Driver {
  if (options.file === undefined) return openInline(opener, options);
  if (options.image !== undefined || options.bitmaps !== undefined) throw new BlockError('REF-E-QBM-BOTH');
  return new DescriptorOpening(opener, options).open(options.file);
}

function surroundingsOf(opener: Opener): QbmSurroundings {
  return {
    openFile: (filename) => opener.child({ driver: 'file', filename }, 'bitmap'),
    adopt(node) {
      try {
        opener.adopt([[node, 'bitmap', 'metadata']]);
      } catch (error) {
        opener.release(node);
        throw error;
      }
    },
    letGo: (edge) => opener.letGo(edge),
  };
}

/** QBM-032. Who leaves everything to others (`force-share`) is a reader. */
function lockOf(node: Node): 'exclusive' | 'shared' | 'none' {
  if (!node.readOnly) return 'exclusive';
  return node.options.forceShare ? 'none' : 'shared';
}

/** The formats that there are drivers of. */
const FORMATS: ReadonlySet<string> = new Set(['raw', 'qbm']);

class DescriptorOpening {
  readonly #opener: Opener;
  readonly #options: QbmOptions;

  constructor(opener: Opener, options: QbmOptions) {
    this.#opener = opener;
    this.#options = options;
  }

  open(ref: BlockdevRefValue): Driver {
    const { machine, node, isLookedAt } = this.#opener;
    const { storage, makeHash } = machine;
    let fileNode = typeof ref === 'string' ? this.#opener.child(ref, 'file') : null;
    const name = typeof ref === 'string' ? filenameOf(fileNode!) : filenameIn(ref);
    // What is not there is refused as for any format, by the node of the file.
    if (storage.kind(name) === null) fileNode ??= this.#opener.child(ref, 'file');
    const lock = lockOf(node);
    const file = DescriptorFile.open(storage, name, lock);
    try {
      const options = { trust: this.#options.trusted ? 'local' : 'stranger', formats: FORMATS } as const;
      const read = readDescriptor(file.content, { ...options, file: name });
      // A backing file that is not to be opened need not be there. REF-027
      const used = this.#options.backing === undefined ? read : withoutBacking(read);
      // QBM-041: all that is reached is looked at before anything is opened, once, from the outermost.
      if (!isLookedAt) refuseFaults(storage, name, used, { ...options, lock });
      fileNode ??= this.#opener.child(ref, 'file');
      machine.graph.place(node);
      return this.#assemble(new DescriptorStore(storage, makeHash, file, read), fileNode);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #assemble(store: DescriptorStore, fileNode: Node): Driver {
    const { read } = store;
    const { node } = this.#opener;
    const isReadOnly = node.readOnly;
    const policy = this.#options.policy ?? 'writeback';
    const data = this.#image(store, read.image, 'image');
    const { size } = data;
    const loaded = read.bitmaps.map((entry) => this.#load(store, entry, size));
    const backing = this.#backing(store);
    const children: Adoption[] = [
      [fileNode, 'file', 'metadata'],
      [data, 'image', 'metadata'],
    ];
    const places = placesOf(node);
    const surroundings = surroundingsOf(this.#opener);
    const stored: StoredBitmap[] = [];
    let allocation: Allocation | null = null;
    for (const [index, entry] of read.bitmaps.entries()) {
      const bitmap = loaded[index]!;
      if (bitmap.inconsistent) continue;
      const part = surroundings.openFile(store.resolve(entry.file));
      children.push([part, 'bitmap', 'metadata']);
      const one = new StoredBitmap(bitmap, new NodeFile(part));
      if (entry.type === 'dirty') stored.push(one);
      else {
        if (backing !== null) children.push([backing, 'backing', 'backing']);
        allocation = new Allocation(one, places);
      }
    }
    this.#opener.adopt(children);
    if (!isReadOnly) this.#takeOver(store, policy, children, size);
    return new QbmDriver({
      surroundings,
      store,
      places,
      allocation,
      stored,
      inconsistent: loaded.filter((bitmap) => bitmap.inconsistent),
      policy,
      isReadOnly,
      writer: this.#opener.machine.writer,
    });
  }

  /** The one that a local caller names, or that of the descriptor. REF-027 */
  #backing(store: DescriptorStore): Node | null {
    const { backing } = this.#options;
    const entry = store.read.bitmaps.find(({ type }) => type === 'allocation');
    if (backing === null) return null;
    if (backing !== undefined) {
      if (entry === undefined) throw new BlockError('REF-E-QBM-ALLOCATION');
      // The node has its name by now, if nothing else.
      const { name } = this.#opener.node;
      if (backing === name)
        throw new BlockError('REF-E-CYCLE', { child: name, role: 'backing', parent: name });
      try {
        return this.#opener.child(backing, 'backing');
      } catch (error) {
        if (!(error instanceof BlockError)) throw error;
        throw new BlockError('REF-E-BACKING', { reason: error.message });
      }
    }
    const below = entry?.backing ?? null;
    return below === null ? null : this.#image(store, below, 'backing');
  }

  #takeOver(store: DescriptorStore, policy: Policy, children: readonly Adoption[], size: number): void {
    const found = store.read;
    store.take(policy, this.#opener.machine.writer);
    const inRole = (wanted: Role): Node[] =>
      children.filter(([, role]) => role === wanted).map(([node]) => node);
    settleTakenOver(store, found, { image: inRole('image')[0]!, bitmaps: inRole('bitmap') }, size);
  }

  #load(store: DescriptorStore, entry: BitmapEntry, size: number): DirtyBitmap {
    const { read } = store;
    if (entry.inconsistent || isSuspect(read, entry)) return inconsistentBitmap(entry, size);
    const file = this.#opener.machine.storage.open(store.resolve(entry.file));
    try {
      const enabled = entry.type === 'dirty' && entry.recording;
      return loadBitmap(file, geometryOf(entry, size), { enabled, persistent: true }, read.inUse !== null);
    } finally {
      file.close();
    }
  }

  /** A QBM image within is opened as this one is: on whose word, and by which policy. QBM-040 */
  #image(store: DescriptorStore, image: ImageRef, role: 'image' | 'backing'): Node {
    const file = { driver: 'file', filename: store.resolve(image.file) } as const;
    // Whether it is read-only follows the node above, also when that is reopened.
    if (image.format !== 'qbm') return this.#opener.child({ driver: 'raw', file }, role);
    const { trusted, policy } = this.#options;
    return this.#opener.childLookedAt({ driver: 'qbm', file, trusted, policy }, role);
  }
}

function withoutBacking(read: Descriptor): Descriptor {
  return { ...read, bitmaps: read.bitmaps.map((entry) => ({ ...entry, backing: null })) };
}

/** Of the options of a node that is not there yet. @throws BlockError */
function filenameIn(options: Exclude<BlockdevRefValue, string>): string {
  if (options.driver !== 'file') throw new BlockError('REF-E-QBM-FILE', { driver: options.driver });
  if (options.filename === '') throw new BlockError('REF-E-FILENAME');
  return options.filename;
}

function filenameOf({ driver }: Node): string {
  if (driver.name !== 'file') throw new BlockError('REF-E-QBM-FILE', { driver: driver.name });
  return driver.filename();
}

/** QBM-029: nothing is known of it but that it was there. */
function inconsistentBitmap(entry: BitmapEntry, size: number): DirtyBitmap {
  const { name, granularityBytes: granularity } = entry;
  bitsOf(geometryOf(entry, size)); // QBM-021
  const bitmap = new DirtyBitmap({ name, size, granularity, enabled: false, persistent: true });
  bitmap.inconsistent = true;
  return bitmap;
}

/** The building-block form: no descriptor, so no marker, so only bits that are on disk before the data are any good. */
function openInline(opener: Opener, options: QbmOptions): Driver {
  const { node } = opener;
  if (options.image === undefined) throw new BlockError('REF-E-QBM-NEITHER');
  if (options.policy === 'writeback') throw new BlockError('REF-E-QBM-INLINE-POLICY');
  const data = opener.child(options.image, 'image');
  const children: Adoption[] = [[data, 'image', 'metadata']];
  const parts: Part[] = [[data, 'the data image']];
  const places = placesOf(node);
  const stored: StoredBitmap[] = [];
  let allocation: Allocation | null = null;
  const names = new Set<string>();
  for (const part of options.bitmaps ?? []) {
    const problem = names.has(part.name) ? 'it is given twice' : faultOfName(part.name);
    if (problem !== null) throw new QbmError('QBM-E-NAME', { name: part.name, problem });
    names.add(part.name);
    const file = opener.child(part.file, 'bitmap');
    children.push([file, 'bitmap', 'metadata']);
    parts.push([file, `bitmap "${part.name}"`]);
    const geometry = {
      name: part.name,
      file: file.filename,
      imageSize: data.size,
      granularityBytes: part.granularity,
    };
    const isAllocation = part.type === 'allocation';
    const enabled = !isAllocation && (part.recording ?? true);
    const bitmap = loadBitmap(new NodeFile(file), geometry, { enabled, persistent: true }, true);
    // The node may be a part of something: it is not cut.
    const one = new StoredBitmap(bitmap, new NodeFile(file), { mayBeLonger: true });
    if (!isAllocation) stored.push(one);
    else if (allocation !== null) throw new BlockError('REF-E-QBM-ALLOCATION');
    else {
      const backing = options.backing == null ? null : opener.child(options.backing, 'backing');
      if (backing !== null) children.push([backing, 'backing', 'backing']);
      if (backing !== null) parts.push([backing, 'the backing file']);
      allocation = new Allocation(one, places);
    }
  }
  if (options.backing != null && allocation === null) throw new BlockError('REF-E-QBM-ALLOCATION');
  checkPartsAreApart(opener.machine.storage, parts);
  opener.adopt(children);
  // Without a marker nobody knows whether the writer before died with bits that are in a cache only.
  if (!node.readOnly) for (const [child, role] of children) if (role !== 'backing') flush(child);
  return new QbmDriver({
    surroundings: surroundingsOf(opener),
    store: null,
    places,
    allocation,
    stored,
    inconsistent: [],
    policy: 'writethrough',
    isReadOnly: node.readOnly,
    writer: opener.machine.writer,
  });
}

/** The children as they are at any time: the graph may put other nodes in their places. */
function placesOf(node: Node): Places {
  let image: Edge | undefined;
  return {
    get data() {
      image ??= node.edge('image')!;
      return image.child;
    },
    get backing() {
      return node.backing;
    },
  };
}

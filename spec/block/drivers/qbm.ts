/**
 * `qbm`: a data image of any format, with dirty bitmaps that are stored beside it, and, by an allocation bitmap, a backing
 * file. spec/qbm/FORMAT.md. What is where: the image in {@link QbmDriver}, its descriptor in block/qbm/store.ts, a stored
 * bitmap in block/qbm/stored-bitmap.ts, what lies below in block/qbm/allocation.ts.
 */
import { bitmapUsable, CHANGE } from '../../bitmap/check.js';
import { type DirtyBitmap, granulesOf } from '../../bitmap/dirty-bitmap.js';
import { type JsonObject, jsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { type Descriptor, imageRef, type Policy } from '../../qbm/descriptor.js';
import { StorageError } from '../../storage/storage.js';
import { skipImplicit } from '../chain/walk.js';
import type { Edge } from '../edge.js';
import { BlockError } from '../errors.js';
import { dataEvent, type Leg, type Passing } from '../held/route.js';
import type { Node } from '../node.js';
import { becomeReader, becomeWriter } from '../qbm/access.js';
import type { Allocation, Places } from '../qbm/allocation.js';
import { NodeFile } from '../qbm/node-file.js';
import { describedParts } from '../qbm/parts.js';
import type { DescriptorStore } from '../qbm/store.js';
import { StoredBitmap } from '../qbm/stored-bitmap.js';
import { discard, flush, read, write, zero } from '../request.js';
import { RequestError } from '../request-error.js';
import { truncate } from '../resize.js';
import type { DriverStatus } from '../status.js';
import type {
  BackingKeeper,
  BitmapStore,
  Driver,
  PreparedReopen,
  ReopenRequest,
  StoredBacking,
} from './driver.js';

/** What the driver needs of whoever opened the image. */
export interface QbmSurroundings {
  /** a node of driver `file` over a file of the storage */
  readonly openFile: (filename: string) => Node;
  /** makes a node that {@link openFile} gave a child. @throws BlockError REF-E-CONFLICT; the node is closed then */
  readonly adopt: (node: Node) => void;
  /** the child is used no more, and closed if nobody else does */
  readonly letGo: (edge: Edge) => void;
}

export interface QbmParts {
  readonly surroundings: QbmSurroundings;
  /** null: an inline composition, without a descriptor */
  readonly store: DescriptorStore | null;
  readonly places: Places;
  readonly allocation: Allocation | null;
  /** the dirty bitmaps that are stored, consistent ones with their files */
  readonly stored: readonly StoredBitmap[];
  readonly inconsistent: readonly DirtyBitmap[];
  readonly policy: Policy;
  readonly isReadOnly: boolean;
  /** what the marker says of who writes */
  readonly writer: string;
}

export class QbmDriver implements Driver, BitmapStore {
  readonly name = 'qbm';
  readonly hasDirtyFlag = true;
  readonly canDiscard = true;
  readonly unmapsZeros = true;
  readonly #parts: QbmParts;
  readonly #stored = new Map<DirtyBitmap, StoredBitmap>();
  /** to be stored, but not there yet: under writeback nothing of a bitmap reaches the disk before the end */
  readonly #awaiting = new Set<DirtyBitmap>();
  #node: Node | null = null;
  #isReadOnly: boolean;

  constructor(parts: QbmParts) {
    this.#parts = parts;
    this.#isReadOnly = parts.isReadOnly;
    for (const stored of parts.stored) this.#stored.set(stored.bitmap, stored);
  }

  /** The node is there: its stored bitmaps are on it, all enabled or not as stored. */
  attach(node: Node): void {
    this.#node = node;
    const bitmaps = [...this.#parts.stored.map(({ bitmap }) => bitmap), ...this.#parts.inconsistent];
    for (const bitmap of bitmaps) {
      bitmap.readonly = this.#isReadOnly; // QBM-038
      node.addBitmap(bitmap);
    }
  }

  get clusterSize(): number | null {
    return this.#parts.allocation?.stored.bitmap.granularity ?? this.#parts.places.data.driver.clusterSize;
  }

  clusters(): { readonly total: number; readonly allocated: number } | null {
    const bits = this.#parts.allocation?.stored.bitmap.bits;
    return bits === undefined ? null : { total: bits.length, allocated: bits.count };
  }

  /** What its descriptor says; null of an image that has none. */
  get descriptor(): Descriptor | null {
    return this.#parts.store?.read ?? null;
  }

  get store(): BitmapStore {
    return this;
  }

  length(): number {
    return this.#parts.places.data.size;
  }

  read(offset: number, into: Uint8Array): void {
    const { allocation } = this.#parts;
    const { data } = this.#parts.places;
    if (allocation === null) {
      data.driver.debugEvent?.('read_aio');
      read(data, offset, into);
    } else allocation.read(offset, into);
  }

  /** QBM-034: the bits that this request sets are on disk before it goes on. */
  record(offset: number, length: number): void {
    for (const stored of this.#stored.values()) {
      if (stored.records && stored.isNew(offset, length)) stored.marked(offset, length);
    }
    for (const bitmap of this.#node!.bitmaps) bitmap.record(offset, length);
    this.#parts.store?.settleOwed();
    if (this.#parts.policy === 'writeback') return;
    this.#parts.store?.settle();
    for (const stored of this.#stored.values()) {
      if (stored.records && stored.isBehind(offset, length)) stored.sync();
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#parts.allocation?.fill(offset, bytes.length);
    const { data } = this.#parts.places;
    data.driver.debugEvent?.('write_aio');
    write(data, offset, bytes);
    // Not before: a granule that could not be written is still read from below.
    this.#parts.allocation?.claim(offset, bytes.length);
  }

  /** REF-081 */
  copyUp(offset: number, length: number): void {
    this.#parts.allocation?.copyUp(offset, length);
  }

  zero(offset: number, length: number): void {
    this.#parts.allocation?.fill(offset, length);
    zero(this.#parts.places.data, offset, length);
    this.#parts.allocation?.claim(offset, length);
  }

  /** What is read from the backing file stays: only what the data image holds can be discarded. */
  discard(offset: number, length: number): void {
    const { allocation } = this.#parts;
    const { data } = this.#parts.places;
    if (allocation === null) {
      discard(data, offset, length);
      return;
    }
    for (const piece of allocation.pieces(offset, length)) {
      if (piece.isAllocated) discard(data, piece.offset, piece.length);
    }
  }

  status(offset: number, length: number): DriverStatus {
    const { allocation, places } = this.#parts;
    if (allocation === null) return { length, content: 'child', at: { node: places.data, offset } };
    return allocation.status(offset, length);
  }

  *route(passing: Passing): Iterable<Leg> {
    const { allocation, places } = this.#parts;
    if (allocation === null) yield { ...passing, node: places.data, event: dataEvent(passing.op) };
    else yield* allocation.route(passing);
  }

  flush(): void {
    const { allocation } = this.#parts;
    const { data } = this.#parts.places;
    if (allocation === null) flush(data);
    else allocation.flush();
  }

  /** QBM-037: at no time is a bitmap file shorter than the data image needs. */
  truncate(size: number): void {
    const { allocation } = this.#parts;
    const { data } = this.#parts.places;
    // BMP-013
    for (const bitmap of this.#node!.bitmaps) if (bitmap.persistent) bitmapUsable(bitmap, CHANGE);
    if (allocation !== null) granulesOf(size, allocation.stored.bitmap.granularity); // BMP-030
    const oldSize = data.size;
    const stored = [...this.#stored.values()];
    try {
      if (size > oldSize)
        for (const one of [...stored, ...(allocation === null ? [] : [allocation])]) one.makeRoom(size);
      truncate(data, size);
    } catch (error) {
      // What the image below has next to the old end cannot be read.
      if (error instanceof RequestError)
        throw new StorageError(error.origin, 'Failed to zero out the new area');
      throw error;
    } finally {
      // The bitmaps of the node follow its data image (REF-010); the allocation bitmap is on no node.
      if (allocation !== null && allocation.stored.bitmap.size !== data.size) allocation.resize(data.size);
    }
    for (const one of stored) one.resized();
    if (size > oldSize) return;
    // The files are cut after the data image is, on disk.
    flush(data);
    for (const one of stored) one.settle();
    allocation?.stored.settle();
  }

  /** Of the image's own nothing is left. IMG-004 */
  empty(): void {
    this.#parts.allocation?.empty();
  }

  follows(edge: Edge): boolean {
    return edge.role === 'image';
  }

  close(): void {
    const { store } = this.#parts;
    try {
      if (!this.#isReadOnly) {
        this.#settleAll();
        store?.release([...this.#stored.keys()]);
      }
    } finally {
      store?.close();
    }
  }

  /** All bits are on disk, as a reader of the image finds them. */
  #settleAll(): void {
    this.flush();
    this.settle();
    for (const stored of this.#stored.values()) stored.settle();
    this.#parts.allocation?.stored.settle();
  }

  settle(): void {
    for (const bitmap of this.#awaiting) this.#storeNew(bitmap);
  }

  get backing(): BackingKeeper | undefined {
    const { allocation, store } = this.#parts;
    if (allocation === null) return undefined;
    return {
      stored: store === null ? null : storedBacking(store),
      change: (file, format) => this.#changeBacking(file, format),
    };
  }

  refuseBacking(node: string): never {
    throw new BlockError('REF-E-OVERLAY-ALLOCATION', { node });
  }

  /** REF-034 */
  #changeBacking(file: string, format: string): void {
    const { store } = this.#parts;
    if (store === null) throw new BlockError('REF-E-INLINE');
    store.setBacking(file === '' ? null : imageRef(file, format));
  }

  checkFile(): void {
    // The descriptor that is open is not that of another file.
    throw new BlockError('REF-E-REOPEN-DESCRIPTOR', { node: this.#node!.name });
  }

  /** On whose word an image was opened means nothing once it is open. */
  readonly mutable = new Set(['trusted']);

  /** A writer that becomes a reader leaves an image in order; a reader that becomes the writer takes it over. REF-039 */
  reopen({ readOnly }: ReopenRequest): PreparedReopen {
    if (readOnly === this.#isReadOnly) return {};
    const { store, policy, writer, places } = this.#parts;
    const stored = [...this.#stored.values()];
    const image = {
      store,
      policy,
      writer,
      stored,
      settle: () => this.#settleAll(),
      setReadOnly: (isReadOnly: boolean) => this.#setReadOnly(isReadOnly),
      files: () => ({ image: places.data, bitmaps: stored.map(({ file }) => file.node) }),
    };
    return readOnly ? becomeReader(image) : becomeWriter(image);
  }

  #setReadOnly(isReadOnly: boolean): void {
    this.#isReadOnly = isReadOnly;
    for (const bitmap of this.#node!.bitmaps) if (bitmap.persistent) bitmap.readonly = isReadOnly;
  }

  filename(): string {
    const { store } = this.#parts;
    return store !== null && !this.#isBackingOverridden() ? store.name : `json:${writeJson(this.describe())}`;
  }

  /** What is below is not what the image says. */
  #isBackingOverridden(): boolean {
    const { backing } = this;
    if (this.#node?.isLookedAt) return false;
    return backing !== undefined && (backing.stored?.full ?? null) !== (this.#below?.filename ?? null);
  }

  get #below(): Node | null {
    const { backing } = this.#parts.places;
    return backing && skipImplicit(backing);
  }

  describe(): JsonObject {
    const { store } = this.#parts;
    if (store !== null) {
      const shown = jsonObject({ driver: 'qbm' });
      if (this.#isBackingOverridden()) shown.backing = this.#below?.shownOptions ?? null;
      shown.file = jsonObject({ driver: 'file', filename: store.name });
      return shown;
    }
    const { places, stored, allocation } = this.#parts;
    return describedParts({
      image: places.data,
      stored,
      allocation: allocation?.stored ?? null,
      backing: this.#below,
    });
  }

  checkNew(name: string): void {
    const { store } = this.#parts;
    if (store === null) throw new BlockError('REF-E-INLINE');
    if (this.#isReadOnly) throw new BlockError('REF-E-READ-ONLY');
    store.checkNew(name, this.#awaiting.size);
  }

  persist(bitmap: DirtyBitmap): void {
    this.checkNew(bitmap.name!);
    if (this.#parts.policy === 'writeback') this.#awaiting.add(bitmap);
    else this.#storeNew(bitmap);
    bitmap.persistent = true;
  }

  /** The file, whole, and then the descriptor. After an error there may be a file too many. QBM-036 */
  #storeNew(bitmap: DirtyBitmap): void {
    const store = this.#parts.store!;
    const file = store.createFile(bitmap.name!);
    const node = this.#parts.surroundings.openFile(store.resolve(file));
    this.#parts.surroundings.adopt(node);
    try {
      const stored = new StoredBitmap(bitmap, new NodeFile(node), { isBehind: true });
      stored.settle();
      store.add(bitmap, file);
      this.#awaiting.delete(bitmap);
      this.#stored.set(bitmap, stored);
    } catch (error) {
      this.#letGo(node);
      throw error;
    }
  }

  #letGo(node: Node): void {
    this.#parts.surroundings.letGo(this.#node!.children.find(({ child }) => child === node)!);
  }

  checkRemove(): void {
    if (this.#parts.store === null) throw new BlockError('REF-E-INLINE');
    // Of a bitmap that a job has put in the place of another while the image was read-only.
    if (this.#isReadOnly) throw new BlockError('REF-E-READ-ONLY');
  }

  unpersist(bitmap: DirtyBitmap): void {
    this.checkRemove();
    const store = this.#parts.store!;
    if (!this.#awaiting.delete(bitmap)) {
      const entry = store.entry(bitmap.name!)!;
      const stored = this.#stored.get(bitmap);
      // It goes on being stored if this fails.
      store.remove(entry.name);
      this.#stored.delete(bitmap);
      if (stored !== undefined) this.#letGo(stored.file.node);
      store.removeFile(entry.file);
    }
    bitmap.persistent = false;
  }

  /** JOB-046: on disk is what both have together, so nothing is lost if it cannot be written now. */
  replaced(before: DirtyBitmap, after: DirtyBitmap): void {
    if (this.#awaiting.delete(before)) this.#awaiting.add(after);
    const stored = this.#stored.get(before);
    if (stored === undefined) return;
    this.#stored.delete(before);
    this.#stored.set(after, stored);
    stored.become(after);
    if (this.#parts.policy === 'writeback') return;
    try {
      stored.sync();
    } catch (error) {
      if (!(error instanceof StorageError) && !(error instanceof RequestError)) throw error;
    }
  }

  /** QBM-031 */
  changed(bitmap: DirtyBitmap): void {
    const stored = this.#stored.get(bitmap);
    if (stored === undefined) return;
    stored.changed();
    if (this.#parts.policy === 'writeback') return;
    try {
      stored.sync();
      this.#parts.store?.recording([...this.#stored.keys()]);
    } catch (error) {
      // A bitmap that is stored as recording has to record.
      const entry = this.#parts.store?.entry(bitmap.name!);
      if (entry !== undefined) bitmap.enabled = entry.recording;
      throw error;
    }
  }
}

function storedBacking(store: DescriptorStore): StoredBacking | null {
  const { backing } = store;
  return backing && { file: backing.file, full: store.resolve(backing.file), format: backing.format };
}

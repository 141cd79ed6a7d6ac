/**
 * `qbm`: a data image of any format, with dirty bitmaps that are stored beside it, and, by an allocation bitmap, a backing
 * file. spec/qbm/FORMAT.md. What is where: the image in {@link QbmDriver}, its descriptor in block/qbm/store.ts, a stored
 * bitmap in block/qbm/stored-bitmap.ts, what lies below in block/qbm/allocation.ts.
 */
import { bitmapUsable, CHANGE } from '../../bitmap/check.js';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { JsonObject } from '../../json/value.js';
import { jsonObject } from '../../json/value.js';
import type { Policy } from '../../qbm/descriptor.js';
import { BlockError } from '../errors.js';
import type { Edge, Node } from '../node.js';
import type { Allocation } from '../qbm/allocation.js';
import { NodeFile } from '../qbm/node-file.js';
import type { DescriptorStore } from '../qbm/store.js';
import { StoredBitmap } from '../qbm/stored-bitmap.js';
import { discard, flush, read, write, zero } from '../request.js';
import { truncate } from '../resize.js';
import type { BitmapStore, Driver } from './driver.js';

/** What the driver needs of whoever opened the image. */
export interface QbmSurroundings {
  /** a node of driver `file` over a file of the storage */
  readonly openFile: (filename: string) => Node;
  /** lets go of a node that {@link openFile} gave */
  readonly release: (node: Node) => void;
}

export interface QbmParts {
  readonly surroundings: QbmSurroundings;
  /** null: an inline composition, without a descriptor */
  readonly store: DescriptorStore | null;
  readonly data: Node;
  readonly allocation: Allocation | null;
  /** the dirty bitmaps that are stored, consistent ones with their files */
  readonly stored: readonly StoredBitmap[];
  readonly inconsistent: readonly DirtyBitmap[];
  readonly policy: Policy;
  readonly isReadOnly: boolean;
}

export class QbmDriver implements Driver, BitmapStore {
  readonly name = 'qbm';
  readonly hasDirtyFlag = true;
  readonly canDiscard = true;
  readonly #parts: QbmParts;
  readonly #stored = new Map<DirtyBitmap, StoredBitmap>();
  /** to be stored, but not there yet: under writeback nothing of a bitmap reaches the disk before the end */
  readonly #awaiting = new Set<DirtyBitmap>();
  #node: Node | null = null;

  constructor(parts: QbmParts) {
    this.#parts = parts;
    for (const stored of parts.stored) this.#stored.set(stored.bitmap, stored);
  }

  /** The node is there: its stored bitmaps are on it, all enabled or not as stored. */
  attach(node: Node): void {
    this.#node = node;
    const bitmaps = [...this.#parts.stored.map(({ bitmap }) => bitmap), ...this.#parts.inconsistent];
    for (const bitmap of bitmaps) {
      bitmap.readonly = this.#parts.isReadOnly; // QBM-038
      node.addBitmap(bitmap);
    }
  }

  get clusterSize(): number | null {
    return this.#parts.data.driver.clusterSize;
  }

  get store(): BitmapStore {
    return this;
  }

  length(): number {
    return this.#parts.data.size;
  }

  read(offset: number, into: Uint8Array): void {
    const { allocation, data } = this.#parts;
    if (allocation === null) read(data, offset, into);
    else allocation.read(offset, into);
  }

  /** QBM-034: the bits that this request sets are on disk before it goes on. */
  record(offset: number, length: number): void {
    const isThrough = this.#parts.policy === 'writethrough';
    const behind: StoredBitmap[] = [];
    for (const stored of this.#stored.values()) {
      if (!stored.isNew(offset, length)) continue;
      stored.marked(offset, length);
      if (isThrough) behind.push(stored);
    }
    for (const bitmap of this.#node!.bitmaps) bitmap.record(offset, length);
    for (const stored of behind) {
      stored.writeOut();
      stored.file.flush();
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#parts.allocation?.allocate(offset, bytes.length);
    write(this.#parts.data, offset, bytes);
  }

  zero(offset: number, length: number): void {
    this.#parts.allocation?.allocate(offset, length);
    zero(this.#parts.data, offset, length);
  }

  /** What is read from the backing file stays: only what the data image holds can be discarded. */
  discard(offset: number, length: number): void {
    const { allocation, data } = this.#parts;
    if (allocation === null) {
      discard(data, offset, length);
      return;
    }
    for (const piece of allocation.pieces(offset, length)) {
      if (piece.isAllocated) discard(data, piece.offset, piece.length);
    }
  }

  flush(): void {
    const { allocation, data } = this.#parts;
    if (allocation === null) flush(data);
    else allocation.flush();
  }

  /** QBM-037: at no time is a bitmap file shorter than the data image needs. */
  truncate(size: number): void {
    const { data, allocation } = this.#parts;
    // BMP-013
    for (const bitmap of this.#node!.bitmaps) if (bitmap.persistent) bitmapUsable(bitmap, CHANGE);
    const oldSize = data.size;
    const all = [...this.#stored.values(), ...(allocation === null ? [] : [allocation.stored])];
    if (size > oldSize) for (const stored of all) stored.makeRoom(size);
    // The bitmaps of the node follow its data image (REF-010); the allocation bitmap is on no node.
    truncate(data, size);
    allocation?.stored.bitmap.resize(data.size);
    for (const stored of all) stored.resized();
    if (size > oldSize) allocation?.grown(oldSize);
    else for (const stored of all) stored.settle();
  }

  follows(edge: Edge): boolean {
    return edge.role === 'image';
  }

  sharesResize(edge: Edge): boolean {
    // Whoever resized the data image or a bitmap file by its own name would make them fit no more.
    return edge.role === 'file';
  }

  close(): void {
    const { store, isReadOnly, allocation } = this.#parts;
    try {
      if (!isReadOnly) {
        this.flush();
        for (const bitmap of this.#awaiting) this.#storeNew(bitmap);
        for (const stored of this.#stored.values()) stored.settle();
        allocation?.stored.settle();
        store?.release([...this.#stored.keys()]);
      }
    } finally {
      store?.close();
    }
  }

  filename(): string {
    return this.#parts.store?.name ?? `json:${JSON.stringify(this.describe())}`;
  }

  describe(): JsonObject {
    const { store, data } = this.#parts;
    if (store !== null) {
      return jsonObject({ driver: 'qbm', file: jsonObject({ driver: 'file', filename: store.name }) });
    }
    return jsonObject({ driver: 'qbm', image: data.driver.describe() });
  }

  checkNew(name: string): void {
    const { store, isReadOnly } = this.#parts;
    if (store === null) throw new BlockError('REF-E-INLINE');
    if (isReadOnly) throw new BlockError('REF-E-READ-ONLY');
    store.checkNew(name);
  }

  persist(bitmap: DirtyBitmap): void {
    this.checkNew(bitmap.name!);
    bitmap.persistent = true;
    if (this.#parts.policy === 'writeback') this.#awaiting.add(bitmap);
    else this.#storeNew(bitmap);
  }

  /** The file, whole, and then the descriptor. QBM-036 */
  #storeNew(bitmap: DirtyBitmap): void {
    const store = this.#parts.store!;
    const file = store.createFile(bitmap.name!);
    const node = this.#parts.surroundings.openFile(store.resolve(file));
    this.#node!.adopt(node, 'bitmap');
    const stored = new StoredBitmap(bitmap, new NodeFile(node), true);
    stored.store();
    store.add(bitmap, file);
    this.#awaiting.delete(bitmap);
    this.#stored.set(bitmap, stored);
  }

  unpersist(bitmap: DirtyBitmap): void {
    const store = this.#parts.store;
    if (store === null) throw new BlockError('REF-E-INLINE');
    bitmap.persistent = false;
    if (this.#awaiting.delete(bitmap)) return;
    const entry = store.entry(bitmap.name!)!;
    const stored = this.#stored.get(bitmap);
    store.remove(entry.name);
    this.#stored.delete(bitmap);
    if (stored !== undefined) {
      this.#node!.drop(stored.file.node);
      this.#parts.surroundings.release(stored.file.node);
    }
    store.removeFile(entry.file);
  }

  /** QBM-031 */
  changed(bitmap: DirtyBitmap): void {
    const stored = this.#stored.get(bitmap);
    if (stored === undefined) return;
    stored.changed();
    if (this.#parts.policy === 'writeback') return;
    stored.writeOut();
    stored.file.flush();
    this.#parts.store?.recording([...this.#stored.keys()]);
  }
}

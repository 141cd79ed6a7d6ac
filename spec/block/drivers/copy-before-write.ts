/**
 * `copy-before-write`: what its child has is copied to the target before a write changes it, once for each cluster. What was
 * there in the beginning can be read at any time: from the target where it was copied, from the child elsewhere.
 * FLEECING.md, REF-120 to REF-125. Offsets and lengths are bytes.
 */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { merge } from '../../bitmap/merge.js';
import { type JsonObject, jsonObject } from '../../json/value.js';
import { Refusal } from '../../refusal.js';
import { BlockCopy } from '../copy/block-copy.js';
import { CopyError } from '../copy/copy.js';
import type { Edge } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Leg, Passing } from '../held/route.js';
import { Node } from '../node.js';
import { ALL, CONSISTENT_READ, type Permissions, RESIZE, WRITE } from '../permissions.js';
import { read } from '../request.js';
import { RequestError } from '../request-error.js';
import type { DriverStatus } from '../status.js';
import type { Driver, Snapshot } from './driver.js';
import { FilterDriver } from './filter.js';

export interface CopyBeforeWriteOptions {
  /** what is to be kept; default: everything */
  readonly bitmap: DirtyBitmap | null;
  readonly onError: 'break-guest-write' | 'break-snapshot';
}

/** @throws BlockError REF-E-CBW-BITMAP */
export function openCopyBeforeWrite(
  file: Edge,
  target: Edge,
  options: CopyBeforeWriteOptions,
): Driver & { readonly copying: BlockCopy } {
  return new CopyBeforeWriteDriver(file, target, options);
}

/** What such a filter needs of its target, as soon as it has one. REF-124 */
export function demandOfTarget(): Permissions {
  return { needs: WRITE, shares: ALL & ~RESIZE };
}

/** What it needs of its child. REF-124 */
export function demandOfFile({ parent }: Edge, own: Permissions, byUse: Permissions): Permissions {
  const read = (own.needs & WRITE) === 0 ? 0 : CONSISTENT_READ;
  const isUsed = parent instanceof Node && parent.parents.length > 0;
  return { needs: byUse.needs | read, shares: isUsed ? byUse.shares & ~(WRITE | RESIZE) : byUse.shares };
}

class CopyBeforeWriteDriver extends FilterDriver implements Snapshot {
  readonly name = 'copy-before-write';
  readonly isNamedAsChild = true;
  readonly #target: Edge;
  readonly #onError: CopyBeforeWriteOptions['onError'];
  /** what is still to be copied before it changes is a bitmap on the child */
  readonly copying: BlockCopy;
  /** what was copied; on this node */
  readonly #done: DirtyBitmap;
  /** what can be read of the snapshot; on this node */
  readonly #accessible: DirtyBitmap;
  /** a copy has failed, and the guest was to go on: what was there in the beginning is lost */
  #isBroken = false;
  #node: Node | null = null;
  /** the child as it was in the beginning */
  #source: Node | null = null;

  constructor(file: Edge, target: Edge, options: CopyBeforeWriteOptions) {
    super(file);
    this.#target = target;
    this.#onError = options.onError;
    this.copying = new BlockCopy(file, target);
    const { toCopy } = this.copying;
    const { size, granularity } = toCopy;
    const anonymous = (): DirtyBitmap => new DirtyBitmap({ name: null, size, granularity, enabled: false });
    [this.#done, this.#accessible] = [anonymous(), anonymous()];
    if (options.bitmap !== null) {
      toCopy.clear();
      mergeGiven(toCopy, options.bitmap);
    }
    merge(this.#accessible, toCopy);
  }

  /** REF-126 */
  attach(node: Node): void {
    this.#node = node;
    this.#source = this.file.child;
    this.#source.addBitmap(this.copying.toCopy);
    node.addBitmap(this.#done);
    node.addBitmap(this.#accessible);
  }

  get snapshot(): Snapshot {
    return this;
  }

  override write(offset: number, bytes: Uint8Array): void {
    this.#copyBefore(offset, bytes.length);
    super.write(offset, bytes);
  }

  override zero(offset: number, length: number): void {
    if (length > 0) this.#copyBefore(offset, length);
    super.zero(offset, length);
  }

  override discard(offset: number, length: number): void {
    if (length > 0) this.#copyBefore(offset, length);
    super.discard(offset, length);
  }

  override close(): void {
    this.#source!.removeBitmap(this.copying.toCopy);
  }

  override describe(): JsonObject {
    const [file, target] = [this.file.child.shownOptions, this.#target.child.shownOptions];
    return jsonObject({ driver: this.name, file, target });
  }

  /** REF-121, REF-123 */
  #copyBefore(offset: number, length: number): void {
    if (this.#isBroken) return;
    try {
      this.copying.copyRange(offset, length);
    } catch (error) {
      if (!(error instanceof CopyError)) throw error;
      if (this.#onError === 'break-guest-write') throw error.cause;
      this.#isBroken = true;
      return;
    }
    const { start, end } = this.copying.clusters(offset, length);
    this.#done.mark(start, end - start);
  }

  override *route(passing: Passing): Iterable<Leg> {
    const { op, offset, length } = passing;
    const isChange = op === 'write' || (op !== 'read' && length > 0);
    if (isChange && !this.#isBroken) yield* this.copying.route(offset, length);
    if (op !== 'copy') yield* super.route(passing);
  }

  *routeOfSnapshot(offset: number, length: number): Iterable<Leg> {
    for (const piece of this.#pieces(offset, length)) yield { op: 'read', ...piece };
  }

  /** REF-122 */
  readSnapshot(offset: number, into: Uint8Array): void {
    for (const piece of this.#pieces(offset, into.length)) {
      const part = into.subarray(piece.offset - offset, piece.offset - offset + piece.length);
      read(piece.node, piece.offset, part);
    }
  }

  statusOfSnapshot(offset: number, length: number): DriverStatus {
    for (const piece of this.#pieces(offset, length)) {
      return { length: piece.length, content: 'child', at: piece };
    }
    return { length, content: 'unknown' };
  }

  /** Whole clusters of the range will not be read any more, and need not be copied. REF-125 */
  discardSnapshot(offset: number, length: number): void {
    const { cluster, toCopy } = this.copying;
    const start = Math.ceil(offset / cluster) * cluster;
    const isLast = offset + length >= toCopy.size;
    const end = isLast ? toCopy.size : Math.floor((offset + length) / cluster) * cluster;
    if (end <= start) return;
    for (const bitmap of [this.#accessible, toCopy]) bitmap.unmark(start, end - start);
  }

  /** Where the parts of a range of the snapshot are. @throws RequestError EINVAL where there is none */
  *#pieces(offset: number, length: number): Generator<{ node: Node; offset: number; length: number }> {
    const end = offset + length;
    if (this.#isBroken) throw new RequestError('EINVAL', 'the snapshot is lost', 'EACCES');
    if (length > 0 && this.#accessible.nextClean(offset, end) >= 0) {
      throw new RequestError('EINVAL', 'not a part of the snapshot', 'EACCES');
    }
    for (let at = offset; at < end; ) {
      const isDone = this.#done.nextDirty(at, at + 1) >= 0;
      const next = isDone ? this.#done.nextClean(at, end) : this.#done.nextDirty(at, end);
      const stop = next < 0 ? end : next;
      yield { node: isDone ? this.#target.child : this.file.child, offset: at, length: stop - at };
      at = stop;
    }
  }
}

/** Another granularity is no matter: what the bitmap has dirty is dirty. @throws BlockError REF-E-CBW-BITMAP */
function mergeGiven(target: DirtyBitmap, given: DirtyBitmap): void {
  try {
    merge(target, given);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new BlockError('REF-E-CBW-BITMAP', { name: given.name ?? '', reason: error.message });
  }
}

/**
 * Which granules of a data image are its own, and where the others are read from. FORMAT.md, QBM-022, QBM-034 and
 * QBM-037. Offsets and lengths are bytes of the disk.
 */

import { dataEvent, type Leg, type Passing } from '../held/route.js';
import type { Node } from '../node.js';
import { discard, flush, read, write } from '../request.js';
import { type DriverStatus, statusOf } from '../status.js';
import type { StoredBitmap } from './stored-bitmap.js';

interface Span {
  readonly offset: number;
  readonly length: number;
}

/** A piece of a request that lies wholly in allocated granules, or wholly outside of them. */
interface Piece extends Span {
  readonly isAllocated: boolean;
}

/** Where the disk is: whichever nodes they are now. */
export interface Places {
  readonly data: Node;
  readonly backing: Node | null;
}

/** So much further on. */
function place(at: { readonly node: Node; readonly offset: number }, bytes: number) {
  return { node: at.node, offset: at.offset + bytes };
}

export class Allocation {
  readonly stored: StoredBitmap;
  readonly #places: Places;
  #isBehind = false;

  constructor(stored: StoredBitmap, places: Places) {
    this.stored = stored;
    this.#places = places;
  }

  read(offset: number, into: Uint8Array): void {
    for (const piece of this.pieces(offset, into.length)) {
      const part = into.subarray(piece.offset - offset, piece.offset - offset + piece.length);
      if (piece.isAllocated) {
        this.#places.data.driver.debugEvent?.('read_aio');
        read(this.#places.data, piece.offset, part);
      } else this.#readBelow(piece.offset, part);
    }
  }

  /** Before a write to this range: what of its first and last granule lies outside of it is copied up. */
  fill(offset: number, length: number): void {
    for (const gap of this.#gaps(offset, length)) this.#copyUp(gap);
  }

  /** The granules of the range are the data image's own from now on, with what is read there now. */
  copyUp(offset: number, length: number): void {
    for (const piece of this.#unallocated(offset, length)) {
      this.#copyUp(piece);
      this.claim(piece.offset, piece.length);
    }
  }

  /** After it: the granules of the range are the data image's own. The bits reach the disk by {@link flush}. */
  claim(offset: number, length: number): void {
    if (this.stored.bitmap.nextClean(offset, offset + length) < 0) return;
    this.stored.bitmap.mark(offset, length);
    this.stored.marked(offset, length);
    this.#isBehind = true;
  }

  /** No granule is the data image's own any more; that is on disk before its room is given up. @throws StorageError */
  empty(): void {
    this.stored.bitmap.clear();
    this.stored.changed();
    this.stored.sync();
    this.#isBehind = false;
    discard(this.#places.data, 0, this.#places.data.size);
  }

  /** Data first, then the bits. @throws StorageError */
  flush(): void {
    flush(this.#places.data);
    if (!this.#isBehind) return;
    this.stored.sync();
    this.#isBehind = false;
  }

  /**
   * Before the disk grows to `size` bytes: what the backing file has beyond the old end must not show. Those granules are
   * allocated, on disk, before there is anything to be read; the data image has zeros there when it grows. QBM-037
   */
  makeRoom(size: number): void {
    this.stored.makeRoom(size);
    const { bitmap } = this.stored;
    const oldSize = bitmap.size;
    const end = Math.min(this.#places.backing?.size ?? 0, size);
    if (end > oldSize) {
      const start = Math.floor(oldSize / bitmap.granularity) * bitmap.granularity;
      if (start < oldSize && !this.#isAllocated(start))
        this.#copyUp({ offset: start, length: oldSize - start });
      flush(this.#places.data);
      this.resize(size);
      bitmap.mark(start, end - start);
      this.stored.sync();
    }
  }

  /** Follows the disk, or goes back with it. The tails of both files are as they may be: QBM-037. */
  resize(size: number): void {
    this.stored.bitmap.resize(size);
    this.stored.resized();
    this.#isBehind = true;
  }

  /** An allocated granule is data, unless the data image has nothing but a hole there. REF-060 */
  status(offset: number, length: number): DriverStatus {
    const piece = this.pieces(offset, length).next().value as Piece;
    if (!piece.isAllocated) return { length: piece.length, content: 'below' };
    // Whole granules are looked at, so that the answer does not depend on where the question begins.
    const { granularity } = this.stored.bitmap;
    const start = Math.floor(offset / granularity) * granularity;
    const last = Math.ceil((offset + piece.length) / granularity) * granularity;
    const end = Math.min(last, this.#places.data.size);
    const found = statusOf(this.#places.data, start, end - start);
    const known = start + found.length;
    const zeros = known === end ? end : Math.floor(known / granularity) * granularity;
    const isZero = found.isZero && zeros > offset;
    const stop = isZero ? zeros : Math.ceil((found.isZero ? start + 1 : known) / granularity) * granularity;
    const at = isZero || found.at === null ? undefined : place(found.at, offset - start);
    return {
      length: Math.min(stop - offset, piece.length),
      content: isZero ? 'zero' : 'data',
      at,
    };
  }

  /** The requests that one of these makes: REF-090. */
  *route({ op, offset, length }: Passing): Generator<Leg> {
    const { data } = this.#places;
    if (op === 'read' || op === 'discard') {
      for (const { isAllocated, ...place } of this.pieces(offset, length)) {
        if (isAllocated) yield { op, ...place, node: data, event: dataEvent(op) };
        else if (op === 'read') yield* this.#routeBelow(place.offset, place.length);
      }
      return;
    }
    for (const gap of op === 'copy' ? this.#unallocated(offset, length) : this.#gaps(offset, length)) {
      yield* this.#routeBelow(gap.offset, gap.length);
      yield { op: 'write', ...gap, node: data };
    }
    if (op !== 'copy') yield { op, offset, length, node: data, event: dataEvent(op) };
  }

  *#routeBelow(offset: number, length: number): Generator<Leg> {
    const { backing } = this.#places;
    const inside = this.#insideBelow(offset, length);
    if (backing !== null && inside > 0) yield { op: 'read', offset, length: inside, node: backing };
  }

  *pieces(offset: number, length: number): Generator<Piece> {
    const { bitmap } = this.stored;
    const end = offset + length;
    for (let at = offset; at < end; ) {
      const isAllocated = this.#isAllocated(at);
      const next = isAllocated ? bitmap.nextClean(at, end) : bitmap.nextDirty(at, end);
      const stop = next < 0 ? end : next;
      yield { offset: at, length: stop - at, isAllocated };
      at = stop;
    }
  }

  /** What of the first and the last granule of a range lies outside of it, where these are not allocated. */
  *#gaps(offset: number, length: number): Generator<Span> {
    if (length === 0) return;
    const { granularity } = this.stored.bitmap;
    const end = offset + length;
    const first = Math.floor(offset / granularity) * granularity;
    const last = Math.floor((end - 1) / granularity) * granularity;
    const stop = Math.min(last + granularity, this.#places.data.size);
    if (first < offset && !this.#isAllocated(first)) yield { offset: first, length: offset - first };
    if (end < stop && !this.#isAllocated(last)) yield { offset: end, length: stop - end };
  }

  /** The granules that the range touches and that are not allocated: those next to each other in one piece. */
  *#unallocated(offset: number, length: number): Generator<Span> {
    if (length === 0) return;
    const { granularity } = this.stored.bitmap;
    const start = Math.floor(offset / granularity) * granularity;
    const end = Math.min(Math.ceil((offset + length) / granularity) * granularity, this.#places.data.size);
    for (const { isAllocated, ...piece } of this.pieces(start, end - start)) if (!isAllocated) yield piece;
  }

  #isAllocated(offset: number): boolean {
    return this.stored.bitmap.nextDirty(offset, offset + 1) >= 0;
  }

  /** Copies a range from below. */
  #copyUp({ offset, length }: Span): void {
    const bytes = new Uint8Array(length);
    this.#readBelow(offset, bytes);
    write(this.#places.data, offset, bytes);
  }

  #readBelow(offset: number, into: Uint8Array): void {
    const { backing } = this.#places;
    const inside = this.#insideBelow(offset, into.length);
    if (backing !== null && inside > 0) read(backing, offset, into.subarray(0, inside));
    into.fill(0, inside);
  }

  /** How much of a range the backing file has. */
  #insideBelow(offset: number, length: number): number {
    const size = this.#places.backing?.size ?? 0;
    return Math.max(0, Math.min(length, size - offset));
  }
}

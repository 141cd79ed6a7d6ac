/**
 * Copies clusters from one node to another, each at most once: what is still to be copied is kept in a bitmap. A guest's
 * request may ask for a part out of turn, a job for the next one. FLEECING.md, REF-121; spec/job/BACKUP.md, JOB-043.
 * Offsets and lengths are bytes.
 */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { Edge } from '../edge.js';
import type { Leg } from '../held/route.js';
import { SECTOR } from '../node.js';
import { read, write, zero } from '../request.js';
import { RequestError } from '../request-error.js';
import { statusInChain, statusOf } from '../status.js';
import { CopyError, PIECE } from './copy.js';

/** Clusters are of at least this size. */
const SMALLEST_CLUSTER = 65536;

/** How much was copied, and how much that is in all: both may grow. */
export interface Progress {
  current: number;
  total: number;
}

/** What is copied by one request. */
interface Extent {
  readonly isZero: boolean;
  /** bytes */
  readonly length: number;
}

export class BlockCopy {
  /** bytes; those of the target, if they are larger than 64 KiB */
  readonly cluster: number;
  /** what is still to be copied; on the node that is copied from */
  readonly toCopy: DirtyBitmap;
  readonly #from: Edge;
  readonly #to: Edge;
  #progress: Progress = { current: 0, total: 0 };

  /** Everything is to be copied. */
  constructor(from: Edge, to: Edge) {
    this.#from = from;
    this.#to = to;
    this.cluster = Math.max(SMALLEST_CLUSTER, to.child.driver.clusterSize ?? 0);
    const { size } = from.child;
    this.toCopy = new DirtyBitmap({ name: null, size, granularity: this.cluster, enabled: false });
    this.toCopy.mark(0, size);
  }

  /** From now on tells `progress` of everything that is copied, whoever asked for it. JOB-044 */
  report(progress: Progress): void {
    this.#progress = progress;
    this.#advance(0);
  }

  /** Takes out the clusters of which the source itself has nothing. */
  skipUnallocated(): void {
    const { size } = this.toCopy;
    for (let at = 0; at < size; ) {
      const { isAllocated, end } = this.#run(at);
      if (!isAllocated) this.toCopy.unmark(at, end - at);
      at = end;
    }
    this.#advance(0);
  }

  /** Clusters from `start` on, one at least: whether the source itself has something of each, or nothing of any. */
  #run(start: number): { readonly isAllocated: boolean; readonly end: number } {
    const { size } = this.toCopy;
    for (let at = start; ; ) {
      const { isAllocated, length } = statusOf(this.#from.child, at, size - at);
      at += length;
      if (isAllocated)
        return { isAllocated, end: Math.min(Math.ceil(at / this.cluster) * this.cluster, size) };
      const end = at === size ? size : Math.floor(at / this.cluster) * this.cluster;
      if (end > start) return { isAllocated, end };
    }
  }

  /** The whole clusters that a range touches. */
  clusters(offset: number, length: number): { readonly start: number; readonly end: number } {
    const start = Math.floor(offset / this.cluster) * this.cluster;
    return {
      start,
      end: Math.min(Math.ceil((offset + length) / this.cluster) * this.cluster, this.toCopy.size),
    };
  }

  /**
   * Copies what is still to be copied of the clusters that the range touches: whatever becomes of one of the pieces, the others are
   * copied. REF-123 @throws CopyError of the first piece that failed
   */
  copyRange(offset: number, length: number): void {
    let failure: CopyError | null = null;
    for (const { start, end } of this.#pieces(offset, length)) {
      for (let at = start; at < end; ) {
        const extent = this.#extent(at, end);
        try {
          this.#copy(at, extent);
        } catch (error) {
          if (!(error instanceof CopyError)) throw error;
          failure ??= error;
        }
        at += extent.length;
      }
    }
    if (failure !== null) throw failure;
  }

  /** The requests that this makes. REF-090 */
  *route(offset: number, length: number): Generator<Leg> {
    const [from, to] = [this.#from.child, this.#to.child];
    for (const { start, end } of this.#pieces(offset, length)) {
      for (let at = start; at < end; ) {
        const { isZero, length } = this.#extent(at, end);
        if (!isZero) yield { op: 'read', offset: at, length, node: from };
        yield { op: isZero ? 'zero' : 'write', offset: at, length, node: to };
        at += length;
      }
    }
  }

  /** The next cluster that is still to be copied; null if there is none. */
  next(): { readonly offset: number; readonly length: number } | null {
    const offset = this.toCopy.nextDirty(0);
    return offset < 0 ? null : { offset, length: Math.min(this.cluster, this.toCopy.size - offset) };
  }

  /** What is still to be copied of the clusters that the range touches. */
  *#pieces(offset: number, length: number): Generator<{ readonly start: number; readonly end: number }> {
    const range = this.clusters(offset, length);
    const { toCopy } = this;
    for (let end = range.start; ; ) {
      const start = toCopy.nextDirty(end, range.end);
      if (start < 0) return;
      const clean = toCopy.nextClean(start, range.end);
      end = Math.min(clean < 0 ? range.end : clean, start + PIECE);
      yield { start, end };
    }
  }

  /**
   * From the start of a cluster: what is copied at once. As zeros only where at least a cluster is zeros; what cannot be asked about is
   * read, a cluster at a time.
   */
  #extent(at: number, end: number): Extent {
    const { isZero, length } = this.#status(at, end);
    // A file may end before its last sector does.
    const known = Math.ceil(length / SECTOR) * SECTOR;
    if (known < this.cluster) return { isZero: false, length: Math.min(this.cluster, end - at) };
    const whole = at + known >= end ? end - at : Math.floor(known / this.cluster) * this.cluster;
    return { isZero, length: whole };
  }

  #status(at: number, end: number): Extent {
    try {
      return statusInChain(this.#from.child, at, end - at);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      return { isZero: false, length: Math.min(this.cluster, end - at) };
    }
  }

  /** Whole clusters, but for the end of the disk. @throws CopyError */
  #copy(start: number, { isZero, length }: Extent): void {
    const [from, to] = [this.#from.child, this.#to.child];
    const side = { now: 'writing' as 'reading' | 'writing' };
    try {
      if (start + length > to.size) throw new RequestError('ENOSPC', `${to.name} is too small`);
      if (isZero) zero(to, start, length);
      else {
        const bytes = new Uint8Array(length);
        side.now = 'reading';
        read(from, start, bytes);
        side.now = 'writing';
        write(to, start, bytes);
      }
    } catch (error) {
      throw new CopyError(side.now, start, error);
    }
    this.toCopy.unmark(start, length);
    this.#advance(Math.ceil(length / this.cluster) * this.cluster);
  }

  #advance(copied: number): void {
    this.#progress.current += copied;
    this.#progress.total = this.#progress.current + this.toCopy.count;
  }
}

/**
 * What a mirror copies: dirty parts of the source, piece by piece, and the writes of guests that go to both at once.
 * MIRROR.md, JOB-064 to JOB-067. Offsets and lengths are bytes.
 */
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { Node } from '../../block/node.js';
import { discard, flush, read, write, zero } from '../../block/request.js';
import { type Status, statusInChain } from '../../block/status.js';
import type { StorageErrno } from '../../storage/storage.js';
import { requestErrno } from '../failure.js';

/** Bytes of data that one request has at most. */
const LARGEST_REQUEST = 2 ** 20;
/** Bytes that are made zeros, or discarded, by one request at most. */
const LARGEST_ZEROS = 2 ** 30;

/** Bytes, of both sides together, done and in all. */
export interface Progress {
  current: number;
  total: number;
}

/** A request has failed; whoever runs the copying says what is done about it. */
export type OnFailure = (operation: 'read' | 'write', errno: StorageErrno) => void;

export interface CopyingOptions {
  readonly granularity: number;
  /** bytes of data in memory at most, at least a granule; 0 for the default */
  readonly bufferSize: number;
  readonly progress: Progress;
  readonly onFailure: OnFailure;
}

export class MirrorCopying {
  /** what the target does not have yet */
  readonly toCopy: DirtyBitmap;
  readonly #source: () => Node;
  readonly #target: Node;
  readonly #options: CopyingOptions;
  /** bytes of data that one request has at most, a multiple of the granularity */
  readonly #largest: number;
  readonly #whole: WholeClusters | null;
  /** where the search for the next dirty part goes on */
  #cursor = 0;

  /** @param source asked anew each time: whatever is below the filter */
  constructor(source: () => Node, target: Node, toCopy: DirtyBitmap, options: CopyingOptions) {
    this.#source = source;
    this.#target = target;
    this.toCopy = toCopy;
    this.#options = options;
    const { granularity, bufferSize } = options;
    const asked = bufferSize === 0 ? LARGEST_REQUEST : Math.min(bufferSize, LARGEST_REQUEST);
    this.#largest = Math.ceil(asked / granularity) * granularity;
    this.#whole = wholeClusters(target, granularity);
  }

  get isClean(): boolean {
    return this.toCopy.count === 0;
  }

  /** Everything that is dirty now is what is left. JOB-070 */
  report(): void {
    const { progress } = this.#options;
    progress.total = progress.current + this.toCopy.count;
  }

  /** Zeros everywhere: what the source has nothing of need not be copied. false if that has failed. JOB-065 */
  zeroTarget(offset: number, length: number): boolean {
    return this.#try('write', () => zero(this.#target, offset, length));
  }

  /** What was written so far is on disk; false if that has failed. */
  flushTarget(): boolean {
    return this.#try('write', () => flush(this.#target));
  }

  /** One request's worth of what is dirty, which there must be. JOB-066 */
  copyNext(): void {
    const { toCopy } = this;
    const found = toCopy.nextDirty(this.#cursor);
    const offset = found < 0 ? toCopy.nextDirty(0) : found;
    const most = Math.min(offset + LARGEST_ZEROS, toCopy.size);
    const clean = toCopy.nextClean(offset, most);
    const end = clean < 0 ? most : clean;
    const piece = this.#piece(offset, end - offset);
    toCopy.unmark(piece.offset, piece.length);
    this.#cursor = piece.offset + piece.length >= toCopy.size ? 0 : piece.offset + piece.length;
    if (this.#copy(piece)) {
      this.#whole?.written(piece.offset, piece.length);
      this.#options.progress.current += piece.length;
    } else toCopy.mark(piece.offset, piece.length);
  }

  /** What one request makes of the range: it begins at a granule, and ends at one or at the end of the disk. */
  #piece(offset: number, length: number): Piece {
    const { granularity } = this.#options;
    const { size } = this.toCopy;
    const status = this.#status(offset, length);
    const known =
      status === null || status.isData ? Math.min(status?.length ?? length, this.#largest) : status.length;
    const whole = known - (known % granularity);
    const end = Math.min(offset + Math.max(whole, granularity), size);
    const range = { offset, length: end - offset };
    const isPlain = status === null || status.isData || whole === 0 || !this.#isAligned(range);
    if (!isPlain) return { ...range, method: status.isZero ? 'zero' : 'discard' };
    return { ...(this.#whole?.around(range, size) ?? range), method: 'copy' };
  }

  /** null if the source cannot say: then it is read. */
  #status(offset: number, length: number): Status | null {
    try {
      return statusInChain(this.#source(), offset, length);
    } catch (error) {
      requestErrno(error);
      return null;
    }
  }

  /** Whether it is whole clusters of the target. */
  #isAligned({ offset, length }: Range): boolean {
    const cluster = this.#target.driver.clusterSize ?? 1;
    return offset % cluster === 0 && length % cluster === 0;
  }

  /** false if it has failed */
  #copy({ offset, length, method }: Piece): boolean {
    const target = this.#target;
    if (method === 'zero') return this.#try('write', () => zero(target, offset, length));
    if (method === 'discard') return this.#try('write', () => discard(target, offset, length));
    const bytes = new Uint8Array(length);
    if (!this.#try('read', () => read(this.#source(), offset, bytes))) return false;
    return this.#try('write', () => write(target, offset, bytes));
  }

  /**
   * JOB-067: a write that the source has taken goes to the target at once. The ends of it are left out that lie in dirty
   * granules: those are copied as a whole later.
   */
  copyWrite(offset: number, length: number, bytes: Uint8Array | null): void {
    const { start, end } = this.#cleanPart(offset, offset + length);
    if (end <= start) return;
    const { granularity, progress } = this.#options;
    const size = this.toCopy.size;
    const inner = {
      start: Math.ceil(start / granularity) * granularity,
      end: end === size ? size : Math.floor(end / granularity) * granularity,
    };
    if (inner.start < inner.end) this.toCopy.unmark(inner.start, inner.end - inner.start);
    progress.total += end - start;
    const target = this.#target;
    const isDone = this.#try('write', () => {
      if (bytes === null) zero(target, start, end - start);
      else write(target, start, bytes.subarray(start - offset, end - offset));
    });
    if (isDone) progress.current += end - start;
    else this.toCopy.mark(start, end - start);
  }

  #cleanPart(offset: number, until: number): { start: number; end: number } {
    const { granularity } = this.#options;
    const isDirty = (at: number): boolean => this.toCopy.nextDirty(at, at + 1) >= 0;
    let [start, end] = [offset, until];
    if (start % granularity !== 0 && isDirty(start)) start = Math.ceil(start / granularity) * granularity;
    if (end > start && end % granularity !== 0 && end < this.toCopy.size && isDirty(end - 1))
      end = Math.floor(end / granularity) * granularity;
    return { start, end };
  }

  #try(operation: 'read' | 'write', request: () => void): boolean {
    try {
      request();
      return true;
    } catch (error) {
      this.#options.onFailure(operation, requestErrno(error));
      return false;
    }
  }
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

interface Piece extends Range {
  readonly method: 'copy' | 'zero' | 'discard';
}

/** JOB-066: clusters of a target whose backing file is not there yet are written as a whole. */
class WholeClusters {
  readonly cluster: number;
  readonly #written: DirtyBitmap;

  constructor(cluster: number, size: number, granularity: number) {
    this.cluster = cluster;
    this.#written = new DirtyBitmap({ name: null, size, granularity, enabled: false });
  }

  around({ offset, length }: Range, size: number): Range {
    const isNew = (at: number): boolean => this.#written.nextClean(at, at + 1) >= 0;
    if (!isNew(offset) && !isNew(offset + length - 1)) return { offset, length };
    const start = Math.floor(offset / this.cluster) * this.cluster;
    const end = Math.min(Math.ceil((offset + length) / this.cluster) * this.cluster, size);
    return { offset: start, length: end - start };
  }

  written(offset: number, length: number): void {
    this.#written.mark(offset, length);
  }
}

function wholeClusters(target: Node, granularity: number): WholeClusters | null {
  const { clusterSize, backing } = target.driver;
  const isMissing = (backing?.stored ?? null) !== null && target.backing === null;
  if (clusterSize === null || !isMissing || granularity >= clusterSize) return null;
  return new WholeClusters(clusterSize, target.size, granularity);
}

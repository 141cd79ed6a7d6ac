/**
 * Mirror: a target is made to be what the source is, and kept so, until it is asked to take its place. MIRROR.md.
 */
import { grow } from '../../block/chain/grow.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';
import { isAllocatedAbove } from '../../block/status.js';
import { type StorageErrno, StorageError } from '../../storage/storage.js';
import type { BlockJob, ErrorPolicy } from '../block-job.js';
import type { Idle, JobDriver, JobType, Work } from '../driver.js';
import { JobError } from '../errors.js';
import { requestErrno } from '../failure.js';
import { MirrorCopying } from './copying.js';
import { type Ending, endMirror } from './ending.js';
import type { MirrorFilter } from './filter.js';

/** Bytes that are made zeros, or looked at, in one piece. */
const PIECE = 2 ** 30;

export interface MirrorOptions {
  readonly type: JobType & ('mirror' | 'commit');
  readonly graph: Graph;
  readonly filter: MirrorFilter;
  readonly target: Node;
  /** bytes */
  readonly granularity: number;
  /** bytes that are kept in memory at most; 0 for the default */
  readonly bufferSize: number;
  /**
   * what is copied at the beginning: nothing, or what the source and its backing files have, down to but not including
   * `base` (null: all of them)
   */
  readonly initial: { readonly base: Node | null } | 'nothing';
  /** what the source has nothing of must become zeros: the target may have something */
  readonly zeroTarget: boolean;
  /** a target that is shorter than the source grows; else both must have the same size */
  readonly growTarget: boolean;
  readonly copyMode: 'background' | 'write-blocking';
  readonly onSourceError: ErrorPolicy;
  readonly onTargetError: ErrorPolicy;
  readonly ending: Ending;
}

export class MirrorDriver implements JobDriver<BlockJob> {
  readonly type: MirrorOptions['type'];
  readonly #options: MirrorOptions;
  #copying: MirrorCopying | null = null;
  #isCompleting = false;
  #failure: StorageError | null = null;
  #hasEnded = false;
  /** what keeps others from the node that is to be replaced */
  #forbidden: Node | null = null;

  constructor(options: MirrorOptions) {
    this.type = options.type;
    this.#options = options;
  }

  begin(job: BlockJob): undefined {
    const { filter, target, granularity, bufferSize, copyMode } = this.#options;
    this.#copying = new MirrorCopying(() => filter.driver.source.child, target, filter.toCopy, {
      granularity,
      bufferSize,
      progress: job.progress,
      onFailure: (operation, errno) => this.#requestFailed(job, operation, errno),
    });
    if (copyMode === 'background') return;
    filter.toCopy.enabled = false;
    filter.driver.afterWrite = (offset, length, bytes) => this.#work.copyWrite(offset, length, bytes);
  }

  get #work(): MirrorCopying {
    if (this.#copying === null) throw new Error('a mirror that has not begun');
    return this.#copying;
  }

  /** What is to be done about a request that failed. JOB-069 */
  #requestFailed(job: BlockJob, operation: 'read' | 'write', errno: StorageErrno): void {
    const { onSourceError, onTargetError, target } = this.#options;
    const byUser = operation === 'read' ? onSourceError : onTargetError;
    const policy = job.isOver ? 'report' : byUser;
    if (job.requestFailed(operation, policy, errno) === 'report')
      this.#failure ??= new StorageError(errno, target.name);
  }

  *run(job: BlockJob): Work {
    const { filter, growTarget, target } = this.#options;
    const { size } = filter.node;
    if (growTarget) grow(target, size);
    else if (target.size !== size) throw new JobError('JOB-E-SIZES');
    this.#markInitial(size);
    for (;;) {
      yield* this.#catchUp();
      if (!job.isReady && this.#work.flushTarget()) job.transitionToReady();
      if (job.isReady && this.#mayEnd(job) && this.#work.flushTarget()) break;
      yield this.#untilSomethingIsToDo(job);
    }
  }

  /** Copies until nothing is dirty. @throws StorageError */
  *#catchUp(): Work {
    for (;;) {
      if (this.#failure !== null) throw this.#failure;
      this.#work.report();
      if (this.#work.isClean) return;
      this.#work.copyNext();
      yield;
    }
  }

  #mayEnd(job: BlockJob): boolean {
    return this.#isCompleting || job.isCancelRequested;
  }

  #untilSomethingIsToDo(job: BlockJob): Idle {
    return {
      until: () => !job.isReady || this.#mayEnd(job) || !this.#work.isClean || this.#failure !== null,
    };
  }

  /** What is to be copied from the beginning. JOB-064, JOB-065 @throws StorageError */
  #markInitial(size: number): void {
    const { initial, zeroTarget, target, filter } = this.#options;
    if (initial === 'nothing') return;
    const { toCopy } = this.#work;
    if (zeroTarget && !canBeZeroed(target)) {
      toCopy.mark(0, size);
      return;
    }
    const source = filter.driver.source.child;
    for (let at = 0, length = 0; at < size; at += length) {
      length = Math.min(PIECE, size - at);
      if (zeroTarget && !this.#work.zeroTarget(at, length)) toCopy.mark(at, length);
    }
    try {
      for (let at = 0; at < size; ) {
        const found = isAllocatedAbove(source, initial.base, at, Math.min(PIECE, size - at));
        if (found.isAllocated) toCopy.mark(at, found.length);
        at += found.length;
      }
    } catch (error) {
      throw new StorageError(requestErrno(error), source.name);
    }
  }

  /** JOB-071 */
  cancelIsForced(job: BlockJob, force: boolean): boolean {
    return force || !job.isReady;
  }

  /** Whether it was completed: as soon as nothing stops it, it ends. */
  get isCompleting(): boolean {
    return this.#isCompleting;
  }

  /** The name of the node whose place the target takes, if one was given. JOB-072 */
  get replaces(): string | null {
    return this.#options.ending.replaces;
  }

  /** JOB-072: once. @throws JobError JOB-E-MIRROR-REPLACES-GONE */
  complete(): void {
    if (this.#isCompleting) return;
    const { ending, graph } = this.#options;
    if (ending.replaces !== null) {
      const node = graph.find(ending.replaces);
      if (node === undefined) throw new JobError('JOB-E-MIRROR-REPLACES-GONE', { node: ending.replaces });
      node.forbidden = 'block device is in use by block-job-complete';
      this.#forbidden = node;
    }
    this.#isCompleting = true;
  }

  /** @throws JobError JOB-E-MIRROR-GRAPH; Refusal, StorageError */
  prepare(job: BlockJob): void {
    // JOB-072: what was written since its work ended
    const work = this.#catchUp();
    while (work.next().done !== true);
    this.#end(job, true);
  }

  abort(job: BlockJob): void {
    if (!this.#hasEnded) this.#end(job, false);
  }

  #end(job: BlockJob, isGood: boolean): void {
    this.#hasEnded = true;
    if (this.#forbidden !== null) this.#forbidden.forbidden = null;
    endMirror(this.#options, job, isGood ? { isCompleted: this.#isCompleting } : null);
  }
}

/** QEMU asks whether the node itself passes discards on. */
function canBeZeroed(target: Node): boolean {
  return target.options.discard === 'unmap' && target.driver.unmapsZeros === true;
}

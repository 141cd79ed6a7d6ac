/**
 * Stream: what lies below an image, down to a base, comes up into it, while guests go on. STREAM.md. Offsets and lengths
 * are bytes.
 */
import { formatOf, refOf } from '../../block/chain/name.js';
import { setChild, setReadOnly } from '../../block/chain/reopen.js';
import { below, imageBelow, imageOf } from '../../block/chain/walk.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';
import { copyUp } from '../../block/request.js';
import { isAllocatedAbove, statusOf } from '../../block/status.js';
import { type ImageRef, imageRef } from '../../qbm/descriptor.js';
import { Refusal } from '../../refusal.js';
import { StorageError } from '../../storage/storage.js';
import type { BlockJob, ErrorPolicy } from '../block-job.js';
import type { Idle, JobDriver, Work } from '../driver.js';
import { requestErrno } from '../failure.js';
import { removeStreamFilter } from './filter.js';

/** Of what is asked for at once: bytes. */
const CHUNK = 2 ** 19;

/** What is streamed, and what is known of it. */
export interface StreamPlan {
  /** what is streamed: an image, or filters over one */
  readonly top: Node;
  /** the lowest image that is streamed */
  readonly bottom: Node;
  /** those between `bottom` and the base, which go, too */
  readonly filters: ReadonlySet<Node>;
  /** what the image is told that its base is called; null: as it is called */
  readonly backingFile: string | null;
  readonly onError: ErrorPolicy;
  /** it was read-only before */
  readonly wasReadOnly: boolean;
}

/** What is below what is streamed, whatever has become of it since the job began. JOB-102 */
export function baseOf({ bottom, filters }: StreamPlan): Node | null {
  let node = bottom.backing;
  while (node !== null && filters.has(node)) node = below(node);
  return node;
}

/** What the image of `top` is to say of the base that it has afterwards. JOB-106 @throws BlockError REF-E-BACKING-NAME */
export function nextBacking(plan: StreamPlan): ImageRef | null {
  const { top, backingFile } = plan;
  const next = baseOf(plan);
  if (next === null) return null;
  const base = imageOf(next);
  if (backingFile === null) return refOf(base, base, imageOf(top).edge('file')?.child.filename ?? '');
  return backingFile === '' ? null : imageRef(backingFile, formatOf(base));
}

/** @throws StorageError EPERM */
function permitted<T>({ name }: Node, action: () => T): T {
  try {
    return action();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    throw new StorageError('EPERM', name);
  }
}

export class StreamDriver implements JobDriver<BlockJob> {
  readonly type = 'stream';
  readonly #graph: Graph;
  readonly #plan: StreamPlan;
  #filter: Node | null;

  constructor(graph: Graph, plan: StreamPlan, filter: Node) {
    this.#graph = graph;
    this.#plan = plan;
    this.#filter = filter;
  }

  begin(job: BlockJob): undefined {
    if (!this.#hasNothingToDo) job.progress.total = this.#plan.top.size;
  }

  /** JOB-102 */
  get #hasNothingToDo(): boolean {
    return imageOf(this.#plan.top) === this.#plan.bottom;
  }

  *run(job: BlockJob): Work {
    if (this.#hasNothingToDo) return;
    const size = job.progress.total;
    let failure: StorageError | null = null;
    for (let at = 0; at < size; ) {
      const { length, isMissing } = this.#look(at, Math.min(CHUNK, size - at));
      const error = isMissing ? yield* this.#fetch(job, at, length) : null;
      const action = error === null ? null : job.requestFailed('read', this.#plan.onError, error.errno);
      if (action !== 'stop') {
        failure ??= error;
        if (action === 'report') break;
        at += length;
        job.progress.current += length;
      }
      yield;
    }
    // JOB-107: what was left out is still below.
    if (failure !== null) throw failure;
  }

  /** Whether the image lacks the beginning of a range and what is streamed has it, and for how far. JOB-105 */
  #look(offset: number, length: number): { readonly length: number; readonly isMissing: boolean } {
    const { top, bottom } = this.#plan;
    const own = statusOf(top, offset, length);
    const first = imageBelow(top)!;
    if (own.isAllocated) return { length: own.length, isMissing: false };
    const base = imageBelow(bottom);
    if (offset < first.size) {
      const above = isAllocatedAbove(first, base, offset, Math.min(own.length, first.size - offset));
      return { length: above.length, isMissing: above.isAllocated };
    }
    // Here are zeros. Where the base has an end, too, they stay without being written.
    const shows = Math.max(0, (base?.size ?? 0) - offset);
    return { length: Math.min(own.length, shows || own.length), isMissing: shows > 0 };
  }

  /** @returns what it failed with */
  *#fetch(
    job: BlockJob,
    offset: number,
    length: number,
  ): Generator<Idle | undefined, StorageError | null, undefined> {
    try {
      yield* job.request({ op: 'copy', offset, length }, () => copyUp(this.#plan.top, offset, length));
      return null;
    } catch (cause) {
      return new StorageError(requestErrno(cause), this.#plan.top.name);
    }
  }

  /** JOB-106: the image stands on the base. If that cannot be stored, it is as it was. */
  prepare(job: BlockJob): void {
    this.#removeFilter();
    const image = imageOf(this.#plan.top);
    if (image.edge('backing') !== undefined) this.#rebase(image);
    job.dropBackends();
  }

  /** @throws StorageError EPERM: another job is on the way */
  #rebase(image: Node): void {
    const stored = nextBacking(this.#plan);
    const base = baseOf(this.#plan);
    const { done, revert } = permitted(image, () =>
      // Also where it stood there before: then it is the newest that does.
      this.#graph.attempt((change) => setChild(change, image, 'backing', base)),
    );
    try {
      image.driver.backing?.change(stored?.file ?? '', stored?.format ?? '');
    } catch (failure) {
      revert();
      throw failure;
    }
    done();
  }

  clean(job: BlockJob): void {
    this.#removeFilter();
    job.dropBackends();
    if (!this.#plan.wasReadOnly) return;
    try {
      setReadOnly(this.#graph, this.#plan.top, true);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal; // somebody writes to it by now
    }
  }

  #removeFilter(): void {
    if (this.#filter === null) return;
    removeStreamFilter(this.#graph, this.#filter);
    this.#filter = null;
  }
}

/**
 * Commit: what images have goes down into a base, and who stands on them stands on the base then; the images are not the top of
 * the chain, which guests write to. COMMIT.md. Offsets and lengths are bytes.
 */

import { grow } from '../../block/chain/grow.js';
import { setReadOnly } from '../../block/chain/reopen.js';
import { overlayOf } from '../../block/chain/walk.js';
import { CopyError } from '../../block/copy/copy.js';
import type { Graph } from '../../block/graph.js';
import { Node } from '../../block/node.js';
import { read, write, zero } from '../../block/request.js';
import { isAllocatedAbove } from '../../block/status.js';
import { Refusal } from '../../refusal.js';
import { StorageError } from '../../storage/storage.js';
import type { BlockJob, ErrorPolicy } from '../block-job.js';
import type { JobDriver, Work } from '../driver.js';
import { requestErrno } from '../failure.js';
import { dropIntermediate, removeCommitFilter } from './ending.js';

/** Of what is copied at once: bytes. */
const CHUNK = 2 ** 19;

export interface CommitPlan {
  readonly top: Node;
  readonly base: Node;
  /** what those who stand on `top` are told that the base is called; null: as it is called */
  readonly backingFile: string | null;
  readonly onError: ErrorPolicy;
  /** the base was read-only before */
  readonly wasReadOnly: boolean;
}

export class CommitDriver implements JobDriver<BlockJob> {
  readonly type = 'commit';
  readonly #graph: Graph;
  readonly #plan: CommitPlan;
  /** null when it has gone */
  #filter: Node | null = null;
  #thaw = (): void => {};

  constructor(graph: Graph, plan: CommitPlan) {
    this.#graph = graph;
    this.#plan = plan;
  }

  /** It is in place, and the chain below it is frozen. */
  filterIs(filter: Node, thaw: () => void): void {
    this.#filter = filter;
    this.#thaw = thaw;
  }

  begin(job: BlockJob): undefined {
    job.progress.total = this.#plan.top.size;
  }

  *run(job: BlockJob): Work {
    const { top, base } = this.#plan;
    const size = job.progress.total;
    grow(base, size); // JOB-114
    const end = overlayOf(top, base)!.backing;
    for (let at = 0; at < size; ) {
      const { isAllocated, length } = isAllocatedAbove(top, end, at, Math.min(CHUNK, size - at));
      if (!isAllocated || this.#try(job, () => this.#copy(at, length))) {
        at += length;
        job.progress.current += length;
      }
      yield;
    }
    for (const at = size; at < this.#shownTo(); yield) {
      if (this.#try(job, () => this.#clear(at, this.#shownTo() - at))) break;
    }
  }

  /** JOB-116 @returns whether it was done; else it is to be tried again. @throws StorageError */
  #try(job: BlockJob, action: () => void): boolean {
    try {
      action();
      return true;
    } catch (error) {
      if (!(error instanceof CopyError)) throw error;
      const errno = requestErrno(error.cause);
      const operation = error.side === 'reading' ? 'read' : 'write';
      if (job.requestFailed(operation, this.#plan.onError, errno) === 'report')
        throw new StorageError(errno, this.#plan.base.name);
      return false;
    }
  }

  /** @throws CopyError */
  #copy(offset: number, length: number): void {
    const { top, base } = this.#plan;
    const bytes = new Uint8Array(length);
    try {
      read(top, offset, bytes);
    } catch (error) {
      throw new CopyError('reading', offset, error);
    }
    try {
      write(base, offset, bytes);
    } catch (error) {
      throw new CopyError('writing', offset, error);
    }
  }

  /** JOB-114: how far those who stand on the top show what the base has. */
  #shownTo(): number {
    const overlays = this.#filter!.parents.flatMap(({ parent }) =>
      parent instanceof Node ? [parent.size] : [],
    );
    return Math.min(this.#plan.base.size, Math.max(0, ...overlays));
  }

  /** @throws CopyError */
  #clear(offset: number, length: number): void {
    try {
      zero(this.#plan.base, offset, length);
    } catch (error) {
      throw new CopyError('writing', offset, error);
    }
  }

  /** JOB-115 */
  prepare(job: BlockJob): void {
    this.#thaw();
    job.dropBackends();
    dropIntermediate(this.#graph, this.#filter!, this.#plan);
    this.#filter = null;
  }

  abort(job: BlockJob): void {
    this.#thaw();
    job.letGo();
    if (this.#filter !== null) removeCommitFilter(this.#graph, this.#filter);
  }

  clean(): void {
    const { base, wasReadOnly } = this.#plan;
    if (!wasReadOnly) return;
    try {
      setReadOnly(this.#graph, base, true);
    } catch (refusal) {
      if (!(refusal instanceof Refusal)) throw refusal; // somebody writes to it by now
    }
  }
}

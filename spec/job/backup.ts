/**
 * Backup: the source as it was when the job was created, copied to a target while guests go on writing. BACKUP.md.
 */

import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import { mergeContent } from '../bitmap/merge.js';
import { abdicate, createSuccessor, reclaim } from '../bitmap/successor.js';
import type { BackupFilter } from '../block/copy/backup-filter.js';
import { CopyError } from '../block/copy/copy.js';
import type { Node } from '../block/node.js';
import { StorageError } from '../storage/storage.js';
import type { BlockJob, ErrorAction, ErrorPolicy } from './block-job.js';
import type { Idle, JobDriver, Work } from './driver.js';
import { requestErrno } from './failure.js';

/** `incremental` is `bitmap` with mode `on-success`. */
export type BackupSync = 'full' | 'top' | 'none' | 'bitmap';
/** When the bitmap holds only what came after the backup. JOB-046 */
export type BitmapMode = 'on-success' | 'never' | 'always';

/** A bitmap that a backup goes by, or leaves behind. */
export class BackupBitmap {
  readonly #node: Node;
  readonly #bitmap: DirtyBitmap;
  readonly #mode: BitmapMode;

  /** Freezes the bitmap. JOB-045 @throws BitmapError BMP-E-BUSY */
  constructor(node: Node, bitmap: DirtyBitmap, mode: BitmapMode) {
    this.#node = node;
    this.#bitmap = bitmap;
    this.#mode = mode;
    node.addBitmap(createSuccessor(bitmap));
  }

  /** What was dirty when it was frozen. */
  get content(): DirtyBitmap {
    return this.#bitmap;
  }

  /** The job was refused after all. */
  unfreeze(): void {
    this.#node.removeBitmap(reclaim(this.#bitmap));
  }

  /** The bitmap is in use no more: JOB-046. @param uncopied null if the backup has ended well */
  release(uncopied: DirtyBitmap | null): void {
    const isSynced = this.#mode === 'always' || (this.#mode === 'on-success' && uncopied === null);
    if (!isSynced) {
      this.unfreeze();
      return;
    }
    const successor = abdicate(this.#bitmap);
    this.#node.removeBitmap(this.#bitmap);
    if (uncopied !== null) mergeContent(successor, uncopied);
    if (successor.persistent) this.#node.driver.store?.replaced(this.#bitmap, successor);
  }
}

export interface BackupOptions {
  readonly sync: BackupSync;
  readonly bitmap: BackupBitmap | null;
  readonly filter: BackupFilter;
  readonly onSourceError: ErrorPolicy;
  readonly onTargetError: ErrorPolicy;
}

export class BackupDriver implements JobDriver<BlockJob> {
  readonly type = 'backup';
  readonly #options: BackupOptions;
  /** nobody knows what is to be copied */
  #failure: StorageError | null = null;

  constructor(options: BackupOptions) {
    this.#options = options;
  }

  /** JOB-043 */
  begin(job: BlockJob): Idle | undefined {
    const { sync, bitmap, filter } = this.#options;
    const { copying } = filter;
    if (sync === 'bitmap') {
      copying.toCopy.clear();
      mergeContent(copying.toCopy, bitmap!.content);
    }
    if (sync === 'top') this.#skipUnallocated();
    copying.report(job.progress);
    return sync === 'none' ? { until: () => false } : undefined;
  }

  *run(job: BlockJob): Work {
    if (this.#failure !== null) throw this.#failure;
    const { copying } = this.#options.filter;
    let isAtError = false;
    try {
      for (let next = copying.next(); next !== null; next = copying.next()) {
        const { offset, length } = next;
        yield* job.request({ op: 'copy', offset, length }, () => {
          isAtError = this.#copy(job, offset, length) === 'stop';
        });
        yield;
        isAtError = false;
      }
    } finally {
      if (isAtError) this.#copyWhatIsBegun();
    }
  }

  /**
   * JOB-047: cancelled where it stands at an error, the job has begun to copy again before it notices, and the cluster after that
   * waits for its turn by then.
   */
  #copyWhatIsBegun(): void {
    const { copying } = this.#options.filter;
    try {
      for (let left = 2, next = copying.next(); left > 0 && next !== null; left--, next = copying.next()) {
        copying.copyRange(next.offset, next.length);
      }
    } catch (error) {
      if (!(error instanceof CopyError)) throw error;
    }
  }

  commit(): void {
    this.#options.bitmap?.release(null);
  }

  abort(): void {
    this.#options.bitmap?.release(this.#options.filter.copying.toCopy);
  }

  clean(job: BlockJob): void {
    job.letGo();
    this.#options.filter.remove();
  }

  #skipUnallocated(): void {
    const { copying, node } = this.#options.filter;
    try {
      copying.skipUnallocated();
    } catch (cause) {
      this.#failure = new StorageError(requestErrno(cause), node.name);
    }
  }

  /** @returns what was done about its error, if it had one @throws StorageError */
  #copy(job: BlockJob, offset: number, length: number): ErrorAction | null {
    const { filter, onSourceError, onTargetError } = this.#options;
    try {
      filter.copying.copyRange(offset, length);
      return null;
    } catch (error) {
      if (!(error instanceof CopyError)) throw error;
      const errno = requestErrno(error.cause);
      const [operation, policy] =
        error.side === 'reading' ? (['read', onSourceError] as const) : (['write', onTargetError] as const);
      // JOB-047: whatever is done, the cluster is still to be copied
      const action = job.requestFailed(operation, policy, errno);
      if (action === 'report') throw new StorageError(errno, filter.node.name);
      return action;
    }
  }
}

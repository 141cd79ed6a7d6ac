/** A job that does what a script says, so that every state can be reached. Only tests import this. */
import { StorageError } from '../storage/storage.js';
import type { JobDriver, JobType, Work } from './driver.js';
import type { Job } from './job.js';

/**
 * `work`: one unit. `ready`: from now on it may be completed. `wait`: nothing to do until it is completed or cancelled.
 * `fail`: the end, with an error.
 */
export type Unit = 'work' | 'ready' | 'wait' | 'fail';

export class ScriptedDriver implements JobDriver {
  readonly type: JobType;
  readonly #script: readonly Unit[];
  readonly #failsToPrepare: boolean;
  #isCompleting = false;
  /** which of its ends were called, in order */
  readonly ends: string[] = [];

  constructor(type: JobType, script: readonly Unit[], failsToPrepare = false) {
    this.type = type;
    this.#script = script;
    this.#failsToPrepare = failsToPrepare;
  }

  *run(job: Job): Work {
    job.progress.total = this.#script.length;
    try {
      for (const unit of this.#script) {
        if (unit === 'fail') throw new StorageError('EIO', 'disk');
        if (unit === 'ready') job.transitionToReady();
        if (unit === 'wait') yield { until: () => this.#isCompleting || job.isCancelRequested };
        else yield;
        job.progress.current += 1;
      }
    } finally {
      this.ends.push('end of work');
    }
  }

  /** As a mirror: one that is ready ends well when it is cancelled softly. */
  cancelIsForced(job: Job, force: boolean): boolean {
    return force || (job.status !== 'ready' && job.status !== 'standby');
  }

  complete(): void {
    this.#isCompleting = true;
  }

  prepare(): void {
    this.ends.push('prepare');
    if (this.#failsToPrepare) throw new StorageError('ENOSPC', 'disk');
  }

  commit(): void {
    this.ends.push('commit');
  }

  abort(): void {
    this.ends.push('abort');
  }

  clean(): void {
    this.ends.push('clean');
  }
}

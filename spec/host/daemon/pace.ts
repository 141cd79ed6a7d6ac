/** The speed of jobs, by a clock: after a unit of its work a limited job stands still for as long as its bytes take. JOB-018 */
import type { BlockJob } from '../../job/block-job.js';

/** The longest that is waited at once, milliseconds: then it is looked at anew. */
const MOST_AT_ONCE_MS = 60_000;

/** When a job went on the last time, and how far it was then. */
interface Turn {
  readonly at: number;
  readonly progress: number;
}

export class Pace {
  readonly #last = new WeakMap<BlockJob, Turn>();
  #wait: number | null = null;

  /** Jobs are going to be asked for. */
  begin(): void {
    this.#wait = null;
  }

  /** Milliseconds till one of those that were held back since {@link begin} may go on; null if none was. */
  get wait(): number | null {
    return this.#wait;
  }

  /**
   * Whether the job may do its next unit now; then it does. `now` is in milliseconds. A job that is ready follows its source
   * without a limit, so that it can be completed.
   */
  allows(job: BlockJob, now: number): boolean {
    const { current } = job.progress;
    const last = this.#last.get(job);
    if (last !== undefined && job.speed > 0 && !job.isReady) {
      const left = last.at + ((current - last.progress) / job.speed) * 1000 - now;
      if (left > 0) {
        this.#wait = Math.min(this.#wait ?? MOST_AT_ONCE_MS, Math.ceil(left));
        return false;
      }
    }
    this.#last.set(job, { at: now, progress: current });
    return true;
  }
}

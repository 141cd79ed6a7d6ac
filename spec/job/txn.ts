/**
 * Jobs that end together: each waits until all have done their work, and if one fails, all fail. A job that was asked
 * for alone, or in a transaction of mode `individual`, is alone in its group. JOBS.md, JOB-009 to JOB-012.
 */
import type { Job } from './job.js';

export class JobTxn {
  /** newest first: the order in which they end. JOB-012 */
  #jobs: Job[] = [];
  #isAborting = false;

  join(job: Job): void {
    this.#jobs.unshift(job);
  }

  /** It was never there. */
  leave(job: Job): void {
    this.#jobs = this.#jobs.filter((one) => one !== job);
  }

  /** The work of `job` is over, or it never began. */
  over(job: Job): void {
    if (job.settleResult()) this.abort(job);
    else this.#wait(job);
  }

  /** All jobs of the group; `job` is one of them. JOB-009 */
  finalize(job: Job): void {
    for (const one of this.#jobs) {
      one.prepare();
      if (!one.settleResult()) continue;
      this.abort(job);
      return;
    }
    this.#conclude();
  }

  /** JOB-009 */
  #wait(job: Job): void {
    job.becomeWaiting();
    if (this.#jobs.some((one) => !one.isOver)) return;
    for (const one of this.#jobs) one.becomePending();
    if (this.#jobs.every((one) => one.autoFinalize)) this.finalize(job);
  }

  /** JOB-012: one has failed or was cancelled; the others are cancelled, whatever they have done. */
  abort(job: Job): void {
    if (this.#isAborting) return; // whoever began it sees to all of them
    this.#isAborting = true;
    for (const other of this.#jobs) if (other !== job) other.requestCancel(true);
    this.#conclude();
  }

  #conclude(): void {
    for (;;) {
      const job = this.#jobs[0];
      if (job === undefined) return;
      job.runToEnd();
      this.#jobs.shift();
      job.conclude();
    }
  }
}

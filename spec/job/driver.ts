/** What a kind of job does; the machinery around it is the same for all. JOBS.md, JOB-004. */
import type { Job } from './job.js';

/** As QEMU's `JobType`; `job-*` knows all of them, `block-job-*` the first four. */
export type JobType = 'backup' | 'commit' | 'mirror' | 'stream' | 'create';

/** Yielded by a job that has nothing to do until something changes: it takes no step until `until` holds. */
export interface Idle {
  readonly until: () => boolean;
  /** a request of its is held: till that goes the job is neither paused nor ended. REF-095 */
  readonly isHeld?: boolean;
}

/** The work: one unit between two yields, each of which is a point where the job may be paused or ended. */
export type Work = Generator<Idle | undefined, void, undefined>;

/**
 * A failure is thrown: a Refusal or StorageError becomes the error of the job, anything else is a mistake of the
 * specification. Of `commit` and `abort` exactly one is called, then `clean`; none of the three can fail.
 */
export interface JobDriver<J extends Job = Job> {
  readonly type: JobType;
  /** What is done at once when the job starts; cannot fail. @returns what its work waits for before it begins */
  begin?(job: J): Idle | undefined;
  /**
   * A forced cancel ends it at a yield: what it has open is let go of in a `finally`, which must not yield. A soft one
   * is seen as `job.isCancelRequested`.
   */
  run(job: J): Work;
  /** the last thing that may fail, once every job of the group has done its work */
  prepare?(job: J): void;
  commit?(job: J): void;
  abort?(job: J): void;
  clean?(job: J): void;
  /** Whether a cancel is (as good as) forced now. Absent: always. */
  cancelIsForced?(job: J, force: boolean): boolean;
  /** Absent: the job ends by itself and cannot be completed. */
  complete?(job: J): void;
}

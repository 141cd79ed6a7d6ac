/**
 * One job: its state, what is asked of it, and its steps. JOBS.md. The work itself is its driver's; how jobs of one
 * group end together is {@link JobTxn}'s.
 */
import type { Graph } from '../block/graph.js';
import { type JsonObject, jsonObject } from '../json/value.js';
import type { Idle, JobDriver, Work } from './driver.js';
import { JobError } from './errors.js';
import { failureText } from './failure.js';
import { ACCEPTED, isOver, type JobStatus, type JobVerb, TRANSITIONS } from './status.js';
import type { JobTxn } from './txn.js';

export interface JobOptions {
  readonly id: string;
  /** false: stays pending until it is finalized. Default true */
  readonly autoFinalize?: boolean | undefined;
  /** false: stays concluded until it is dismissed. Default true */
  readonly autoDismiss?: boolean | undefined;
}

/** What a job needs of its surroundings. */
export interface JobHost {
  readonly graph: Graph;
  emit(event: JsonObject): void;
  /** whether the next unit of its work may be done now, by its speed. JOB-018 */
  mayGoOn(job: Job): boolean;
  /** the job is null now: nobody knows it any more */
  forget(job: Job): void;
}

/** The error of a job that was cancelled. */
const CANCELED = 'Operation canceled';

export class Job {
  readonly id: string;
  readonly driver: JobDriver;
  readonly autoFinalize: boolean;
  readonly autoDismiss: boolean;
  readonly txn: JobTxn;
  /** units of the job's own choice, bytes mostly. JOB-016 */
  readonly progress = { current: 0, total: 0 };
  protected readonly host: JobHost;
  #status: JobStatus = 'undefined';
  #error: string | null = null;
  #work: Work | null = null;
  #idle: Idle | null = null;
  #pauses = 0;
  #isUserPaused = false;
  #cancel: 'none' | 'soft' | 'forced' = 'none';

  /** Use {@link Jobs.create}. */
  constructor(driver: JobDriver, options: JobOptions, txn: JobTxn, host: JobHost) {
    this.id = options.id;
    this.driver = driver;
    this.autoFinalize = options.autoFinalize ?? true;
    this.autoDismiss = options.autoDismiss ?? true;
    this.txn = txn;
    this.host = host;
    txn.join(this);
    this.#become('created');
  }

  get status(): JobStatus {
    return this.#status;
  }

  /** Why it failed, in words; null as long as it has not. */
  get error(): string | null {
    return this.#error;
  }

  /** Whether its work is done, or will not be done any more. */
  get isOver(): boolean {
    return isOver(this.#status);
  }

  /** Whether it has been asked to stand still, by the user or within. */
  get isPaused(): boolean {
    return this.#pauses > 0;
  }

  get isUserPaused(): boolean {
    return this.#isUserPaused;
  }

  /** Whether its work is being done, or could go on at once. */
  get isBusy(): boolean {
    return (
      (this.#status === 'running' || this.#status === 'ready') && (this.#idle === null || this.#idle.until())
    );
  }

  /** A cancel was accepted, soft or forced. */
  get isCancelRequested(): boolean {
    return this.#cancel !== 'none';
  }

  /** The job ends without its result. */
  get isCancelled(): boolean {
    return this.#cancel === 'forced';
  }

  /** JOB-003. @throws JobError JOB-E-VERB */
  accept(verb: JobVerb): void {
    if (!ACCEPTED[verb].includes(this.#status)) {
      throw new JobError('JOB-E-VERB', { id: this.id, status: this.#status, verb });
    }
  }

  /** Its work begins. JOB-004 */
  start(): void {
    this.#idle = this.driver.begin?.(this) ?? null;
    this.#work = this.driver.run(this);
    this.#become('running');
  }

  /** The command that made it is refused after all: it was never there. JOB-048 */
  discard(): void {
    this.txn.leave(this);
    this.onGone();
    this.#become('null');
    this.host.forget(this);
  }

  /** JOB-005. @throws JobError JOB-E-VERB, JOB-E-PAUSED */
  userPause(): void {
    this.accept('pause');
    if (this.#isUserPaused) throw new JobError('JOB-E-PAUSED');
    this.#isUserPaused = true;
    this.pause();
  }

  /** JOB-005. @throws JobError JOB-E-NOT-PAUSED, JOB-E-VERB */
  userResume(): void {
    if (!this.#isUserPaused) throw new JobError('JOB-E-NOT-PAUSED');
    this.accept('resume');
    this.liftUserPause();
  }

  /** Keeps it from going on, until as many `resume` were called. */
  pause(): void {
    this.#pauses += 1;
  }

  resume(): void {
    if (this.#pauses === 0) throw new Error(`job ${this.id} is not paused`);
    this.#pauses -= 1;
  }

  /** @throws JobError JOB-E-VERB */
  userCancel(force: boolean): void {
    this.accept('cancel');
    this.cancel(force);
  }

  /** Cancels it; `force` is for a job that would rather end well. JOB-006 */
  cancel(force: boolean): void {
    this.requestCancel(force);
    // A job without work that its next step could end ends here, with its group.
    if (this.#status === 'created') this.txn.over(this);
    else if (this.isOver && this.isCancelled) this.txn.abort(this);
  }

  /** Only says so: the job's next step ends it, or its group does. */
  requestCancel(force: boolean): void {
    const { cancelIsForced } = this.driver;
    const isForced = cancelIsForced === undefined || cancelIsForced.call(this.driver, this, force);
    if (this.#isUserPaused) this.liftUserPause();
    // JOB-006: nothing soft is left to do once the work is done
    if (isForced) this.#cancel = 'forced';
    else if (!this.isOver && this.#cancel === 'none') this.#cancel = 'soft';
  }

  /** JOB-007. @throws JobError JOB-E-VERB, JOB-E-NOT-COMPLETABLE */
  complete(): void {
    this.accept('complete');
    if (this.isCancelRequested || this.driver.complete === undefined) {
      throw new JobError('JOB-E-NOT-COMPLETABLE', { id: this.id });
    }
    this.driver.complete(this);
  }

  /** JOB-009. @throws JobError JOB-E-VERB */
  finalize(): void {
    this.accept('finalize');
    this.txn.finalize(this);
  }

  /** JOB-011. @throws JobError JOB-E-VERB */
  dismiss(): void {
    this.accept('dismiss');
    this.onGone();
    this.#become('null');
    this.host.forget(this);
  }

  /** Called by its work: from now on it may be completed. JOB-007 */
  transitionToReady(): void {
    this.#become('ready');
    this.onReady();
  }

  /** One unit of work, or a change of state; false if it can do neither now. JOB-004 */
  step(): boolean {
    if (this.#work === null || this.isOver) return false;
    if (this.#idle?.isHeld === true) return this.#endUnit(this.#work, this.#idle);
    if (this.isCancelled) return this.#endCancelled(this.#work);
    if (this.isPaused) return this.#rest();
    if (this.#wake()) return true;
    if (this.#idle !== null && !this.#idle.until()) return false;
    if (!this.host.mayGoOn(this)) return false;
    this.#advance(this.#work);
    return true;
  }

  /** Does what is left of its work; only for a job that was cancelled by force. */
  runToEnd(): void {
    while (!this.isOver && this.step());
  }

  /** JOB-009: its group waits for its result; its own work has ended well. */
  becomeWaiting(): void {
    this.#become('waiting');
  }

  becomePending(): void {
    this.#become('pending');
    if (!this.autoFinalize) this.onPending();
  }

  /** JOB-009: the last thing that may fail. */
  prepare(): void {
    try {
      this.driver.prepare?.(this);
    } catch (failure) {
      this.#error ??= failureText(failure);
    }
  }

  /** Whether it has failed by now; then it is aborting. JOB-010 */
  settleResult(): boolean {
    if (this.isCancelled) this.#error ??= CANCELED;
    if (this.#error === null) return false;
    if (this.#status !== 'aborting') this.#become('aborting');
    return true;
  }

  /** The end: what it did is kept or undone, for good. JOB-009, JOB-010 */
  conclude(): void {
    const hasFailed = this.settleResult();
    const wasStarted = this.#work !== null;
    if (hasFailed) this.driver.abort?.(this);
    else this.driver.commit?.(this);
    this.driver.clean?.(this);
    // JOB-013
    if (wasStarted) {
      if (this.isCancelled) this.onCancelled();
      else this.onCompleted();
    }
    this.#become('concluded');
    if (this.autoDismiss || !wasStarted) this.dismiss();
  }

  protected liftUserPause(): void {
    this.#isUserPaused = false;
    this.resume();
  }

  /** A pause that only the user lifts, though not he asked for it. JOB-019 */
  protected pauseForUser(): void {
    if (this.#isUserPaused) return;
    this.#isUserPaused = true;
    this.pause();
  }

  // What kinds of jobs say or do besides.
  protected onReady(): void {}
  protected onPending(): void {}
  protected onCancelled(): void {}
  protected onCompleted(): void {}
  /** Nobody will know the job any more. */
  protected onGone(): void {}

  /** JOB-002, JOB-014 */
  #become(status: JobStatus): void {
    if (!TRANSITIONS[this.#status].includes(status)) {
      throw new Error(`job ${this.id} cannot go from ${this.#status} to ${status}`);
    }
    this.#status = status;
    this.host.emit(jsonObject({ event: 'JOB_STATUS_CHANGE', data: jsonObject({ status, id: this.id }) }));
  }

  /** Into the state of a paused job, if it is not there. */
  #rest(): boolean {
    if (this.#status === 'running') this.#become('paused');
    else if (this.#status === 'ready') this.#become('standby');
    else return false;
    return true;
  }

  /** Out of it. */
  #wake(): boolean {
    if (this.#status === 'paused') this.#become('running');
    else if (this.#status === 'standby') this.#become('ready');
    else return false;
    return true;
  }

  /** REF-095: what has been begun is ended, whatever else is asked of the job. */
  #endUnit(work: Work, { until }: Idle): boolean {
    if (!until()) return false;
    this.#advance(work);
    return true;
  }

  #endCancelled(work: Work): boolean {
    this.#wake();
    if (work.return().done !== true) throw new Error(`job ${this.id} yields in a finally`);
    this.txn.over(this);
    return true;
  }

  #advance(work: Work): void {
    this.#idle = null;
    let next: IteratorResult<Idle | undefined, void>;
    try {
      next = work.next();
    } catch (failure) {
      this.#error = failureText(failure);
      this.txn.over(this);
      return;
    }
    if (next.done === true) this.txn.over(this);
    else this.#idle = next.value ?? null;
  }
}

/** All jobs of a machine: their ids, their turns, their events. JOBS.md, JOB-001, JOB-004, JOB-016. */
import type { Edge } from '../block/edge.js';
import type { Graph } from '../block/graph.js';
import type { Node } from '../block/node.js';
import type { JsonObject } from '../json/value.js';
import { BlockJob } from './block-job.js';
import type { JobDriver } from './driver.js';
import { JobError } from './errors.js';
import { Job, type JobHost, type JobOptions } from './job.js';
import { JobTxn } from './txn.js';

export interface NewJob extends JobOptions {
  /** the group that it ends with; default: one of its own */
  readonly txn?: JobTxn | undefined;
}

/** Whether a job may do the next unit of its work now: said by whoever has a clock. JOB-018 */
export type Pacing = (job: BlockJob) => boolean;

export class Jobs implements JobHost {
  readonly graph: Graph;
  readonly emit: (event: JsonObject) => void;
  readonly #pacing: Pacing;
  /** oldest first */
  readonly #jobs: Job[] = [];
  /** whose turn is next comes first */
  readonly #turns: Job[] = [];

  constructor(graph: Graph, emit: (event: JsonObject) => void, pacing: Pacing = () => true) {
    this.graph = graph;
    this.emit = emit;
    this.#pacing = pacing;
  }

  /** Newest first: the order in which QEMU lists them. */
  get all(): Job[] {
    return [...this.#jobs].reverse();
  }

  /** A job in state created; its work begins with `start`. @throws JobError JOB-E-ID-INVALID, JOB-E-ID-TAKEN */
  create(driver: JobDriver, options: NewJob): Job {
    return this.#add(Job, driver, options);
  }

  /** As {@link Jobs.create}, for a job on nodes. */
  createBlockJob(driver: JobDriver<BlockJob>, options: NewJob): BlockJob {
    return this.#add(BlockJob, driver as JobDriver, options);
  }

  /** @throws JobError JOB-E-NOT-FOUND */
  lookup(id: string): Job {
    const job = this.#jobs.find((one) => one.id === id);
    if (job === undefined) throw new JobError('JOB-E-NOT-FOUND');
    return job;
  }

  /** The job on nodes of that id, if there is one. */
  findBlockJob(id: string): BlockJob | undefined {
    return this.#jobs.find((one): one is BlockJob => one.id === id && one instanceof BlockJob);
  }

  /** JOB-004: moves one job by one unit, each in its turn; false when none can move. */
  step(): boolean {
    for (const job of [...this.#turns]) {
      if (!job.step()) continue;
      const turn = this.#turns.indexOf(job);
      if (turn >= 0) this.#turns.push(...this.#turns.splice(turn, 1)); // else it is gone
      return true;
    }
    return false;
  }

  /** JOB-020: no job is left. */
  endAll(): void {
    for (;;) {
      const job = this.all[0];
      if (job === undefined) return;
      if (job.status !== 'concluded') job.cancel(true);
      job.runToEnd();
      if (job.status === 'concluded') job.dismiss();
    }
  }

  /** REF-105: the drive of `node` goes: jobs that use it are cancelled, but for those whose work is done. */
  cancelOn(node: Node): void {
    for (const job of this.all) {
      if (!(job instanceof BlockJob) || !job.uses.some(({ child }) => child === node)) continue;
      if (!job.isOver && !job.isCancelRequested) job.cancel(false);
    }
  }

  /** The uses of nodes that jobs have. */
  *uses(): Generator<Edge> {
    for (const job of this.#jobs) if (job instanceof BlockJob) yield* job.allUses;
  }

  mayGoOn(job: Job): boolean {
    return !(job instanceof BlockJob) || this.#pacing(job);
  }

  forget(job: Job): void {
    this.#jobs.splice(this.#jobs.indexOf(job), 1);
    this.#turns.splice(this.#turns.indexOf(job), 1);
  }

  #add<J extends Job>(
    kind: new (driver: JobDriver, options: JobOptions, txn: JobTxn, host: JobHost) => J,
    driver: JobDriver,
    options: NewJob,
  ): J {
    // JOB-001
    const { id } = options;
    if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(id)) throw new JobError('JOB-E-ID-INVALID', { id });
    if (this.#jobs.some((one) => one.id === id)) throw new JobError('JOB-E-ID-TAKEN', { id });
    const job = new kind(driver, options, options.txn ?? new JobTxn(), this);
    this.#jobs.push(job);
    this.#turns.push(job);
    return job;
  }
}

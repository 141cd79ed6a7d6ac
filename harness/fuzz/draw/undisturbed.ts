/**
 * Mirrors, and commits that follow a disk, beside which nothing has happened: what they have copied, and in how many bytes, is the
 * same every time. Only what is written beside one, or an error, makes it luck how often it copies what.
 */
import type { Node } from '../../../spec/block/node.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Job } from '../../../spec/job/job.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from './model-run.js';

const FOLLOWS = /^(mirror|commit)$/;
/** Commands that write nothing to any disk. */
const QUIET =
  /^(query-.*|(block-)?job-.*|block-dirty-bitmap-.*|x-debug-.*|blockdev-(add|del|mirror)|nbd-server-.*|block-export-.*)$/;

export class Undisturbed {
  readonly #jobs = new Set<Job>();
  readonly #seen = new WeakSet<Job>();

  /** After each step; null: jobs have gone on by themselves. */
  see(run: ModelRun, action: Action | null): void {
    const { jobs } = run;
    const isQuiet =
      action === null || (isQuietStep(action) && jobs.every(({ driver }) => FOLLOWS.test(driver.type)));
    if (!isQuiet) this.#jobs.clear();
    for (const job of jobs) {
      if (this.#seen.has(job)) continue;
      this.#seen.add(job);
      if (isQuiet && job instanceof BlockJob && FOLLOWS.test(job.driver.type) && isPlain(run, job))
        this.#jobs.add(job);
    }
    for (const job of this.#jobs) {
      if (job.error !== null || (job instanceof BlockJob && job.ioStatus !== 'ok')) this.#jobs.delete(job);
    }
  }

  has(job: Job): boolean {
    return this.#jobs.has(job);
  }
}

function isQuietStep(action: Action): boolean {
  if (action.verb === 'qmp') return QUIET.test(action.command);
  if (action.verb === 'io') return action.request.op === 'read';
  return /^(wait|log|observe|graph)$/.test(action.verb);
}

/** Whether its nodes know what is stored in them, and no request of theirs fails. */
function isPlain(run: ModelRun, { uses }: BlockJob): boolean {
  return uses.every(({ child }) => !isVague(run, child));
}

function isVague(run: ModelRun, { driver, children }: Node): boolean {
  if (driver.name === 'blkdebug') return true;
  if (run.format === 'overlay' && driver.name === run.model.formatDriver && driver.backing === undefined)
    return true;
  return children.some(({ child }) => isVague(run, child));
}

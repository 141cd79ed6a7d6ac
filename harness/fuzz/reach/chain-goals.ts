/** Goals about chains, and the jobs on them. */
import { linkBelow } from '../../../spec/block/chain/walk.js';
import type { Node } from '../../../spec/block/node.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Job } from '../../../spec/job/job.js';
import type { Action } from '../../case/case.js';
import type { Answer, ModelRun } from '../draw/model-run.js';
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

function isDone(action: Action, answer: Answer, ...commands: string[]): boolean {
  return answer.ok && action.verb === 'qmp' && commands.includes(action.command);
}

/** Of a job that has just begun: the node that it uses under this name. */
function used({ jobs }: ModelRun, name: string): Node | undefined {
  const [job] = jobs;
  return job instanceof BlockJob ? job.uses.find((edge) => edge.name === name)?.child : undefined;
}

/** Base and top of a commit that has just begun, from which it does not copy what guests write. */
function committed(run: ModelRun, action: Action, answer: Answer): { base: Node; top: Node } | null {
  if (!isDone(action, answer, 'block-commit')) return null;
  const base = used(run, 'base');
  const top = used(run, 'intermediate node');
  return base === undefined || top === undefined ? null : { base, top };
}

/** Nodes that jobs of a kind have been on the way of, once the job has come to a good end. */
function afterwards(
  name: string,
  isMeant: (job: Job) => boolean,
  meets: (run: ModelRun, between: readonly Node[]) => boolean,
): Goal {
  return {
    name,
    watch: () => {
      const known = new Map<Job, readonly Node[]>();
      return (run) => {
        for (const job of run.jobs) {
          if (!(job instanceof BlockJob) || !isMeant(job) || known.has(job)) continue;
          known.set(
            job,
            job.uses.filter((edge) => edge.name === 'intermediate node').map(({ child }) => child),
          );
        }
        for (const [job, between] of known) {
          if (job.status === 'null' && job.error === null && !job.isCancelled && meets(run, between))
            return true;
        }
        return false;
      };
    },
  };
}

/** One that failed for a while, and goes on. */
function resumed(name: string, type: string): Goal {
  return {
    name,
    watch: () => {
      const stopped = new Set<Job>();
      return (run) => {
        const ones = run.jobs.filter((job) => job instanceof BlockJob && job.driver.type === type);
        for (const job of ones as BlockJob[])
          if (job.status === 'paused' && job.ioStatus !== 'ok') stopped.add(job);
        return [...stopped].some(
          ({ isOver, error, isCancelled }) => isOver && error === null && !isCancelled,
        );
      };
    },
  };
}

export const CHAIN_GOALS: readonly Goal[] = [
  goal('a commit into a base that is shorter', (run, action, answer) => {
    const found = committed(run, action, answer);
    return found !== null && found.base.size < found.top.size;
  }),
  goal('a commit into a base that is longer', (run, action, answer) => {
    const found = committed(run, action, answer);
    return found !== null && found.base.size > found.top.size;
  }),
  goal('a commit is ready and completed', (_, action, answer) => isDone(action, answer, 'job-complete')),
  goal('a stream onto a base', (_, action, answer) => {
    return isDone(action, answer, 'block-stream') && JSON.stringify(action).includes('"base');
  }),
  resumed('a stream that failed and was resumed', 'stream'),
  resumed('a commit that failed and was resumed', 'commit'),
  goal('a stream and a commit at once', ({ jobs }) => {
    const types = jobs.map(({ driver }) => driver.type);
    return types.includes('stream') && types.includes('commit');
  }),
  goal('two streams at once', ({ jobs }) => {
    return jobs.filter(({ driver }) => driver.type === 'stream').length > 1;
  }),
  goal('a job on a chain has failed', ({ jobs }) => {
    return jobs.some(({ driver, error }) => /^(stream|commit)$/.test(driver.type) && error !== null);
  }),
  afterwards(
    'a bitmap on a node that a commit removed',
    ({ driver }) => driver.type === 'commit',
    (_, between) => between.some(({ bitmaps }) => bitmaps.length > 0),
  ),
  afterwards(
    'a node is deleted that was streamed',
    ({ driver }) => driver.type === 'stream',
    (run, between) => between.some((node) => !run.nodes.includes(node)),
  ),
  goal('images of three sizes over each other', (run) =>
    run.nodes.some((node) => {
      const sizes = new Set<number>();
      for (let at: Node | undefined = node; at !== undefined; at = linkBelow(at)?.child) sizes.add(at.size);
      return sizes.size >= 3;
    }),
  ),
  goal('a snapshot and bitmaps in one transaction', (_, action, answer) => {
    const text = isDone(action, answer, 'transaction') ? JSON.stringify(action) : '';
    return text.includes('"blockdev-snapshot') && text.includes('"block-dirty-bitmap-');
  }),
  goal('the uppermost image is resized', (_, action, answer) => isDone(action, answer, 'block_resize')),
  goal('a chain is opened by what its images say', (run, action, answer) => {
    return (
      answer.ok &&
      action.verb === 'open' &&
      action.size === null &&
      action.backing === undefined &&
      run.nodes.some(({ backing }) => backing !== null)
    );
  }),
];

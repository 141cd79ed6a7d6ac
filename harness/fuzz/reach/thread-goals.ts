/** Goals about iothreads. */
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

export const THREAD_GOALS: readonly Goal[] = [
  goal('a node in an iothread', (run) => run.nodes.some(({ iothread }) => iothread !== null)),
  goal('an export in an iothread', (run) =>
    run.machine.exports.all.some(({ iothread }) => iothread !== null),
  ),
  goal(
    'a job beside an iothread in use',
    (run) => run.jobs.length > 0 && run.nodes.some(({ iothread }) => iothread !== null),
  ),
];

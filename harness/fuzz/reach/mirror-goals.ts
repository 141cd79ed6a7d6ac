/** Goals about mirrors. */
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

export const MIRROR_GOALS: readonly Goal[] = [
  goal('a mirror is ready and paused', (run) => run.jobs.some(({ status }) => status === 'standby')),
  goal('a mirror is pending', (run) => run.jobs.some(({ status }) => status === 'pending')),
  goal('a write beside a mirror that is ready', (run, { verb }) => {
    return verb === 'io' && run.jobs.some(({ status }) => status === 'ready');
  }),
  goal('a mirror is completed', (_, action, answer) => {
    return answer.ok && action.verb === 'qmp' && action.command === 'job-complete';
  }),
  goal('a mirror stands still because of its target', (run) =>
    run.jobs.some(({ status, isUserPaused }) => status === 'paused' && isUserPaused),
  ),
];

/** Goals about what meets: filters of jobs, bitmaps, and the exports that show them. */
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

const OF_JOBS = /^(copy-before-write|mirror_top|commit_top)$/;

export const TOGETHER_GOALS: readonly Goal[] = [
  goal('a bitmap on the filter of a job', (run) =>
    run.nodes.some(({ driver, bitmaps }) => OF_JOBS.test(driver.name) && bitmaps.some(({ name }) => name)),
  ),
  goal('an export of the filter of a job', (run) =>
    run.machine.exports.all.some(({ edge }) => OF_JOBS.test(edge.child.driver.name)),
  ),
  goal('a job ends beside a busy bitmap', (run, action, answer) => {
    const isEnd = action.verb === 'qmp' && /-(cancel|complete|finalize)$/.test(action.command);
    return answer.ok && isEnd && run.nodes.some(({ bitmaps }) => bitmaps.some(({ busy }) => busy));
  }),
  goal('an export shows a bitmap of another node', (run) =>
    run.machine.exports.all.some(({ edge, bitmaps }) =>
      bitmaps.some((bitmap) => !edge.child.bitmaps.includes(bitmap)),
    ),
  ),
];

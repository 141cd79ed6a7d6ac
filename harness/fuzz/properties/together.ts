/** Everything at once: jobs and their filters, exports, bitmaps, nodes that come and go; each of them may have hold of another. */
import { BITMAP_MOVES, drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { EXPORT_MOVES } from '../moves/exports.js';
import { endJobs, JOB_MOVES } from '../moves/jobs.js';
import type { Move } from '../moves/move.js';
import { startServer } from '../moves/nbd/server.js';
import { lookAtAll, NODE_MOVES } from '../moves/nodes.js';
import { SYNC_MOVES } from '../moves/overlay/sync.js';
import { FILTER_MOVES, isBelowCopy } from '../moves/together/filters.js';
import { TOGETHER_GOALS } from '../reach/together-goals.js';
import { openDisks } from './bitmap.js';
import { propertyOf } from './plan.js';

function weighing(moves: readonly Move[], factor: number): readonly Move[] {
  return moves.map((move) => ({ ...move, weight: move.weight * factor }));
}

export const TOGETHER_MOVES: readonly Move[] = [
  ...FILTER_MOVES,
  ...weighing(JOB_MOVES, 0.6),
  ...weighing(EXPORT_MOVES, 0.7),
  ...weighing(NODE_MOVES, 0.7),
  ...weighing(BITMAP_MOVES, 0.3),
  ...weighing(SYNC_MOVES, 0.8),
];

export const together = propertyOf({
  name: 'together',
  summary:
    'jobs, filters, exports, bitmaps and nodes, each holding on to another, and the end of any of them',
  rules: ['REF-003', 'BMP-011', 'NBD-023', 'JOB-021'],
  goals: TOGETHER_GOALS,
  formats: ['raw', 'overlay'],
  about: ['command:blockdev-backup'],
  length: [10, 40],
  moves: TOGETHER_MOVES,
  begin(sketch) {
    sketch.shun = isBelowCopy;
    openDisks(sketch, 2);
    startServer(sketch);
    for (let count = sketch.draw.int(0, 2); count > 0; count--) playCommand(sketch, drawAdd(sketch));
  },
  end(sketch) {
    endJobs(sketch);
    observeAll(sketch);
    lookAtAll(sketch);
  },
});

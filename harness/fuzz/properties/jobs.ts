/** Jobs at rest: what they accept, what becomes of bitmaps, nodes and guests beside them, and that nothing is left of them. */
import { BITMAP_MOVES, drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { STREAM_MOVES } from '../moves/chain/jobs.js';
import { CREATE_MOVES } from '../moves/create.js';
import { DRIVE_MOVES } from '../moves/drive.js';
import { playChange } from '../moves/guest.js';
import { endJobs, JOB_MOVES } from '../moves/jobs.js';
import type { Move } from '../moves/move.js';
import { someDisk } from '../moves/names.js';
import { anyNode, lookAtAll } from '../moves/nodes.js';
import { BLOCK_MOVES } from '../moves/options/blocks.js';
import { JOB_GOALS } from '../reach/job-goals.js';
import { openDisks } from './bitmap.js';
import { propertyOf } from './plan.js';

/** What others do while jobs are there. */
const BESIDE: readonly Move[] = [
  {
    name: 'del',
    weight: 1,
    make: (sketch) => void sketch.qmp('blockdev-del', { 'node-name': anyNode(sketch) }),
  },
  {
    name: 'resize',
    weight: 0.5,
    make(sketch) {
      const node = someDisk(sketch);
      if (node !== undefined) sketch.qmp('block_resize', { 'node-name': node.name, size: node.size + 65536 });
    },
  },
  { name: 'graph', weight: 0.7, make: (sketch) => void sketch.play({ verb: 'graph' }) },
];

export const jobs = propertyOf({
  name: 'jobs',
  summary: 'jobs at rest: verbs, bitmaps, nodes and guests beside them, and what is left of them',
  rules: ['JOB-003', 'JOB-012', 'JOB-045', 'JOB-046'],
  goals: JOB_GOALS,
  formats: ['raw', 'overlay'],
  about: ['command:blockdev-backup'],
  length: [8, 30],
  moves: [
    ...JOB_MOVES,
    ...STREAM_MOVES,
    ...DRIVE_MOVES,
    ...CREATE_MOVES,
    ...BESIDE,
    ...BLOCK_MOVES.map((move) => ({ ...move, weight: move.weight / 3 })),
    ...BITMAP_MOVES.map((move) => ({ ...move, weight: move.weight / 4 })),
  ],
  begin(sketch) {
    openDisks(sketch, 2);
    for (let count = sketch.draw.int(1, 3); count > 0; count--) {
      playCommand(sketch, drawAdd(sketch));
      const node = someDisk(sketch);
      if (node !== undefined) playChange(sketch, node.name);
    }
  },
  end(sketch) {
    endJobs(sketch);
    observeAll(sketch);
    lookAtAll(sketch);
  },
});

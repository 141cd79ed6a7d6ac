/** Nodes in iothreads: whatever is done with them, it is as if there were none. */
import { observeAll } from '../moves/bitmaps.js';
import { GUEST_MOVES } from '../moves/guest.js';
import { endJobs } from '../moves/jobs.js';
import { startServer } from '../moves/nbd/server.js';
import { lookAtAll } from '../moves/nodes.js';
import { isBelowCopy } from '../moves/together/filters.js';
import { addThread, THREAD_MOVES } from '../moves/together/threads.js';
import { THREAD_GOALS } from '../reach/thread-goals.js';
import { openDisks } from './bitmap.js';
import { propertyOf } from './plan.js';
import { TOGETHER_MOVES } from './together.js';

export const threads = propertyOf({
  name: 'threads',
  summary: 'nodes and exports in iothreads, which nobody sees',
  rules: ['REF-170', 'REF-171'],
  goals: THREAD_GOALS,
  formats: ['raw', 'overlay'],
  requires: ['command:x-blockdev-set-iothread'],
  length: [6, 24],
  moves: [
    ...THREAD_MOVES,
    ...GUEST_MOVES.filter(({ name }) => name === 'resize'),
    ...TOGETHER_MOVES.map((move) => ({ ...move, weight: move.weight / 3 })),
  ],
  begin(sketch) {
    sketch.shun = isBelowCopy;
    openDisks(sketch, 2);
    addThread(sketch);
    if (sketch.draw.chance(0.5)) startServer(sketch);
  },
  end(sketch) {
    endJobs(sketch);
    observeAll(sketch);
    lookAtAll(sketch);
  },
});

/** What bitmaps are after a good end, after a crash, and in images that are read-only. */
import { openAction } from '../draw/actions.js';
import { diskSize } from '../draw/edges.js';
import { BITMAP_MOVES, drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { GUEST_MOVES } from '../moves/guest.js';
import { PERSISTENCE_MOVES, playRestart } from '../moves/persistence.js';
import { PERSISTENCE_GOALS } from '../reach/job-goals.js';
import { propertyOf } from './plan.js';

export const persistence = propertyOf({
  name: 'persistence',
  summary: 'stored bitmaps over restarts, crashes, read-only images and image tools',
  rules: ['BMP-012', 'BMP-013', 'QBM-031', 'QBM-036'],
  goals: PERSISTENCE_GOALS,
  formats: ['overlay'],
  length: [10, 40],
  moves: [
    ...PERSISTENCE_MOVES,
    ...BITMAP_MOVES,
    ...GUEST_MOVES.map((move) => ({ ...move, weight: move.weight / 2 })),
  ],
  begin(sketch) {
    for (let count = sketch.draw.int(1, 2); count > 0; count--) {
      sketch.play(openAction(sketch.fresh('disk'), diskSize(sketch.draw)));
    }
    for (let count = sketch.draw.int(1, 3); count > 0; count--) playCommand(sketch, drawAdd(sketch));
  },
  end(sketch) {
    observeAll(sketch);
    playRestart(sketch, 'restart');
  },
});

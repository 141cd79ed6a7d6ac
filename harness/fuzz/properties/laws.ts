/** Laws of bitmaps, on a target that need not have a model: harness/fuzz/laws. */
import { BITMAP_MOVES, drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { GUEST_MOVES } from '../moves/guest.js';
import { nodeWithBitmaps } from '../moves/names.js';
import { MERGE_GOALS } from '../reach/merge-goals.js';
import { openDisks } from './bitmap.js';
import { propertyOf } from './plan.js';

export const LAWS = 'laws';

export const laws = propertyOf({
  name: LAWS,
  summary: 'laws of merging, clearing and refusing, which need no model',
  rules: ['BMP-018', 'BMP-019', 'BMP-021'],
  // Nothing is resized here.
  goals: MERGE_GOALS.filter(({ name }) => !name.includes('resize')),
  formats: ['raw', 'overlay'],
  length: [15, 60],
  moves: [
    ...BITMAP_MOVES,
    ...GUEST_MOVES.filter(({ name }) => name === 'change'),
    { name: 'observe', weight: 6, make: (sketch) => sketch.observe(nodeWithBitmaps(sketch)) },
  ],
  begin(sketch) {
    openDisks(sketch, 2);
    for (let count = sketch.draw.int(2, 4); count > 0; count--) playCommand(sketch, drawAdd(sketch));
  },
  end: observeAll,
});

/** The content of dirty bitmaps on a few disks: what is marked, by whom, and what merging makes of it. */
import { diskSize } from '../draw/edges.js';
import type { Sketch } from '../draw/sketch.js';
import { BITMAP_MOVES, drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { GUEST_MOVES } from '../moves/guest.js';
import type { Move } from '../moves/move.js';
import { nodeWithBitmaps } from '../moves/names.js';
import { BLOCK_MOVES } from '../moves/options/blocks.js';
import { BLOCK_GOALS } from '../reach/block-goals.js';
import { MERGE_GOALS } from '../reach/merge-goals.js';
import { propertyOf } from './plan.js';

/** One to three disks, some of the size of the one before, so that bitmaps can be merged between them. */
export function openDisks(sketch: Sketch, most: number): void {
  const { draw } = sketch;
  let size = diskSize(draw);
  for (let count = draw.int(1, most); count > 0; count--) {
    sketch.play({
      verb: 'open',
      node: sketch.fresh('disk'),
      size,
      driver: draw.chance(0.3) ? 'null-co' : 'format',
      readOnly: false,
      discard: draw.chance(0.9) ? 'unmap' : 'ignore',
      policy: undefined,
      backing: undefined,
      device: undefined,
    });
    if (draw.chance(0.3)) size = diskSize(draw);
  }
}

const LOOKS: readonly Move[] = [
  { name: 'observe', weight: 0.6, make: (sketch) => sketch.observe(nodeWithBitmaps(sketch)) },
  {
    name: 'query',
    weight: 1.5,
    make(sketch) {
      // How many nodes an image consists of is a matter of its format.
      if (sketch.format === 'raw') {
        const flat = sketch.draw.pick([true, true, true, false]);
        sketch.qmp('query-named-block-nodes', { flat });
      } else sketch.play({ verb: 'graph' });
    },
  },
];

export const bitmap = propertyOf({
  name: 'bitmap',
  summary: 'what dirty bitmaps hold after any writes, merges, resizes and transactions',
  rules: ['BMP-006', 'BMP-009', 'BMP-010', 'BMP-018', 'BMP-019', 'BMP-023'],
  goals: [...MERGE_GOALS, ...BLOCK_GOALS],
  formats: ['raw', 'overlay'],
  length: [10, 60],
  moves: [...BITMAP_MOVES, ...GUEST_MOVES, ...BLOCK_MOVES, ...LOOKS],
  begin(sketch) {
    openDisks(sketch, 3);
    for (let count = sketch.draw.int(1, 3); count > 0; count--) playCommand(sketch, drawAdd(sketch));
  },
  end: observeAll,
});

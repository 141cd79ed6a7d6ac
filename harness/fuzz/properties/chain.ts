/** Chains of images: whatever is streamed, committed, put over, resized and taken away, guests and bitmaps see nothing of it. */
import type { Sketch } from '../draw/sketch.js';
import { BITMAP_MOVES, drawAdd, observeAll, playCommand } from '../moves/bitmaps.js';
import { ARRANGED_MOVES } from '../moves/chain/arranged.js';
import { BUILD_MOVES, buildChain } from '../moves/chain/build.js';
import { CHANGE_MOVES } from '../moves/chain/change.js';
import { CHAIN_JOB_MOVES, endAll } from '../moves/chain/jobs.js';
import { lookAtLayers, openBySelf, readMembers } from '../moves/chain/look.js';
import { isLuck } from '../moves/chain/members.js';
import { CHAIN_GOALS } from '../reach/chain-goals.js';
import { propertyOf } from './plan.js';

function begin(sketch: Sketch): void {
  buildChain(sketch, 5);
  for (let count = sketch.draw.int(0, 4); count > 0; count--) playCommand(sketch, drawAdd(sketch));
}

export const chain = propertyOf({
  name: 'chain',
  summary: 'chains of images: streams, commits, snapshots, faults and bitmaps on any member, byte for byte',
  rules: ['JOB-100', 'JOB-110', 'JOB-115', 'REF-031', 'REF-041'],
  goals: CHAIN_GOALS,
  formats: ['overlay'],
  requires: ['driver:blkdebug'],
  length: [6, 26],
  moves: [
    ...BUILD_MOVES,
    ...CHAIN_JOB_MOVES,
    ...ARRANGED_MOVES,
    ...CHANGE_MOVES,
    ...BITMAP_MOVES.map((move) => ({ ...move, weight: move.weight / 6 })),
    { name: 'read', weight: 0.5, make: readMembers },
    { name: 'layers', weight: 0.4, make: lookAtLayers },
  ],
  shun: isLuck,
  begin,
  end(sketch) {
    if (sketch.draw.chance(0.9)) endAll(sketch);
    sketch.play({ verb: 'graph' });
    readMembers(sketch);
    observeAll(sketch);
    if (sketch.draw.chance(0.4)) lookAtLayers(sketch);
    if (sketch.draw.chance(0.4)) openBySelf(sketch);
  },
});

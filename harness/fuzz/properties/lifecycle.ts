/** Who uses which node: filters, overlays, exports and bitmaps come and go in any order. */
import { BITMAP_MOVES } from '../moves/bitmaps.js';
import { STREAM_MOVES } from '../moves/chain/jobs.js';
import { EXPORT_MOVES, playForeign } from '../moves/exports.js';
import { FILTER_MOVES } from '../moves/filters.js';
import { GUEST_MOVES } from '../moves/guest.js';
import { VERB_MOVES } from '../moves/jobs.js';
import { startServer } from '../moves/nbd/server.js';
import { lookAtAll, NODE_MOVES, openDisk } from '../moves/nodes.js';
import { BLOCK_MOVES } from '../moves/options/blocks.js';
import { NESTED_MOVES } from '../moves/options/nested.js';
import { SYNC_MOVES } from '../moves/overlay/sync.js';
import { RESIZE_MOVES } from '../moves/resize.js';
import { NESTED_GOALS } from '../reach/block-goals.js';
import { LIFECYCLE_GOALS } from '../reach/job-goals.js';
import { propertyOf } from './plan.js';

export const lifecycle = propertyOf({
  name: 'lifecycle',
  summary: 'nodes, references, permissions and exports, with the removal of anything at any time',
  rules: ['REF-003', 'REF-021', 'REF-022', 'REF-023', 'NBD-024', 'NBD-026'],
  goals: [...LIFECYCLE_GOALS, ...NESTED_GOALS],
  formats: ['raw', 'overlay'],
  length: [10, 50],
  moves: [
    ...NODE_MOVES,
    ...RESIZE_MOVES,
    ...FILTER_MOVES,
    ...BLOCK_MOVES,
    ...NESTED_MOVES,
    ...EXPORT_MOVES,
    { name: 'export with the bitmap of another', weight: 0.4, make: playForeign },
    ...SYNC_MOVES,
    ...STREAM_MOVES,
    ...VERB_MOVES.map(rarely),
    ...BITMAP_MOVES.map(rarely),
    ...GUEST_MOVES.map(rarely),
  ],
  begin(sketch) {
    openDisk(sketch);
    if (sketch.draw.chance(0.6)) openDisk(sketch);
    if (sketch.draw.chance(0.5)) startServer(sketch);
  },
  end: lookAtAll,
});

function rarely<M extends { readonly weight: number }>(move: M): M {
  return { ...move, weight: move.weight / 4 };
}

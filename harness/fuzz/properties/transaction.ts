/** A transaction that fails changes nothing that can be observed, in memory or on disk; one that does not, all of it. */
import type { JsonObject } from '../../../spec/json/value.js';
import { members, type Sketch } from '../draw/sketch.js';
import {
  BITMAP_MOVES,
  drawActions,
  drawAdd,
  observeAll,
  playCommand,
  playTransaction,
} from '../moves/bitmaps.js';
import { GUEST_MOVES } from '../moves/guest.js';
import type { Move } from '../moves/move.js';
import { anyNode, lookAtAll, openDisk } from '../moves/nodes.js';
import { playRestart } from '../moves/persistence.js';
import { TRANSACTION_GOALS } from '../reach/job-goals.js';
import { openDisks } from './bitmap.js';
import { propertyOf } from './plan.js';

/** A snapshot among the actions: the graph has to go back, too. */
function withSnapshot(sketch: Sketch, actions: JsonObject[]): JsonObject[] {
  const { draw } = sketch;
  if (sketch.format === 'raw' || !draw.chance(0.3)) return actions;
  const overlay = openDisk(sketch, sketch.disks[0]?.size ?? 65536);
  const data = members({ node: anyNode(sketch), overlay });
  actions.splice(draw.int(0, actions.length), 0, members({ type: 'blockdev-snapshot', data }));
  return actions;
}

const TRANSACTIONS: readonly Move[] = [
  {
    name: 'transaction seen from all sides',
    weight: 12,
    make(sketch) {
      const actions = withSnapshot(sketch, drawActions(sketch));
      playTransaction(sketch, actions, true);
      if (sketch.draw.chance(0.3)) sketch.play({ verb: 'graph' });
    },
  },
  {
    name: 'restart',
    weight: 0.6,
    make(sketch) {
      if (sketch.format === 'overlay') playRestart(sketch, 'restart');
    },
  },
];

export const transaction = propertyOf({
  name: 'transaction',
  summary: 'a transaction that fails changes nothing, in memory or on disk',
  rules: ['TXN-001', 'TXN-003'],
  goals: TRANSACTION_GOALS,
  formats: ['raw', 'overlay'],
  length: [8, 40],
  moves: [...TRANSACTIONS, ...BITMAP_MOVES, ...GUEST_MOVES.filter(({ name }) => name === 'change')],
  begin(sketch) {
    openDisks(sketch, 2);
    for (let count = sketch.draw.int(1, 3); count > 0; count--) playCommand(sketch, drawAdd(sketch));
  },
  end(sketch) {
    observeAll(sketch);
    if (sketch.format === 'overlay') playRestart(sketch, 'restart');
    else lookAtAll(sketch);
  },
});

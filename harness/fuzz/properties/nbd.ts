/** What clients of NBD exports see while nodes, bitmaps and other clients change. */
import { openAction } from '../draw/actions.js';
import { CLUSTER } from '../draw/edges.js';
import type { Sketch } from '../draw/sketch.js';
import { BITMAP_MOVES, drawAdd, playCommand } from '../moves/bitmaps.js';
import { EXPORT_MOVES, playClient } from '../moves/exports.js';
import type { Move } from '../moves/move.js';
import { someDisk } from '../moves/names.js';
import { playFewPlaces, playHandshake, playWriter } from '../moves/nbd/clients.js';
import { startServer } from '../moves/nbd/server.js';
import { goal } from '../reach/job-goals.js';
import { propertyOf } from './plan.js';

/** Whole clusters: what a file system makes of less is its own business, and shows in base:allocation. */
function playWhole(sketch: Sketch): void {
  const { draw } = sketch;
  const node = someDisk(sketch);
  if (node === undefined || node.size < CLUSTER) return;
  const clusters = Math.floor(node.size / CLUSTER);
  const first = draw.int(0, clusters - 1);
  const range = { offset: first * CLUSTER, length: CLUSTER * draw.int(1, Math.min(16, clusters - first)) };
  if (draw.chance(0.8)) sketch.io(node.name, { op: 'write', ...range, pattern: draw.int(1, 255) });
  else sketch.io(node.name, { op: 'discard', ...range });
}

const MOVES: readonly Move[] = [
  ...EXPORT_MOVES.filter(({ name }) => name !== 'client'),
  { name: 'client', weight: 8, make: (sketch) => playClient(sketch, true) },
  { name: 'writer', weight: 4, make: playWriter },
  { name: 'handshake', weight: 2, make: (sketch) => void playHandshake(sketch) },
  {
    name: 'few places',
    weight: 0.5,
    make: (sketch) => playFewPlaces(sketch, (one) => playClient(one, true)),
  },
  { name: 'whole clusters', weight: 5, make: playWhole },
  ...BITMAP_MOVES.map((move) => ({ ...move, weight: move.weight / 5 })),
];

export const nbd = propertyOf({
  name: 'nbd',
  summary: 'reads and block status of NBD clients, beside everything else that happens',
  rules: ['NBD-024', 'NBD-025', 'NBD-027'],
  goals: [
    goal('two exports of one node', (run) => {
      const nodes = run.machine.exports.all.map(({ edge }) => edge.child);
      return new Set(nodes).size < nodes.length;
    }),
    goal('an export with two bitmaps', (run) =>
      run.machine.exports.all.some(({ bitmaps }) => bitmaps.length > 1),
    ),
    goal('an export goes while a client uses it', (_, action, answer) => {
      return answer.ok && action.verb === 'qmp' && action.command === 'nbd-server-stop';
    }),
    goal('a client writes what a bitmap of its export marks', (run, action) => {
      if (action.verb !== 'nbd' || action.op !== 'request' || action.request !== 'write') return false;
      const node = run.client(action.connection)?.node;
      return node?.bitmaps.some(({ busy, enabled }) => busy && enabled) === true;
    }),
    goal('a server is full when it ends', (run, action) => {
      if (action.verb !== 'qmp' || action.command !== 'nbd-server-stop') return false;
      return run.clients.wasFull;
    }),
  ],
  formats: ['raw', 'overlay'],
  about: ['nbd'],
  length: [8, 40],
  moves: MOVES,
  begin(sketch) {
    for (let count = sketch.draw.int(1, 2); count > 0; count--) {
      sketch.play(openAction(sketch.fresh('disk'), CLUSTER * sketch.draw.pick([1, 2, 3, 16, 17, 64])));
    }
    for (let count = sketch.draw.int(1, 3); count > 0; count--) playCommand(sketch, drawAdd(sketch));
    startServer(sketch);
  },
  end: (sketch) => playClient(sketch, true),
});

/** Iothreads: nodes are moved there, and exports name them. Nobody should see a difference. */
import { members, type Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN } from '../names.js';
import { anyNode } from '../nodes.js';

const IDS = ['io0', 'io1'] as const;

type Told = { readonly [name: string]: number };

/** Small numbers: a thread that polls takes a processor. */
const RIGHT: readonly Told[] = [
  { 'poll-max-ns': 0 },
  { 'poll-max-ns': 1000, 'poll-grow': 2, 'poll-shrink': 3 },
  { 'poll-grow': 0, 'poll-shrink': 0 },
  { 'aio-max-batch': 1 },
  { 'thread-pool-max': 1 },
  { 'thread-pool-min': 2, 'thread-pool-max': 2 },
];

/** One thing that is wrong: which of several is named is for QEMU to choose. */
const WRONG: readonly Told[] = [
  { 'poll-max-ns': -1 },
  { 'poll-grow': -1 },
  { 'poll-shrink': -1 },
  { 'aio-max-batch': -1 },
  { 'thread-pool-min': -1 },
  { 'thread-pool-max': -1 },
  { 'thread-pool-max': 0 },
  { 'thread-pool-min': 65 },
  { 'thread-pool-min': 2, 'thread-pool-max': 1 },
  { 'thread-pool-max': 2 ** 31 },
];

/** The id of an iothread, mostly of one that is there. */
function someThread(sketch: Sketch): string {
  const { draw, run } = sketch;
  const there = [...run.machine.iothreads];
  return there.length === 0 || draw.chance(BROKEN) ? draw.pick(IDS) : draw.pick(there);
}

export function addThread(sketch: Sketch): void {
  const { draw } = sketch;
  const told = draw.chance(0.2) ? draw.pick(draw.chance(0.4) ? WRONG : RIGHT) : {};
  sketch.qmp('object-add', { 'qom-type': 'iothread', id: draw.pick(IDS), ...told });
}

export const THREAD_MOVES: readonly Move[] = [
  { name: 'iothread', weight: 0.6, make: addThread },
  {
    name: 'drop an iothread',
    weight: 0.5,
    make: (sketch) => void sketch.qmp('object-del', { id: someThread(sketch) }),
  },
  {
    name: 'move a node',
    weight: 4,
    make(sketch) {
      const { draw } = sketch;
      sketch.qmp('x-blockdev-set-iothread', {
        'node-name': anyNode(sketch),
        iothread: draw.chance(0.2) ? null : someThread(sketch),
        force: draw.pick([undefined, undefined, true, false]),
      });
    },
  },
  {
    name: 'export in an iothread',
    weight: 2,
    make(sketch) {
      const { draw } = sketch;
      const id = sketch.fresh('e');
      sketch.qmp(
        'block-export-add',
        members({
          type: 'nbd',
          id,
          'node-name': anyNode(sketch),
          name: id,
          iothread: someThread(sketch),
          writable: draw.pick([undefined, true]),
          'fixed-iothread': draw.chance(0.2) ? draw.chance(0.6) : undefined,
        }),
      );
    },
  },
];

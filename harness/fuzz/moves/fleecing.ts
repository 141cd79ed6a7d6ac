/** A disk as it was at one moment, read while a guest goes on writing. */
import { openAction } from '../draw/actions.js';
import { CLUSTER, diskSize } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { openTarget } from './backup/arguments.js';
import { playChange, playResize, readWhole, someRange } from './guest.js';
import type { Move } from './move.js';
import { bitmapsOf } from './names.js';
import { openLimited } from './options/blocks.js';

/** A disk with something on it, a filter above it, and a node that shows the moment. */
export function openMoment(sketch: Sketch): void {
  const { draw } = sketch;
  const size = diskSize(draw);
  sketch.play(openAction('disk', size));
  for (let count = draw.int(1, 4); count > 0; count--) {
    playChange(sketch, 'disk');
  }
  const kept = openTarget(sketch, draw.chance(0.1) ? size + CLUSTER : size);
  const target = draw.chance(0.15) ? openLimited(sketch, kept) : kept;
  const disk = draw.chance(0.1) ? openLimited(sketch, 'disk') : 'disk';
  const hasBitmap = draw.chance(0.3);
  if (hasBitmap) {
    sketch.qmp('block-dirty-bitmap-add', {
      node: 'disk',
      name: 'b0',
      granularity: draw.pick([512, 65536, 131072]),
    });
    for (let count = draw.int(0, 2); count > 0; count--) {
      playChange(sketch, 'disk');
    }
  }
  sketch.qmp('blockdev-add', {
    driver: 'copy-before-write',
    'node-name': 'filter',
    file: disk,
    target,
    'cbw-timeout': draw.chance(0.1) ? draw.pick([0, 3600]) : undefined,
    bitmap: hasBitmap ? members({ node: 'disk', name: 'b0' }) : undefined,
    'on-cbw-error': draw.pick([undefined, 'break-guest-write', 'break-snapshot']),
  });
  sketch.qmp('blockdev-add', { driver: 'snapshot-access', 'node-name': 'moment', file: 'filter' });
}

function readMoment(sketch: Sketch): void {
  const node = sketch.node('moment');
  if (node === undefined || node.size === 0) return;
  const { offset, length } = someRange(sketch, node);
  const first = sketch.run.machine.io('moment', { op: 'read', offset, length: 1 });
  const pattern = typeof first === 'string' ? 0 : first[0]!;
  sketch.io('moment', { op: 'read', offset, length, pattern });
}

export const FLEECING_MOVES: readonly Move[] = [
  { name: 'guest', weight: 8, make: (sketch) => playChange(sketch, 'filter') },
  { name: 'read the moment', weight: 4, make: readMoment },
  { name: 'read all of it', weight: 1.5, make: (sketch) => readWhole(sketch, 'moment', 12) },
  {
    name: 'read the disk',
    weight: 0.7,
    make: (sketch) => readWhole(sketch, sketch.draw.pick(['disk', 'filter']), 8),
  },
  {
    name: 'resize below the moment',
    weight: 0.4,
    make(sketch) {
      const node = sketch.node(sketch.draw.pick(['filter', 'filter', 'moment', 'disk']));
      if (node !== undefined) playResize(sketch, node);
    },
  },
  {
    name: 'give up a part',
    weight: 0.4,
    make(sketch) {
      const node = sketch.node('moment');
      if (node !== undefined) sketch.io('moment', { op: 'discard', ...someRange(sketch, node) });
    },
  },
  {
    name: 'bitmap command',
    weight: 1,
    make(sketch) {
      const node = sketch.node('disk');
      const name = sketch.draw.any(bitmapsOf(node))?.name;
      if (name === undefined) return;
      const verb = sketch.draw.pick(['clear', 'disable', 'remove']);
      sketch.qmp(`block-dirty-bitmap-${verb}`, { node: 'disk', name });
    },
  },
];

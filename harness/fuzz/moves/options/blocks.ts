/** Nodes that ask for whole blocks, or for requests in pieces: what is written through them, and which bitmaps mark how much of it. */
import type { Node } from '../../../../spec/block/node.js';
import { CLUSTER } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { playChange, readWhole } from '../guest.js';
import type { Move } from '../move.js';
import { BROKEN, bitmapsOf } from '../names.js';
import { drawCommon, type Options } from './common.js';

const ALIGNS = [512, 512, 4096, 4096, 16384, CLUSTER, 1, 2] as const;

/** Of a request for a whole disk. */
const MOST_PIECES = 64;

/** The options of `blkdebug` by which it cuts or widens requests, for a disk of `size` bytes; mostly ones that go together. */
export function drawLimits({ draw }: Sketch, size: number): Options {
  const isBroken = draw.chance(BROKEN);
  // What ends within a block is not written.
  const fitting = draw.chance(0.9) ? ALIGNS.filter((align) => size % align === 0) : ALIGNS;
  const align = isBroken
    ? draw.pick([0, 100, 3, 2 ** 31, -1])
    : draw.chance(0.7)
      ? draw.pick(fitting)
      : undefined;
  const unit = Math.max(512, Math.min(align ?? 1, CLUSTER));
  const of = (whole: number): number =>
    draw.chance(BROKEN) ? whole + 1 : whole * draw.pick([1, 1, 2, 3, 16]);
  // A request in thousands of pieces takes long, and finds nothing more.
  const atOnce = (whole: number): number => of(whole * Math.max(1, Math.ceil(size / whole / MOST_PIECES)));
  const zeros = draw.chance(0.3) ? of(unit) : undefined;
  const discards = draw.chance(0.3) ? of(unit) : undefined;
  return {
    align,
    'max-transfer': draw.chance(0.35) ? atOnce(unit) : undefined,
    'opt-write-zero': zeros,
    'max-write-zero': draw.chance(0.25) ? atOnce(Math.max(zeros ?? 0, unit)) : undefined,
    'opt-discard': discards,
    'max-discard': draw.chance(0.25) ? atOnce(Math.max(discards ?? 0, unit)) : undefined,
  };
}

/** A new node over `image` that has such limits. */
export function openLimited(sketch: Sketch, image: string): string {
  const name = sketch.fresh('blocks');
  const size = sketch.node(image)?.size ?? 0;
  const { 'read-only': _, ...common } = drawCommon(sketch);
  const options = { driver: 'blkdebug', 'node-name': name, image, ...common, ...drawLimits(sketch, size) };
  sketch.qmp('blockdev-add', members(options));
  return name;
}

/** Bitmaps as fine as can be on a node and on what is around it, so that each byte too many shows. */
function followFinely(sketch: Sketch, node: Node): void {
  const near = [node, ...node.children.map(({ child }) => child)];
  for (const one of near) {
    if (one.name.startsWith('#') || one.name.endsWith('-file') || bitmapsOf(one).length > 2) continue;
    const args = {
      node: one.name,
      name: sketch.fresh('fine'),
      granularity: sketch.draw.pick([512, 512, 1024, 4096]),
    };
    sketch.qmp('block-dirty-bitmap-add', args);
  }
}

function playLimited(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.disks.length >= 9) return;
  const below = draw.any(sketch.disks);
  if (below === undefined) return;
  const node = sketch.node(openLimited(sketch, below.name));
  if (node === undefined) return;
  followFinely(sketch, node);
  for (let count = draw.int(1, 3); count > 0; count--) playChange(sketch, node.name);
  for (const one of [node, below]) if (draw.chance(0.5)) sketch.observe(one.name);
  if (draw.chance(0.3)) readWhole(sketch, below.name, 8);
}

export const BLOCK_MOVES: readonly Move[] = [
  { name: 'whole blocks and pieces', weight: 0.8, make: playLimited },
];

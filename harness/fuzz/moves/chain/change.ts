/** What becomes of chains besides jobs: names of backing files, other backing files, sizes, removals, images opened again. */
import { imageBelow } from '../../../../spec/block/chain/walk.js';
import type { Node } from '../../../../spec/block/node.js';
import { openExisting } from '../../draw/actions.js';
import { newSize } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN, bitmapsOf } from '../names.js';
import { closedImages } from '../persistence.js';
import { fileOf } from './jobs.js';
import { heads, images, membersOf } from './members.js';

function playNewName(sketch: Sketch): void {
  const { draw } = sketch;
  const head = draw.any(draw.chance(BROKEN) ? sketch.disks : heads(sketch));
  if (head === undefined) return;
  const chain = membersOf(head);
  const image = draw.any(draw.chance(BROKEN) ? sketch.disks : chain) ?? head;
  const below = draw.any(membersOf(image).slice(1));
  const name = below === undefined || draw.chance(0.1) ? draw.pick(['', 'elsewhere']) : fileOf(below);
  sketch.qmp('change-backing-file', {
    device: head.name,
    'image-node-name': image.name,
    'backing-file': name,
  });
}

/** Another image below, mostly one of the same chain: what was between goes out of it. */
function playOtherBacking(sketch: Sketch): void {
  const { draw } = sketch;
  const image = draw.any(images(sketch).filter(({ name }) => name.startsWith('image')));
  if (image === undefined) return;
  const below = draw.any(draw.chance(0.2) ? sketch.disks : membersOf(image).slice(1));
  const backing = draw.chance(0.25) ? null : (below?.name ?? null);
  const option = members({
    driver: '{format}',
    'node-name': image.name,
    file: `${image.name}-file`,
    backing,
    discard: 'unmap',
    'read-only': draw.pick([undefined, false, true]),
  });
  sketch.qmp('blockdev-reopen', { options: [option] });
}

/** What is added reads as zeros; how much of it an image says itself, over a longer one, is for its format to choose. */
function playResize(sketch: Sketch, node: Node): void {
  const before = node.size;
  const answer = sketch.qmp('block_resize', { 'node-name': node.name, size: newSize(sketch.draw, before) });
  const added = { offset: before, length: node.size - before };
  if (answer?.ok !== true || added.length <= 0 || (imageBelow(node)?.size ?? 0) <= before) return;
  sketch.io(node.name, { op: 'read', ...added, pattern: 0 });
  sketch.io(node.name, { op: 'zero', ...added });
}

function playDel(sketch: Sketch): void {
  const { draw } = sketch;
  const free = sketch.disks.filter(({ parents }) => parents.length === 0);
  const node = draw.any(draw.chance(0.4) ? sketch.disks : free);
  // The last chain stays.
  if (node === undefined || (heads(sketch).length < 2 && isAlone(node))) return;
  sketch.qmp('blockdev-del', { 'node-name': node.name });
}

function isAlone({ parents, driver }: Node): boolean {
  return parents.length === 0 && driver.backing !== undefined;
}

/** An image that was closed, over what it stood on or over something else. */
function playOpenAgain(sketch: Sketch): void {
  const { draw } = sketch;
  const name = draw.any(closedImages(sketch).filter((image) => image.startsWith('image')));
  if (name === undefined) return;
  const backing = draw.chance(0.3) ? null : (draw.any(images(sketch))?.name ?? null);
  sketch.play(openExisting(name, { backing, readOnly: draw.chance(0.1) }));
}

export const CHANGE_MOVES: readonly Move[] = [
  { name: 'change backing file', weight: 0.7, make: playNewName },
  { name: 'other backing', weight: 0.6, make: playOtherBacking },
  { name: 'del', weight: 1.5, make: playDel },
  { name: 'open again', weight: 0.6, make: playOpenAgain },
  {
    name: 'resize',
    weight: 1.2,
    make(sketch) {
      const { draw } = sketch;
      const node = draw.any(draw.chance(0.6) ? heads(sketch) : images(sketch));
      if (node !== undefined) playResize(sketch, node);
    },
  },
  { name: 'graph', weight: 1, make: (sketch) => void sketch.play({ verb: 'graph' }) },
  {
    name: 'look at bitmaps',
    weight: 0.7,
    make(sketch) {
      const node = sketch.draw.any(sketch.disks.filter((one) => bitmapsOf(one).length > 0));
      if (node !== undefined) sketch.observe(node.name);
    },
  },
];

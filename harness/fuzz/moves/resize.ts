/** Sizes that change below whoever looks: any node is resized, or gets another one below it, and then its end is written and read. */
import type { Node } from '../../../spec/block/node.js';
import { followersOf } from '../../../spec/block/resize.js';
import { CLUSTER, newSize } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { bitmapsOf } from './names.js';
import { anyNode } from './nodes.js';

/** The node itself, one that it stands on, or one whose size follows its own. */
function relative(sketch: Sketch, node: Node): Node {
  const { draw } = sketch;
  const below = node.children.filter((edge) => node.driver.follows(edge)).map(({ child }) => child);
  const near = [...followersOf(node), ...below].filter(({ name }) => !name.startsWith('#'));
  return draw.chance(0.6) ? (draw.any(near) ?? node) : node;
}

/** What was added or is left at the end: a write, or a read of what the model has there. */
function useEnd(sketch: Sketch, node: Node): void {
  const { draw } = sketch;
  if (node.size === 0) return;
  const length = Math.min(node.size, draw.pick([1, 512, 4096, CLUSTER + 512]));
  const offset = node.size - length;
  if (draw.chance(0.6)) sketch.io(node.name, { op: 'write', offset, length, pattern: draw.int(1, 255) });
  else {
    const bytes = sketch.run.machine.io(node.name, { op: 'read', offset, length });
    if (typeof bytes === 'string') return;
    const to = bytes.findIndex((byte) => byte !== bytes[0]);
    sketch.io(node.name, { op: 'read', offset, length: to < 0 ? length : to, pattern: bytes[0]! });
  }
  if (bitmapsOf(node).length > 0 && draw.chance(0.5)) sketch.observe(node.name);
}

function playResize(sketch: Sketch): void {
  const { draw } = sketch;
  const node = sketch.node(anyNode(sketch));
  if (node === undefined) return;
  const answer = sketch.qmp('block_resize', { 'node-name': node.name, size: newSize(draw, node.size) });
  if (answer?.ok !== true) return;
  for (let count = draw.int(0, 2); count > 0; count--) useEnd(sketch, relative(sketch, node));
}

/** A `raw` node gets another child, of another size, or another part of its own. */
function playReplace(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.any(sketch.disks.filter(({ driver }) => driver.name === 'raw'));
  if (node === undefined) return;
  const own = node.edge('file')?.child.name;
  const file = draw.chance(0.8) ? anyNode(sketch) : own;
  const size = sketch.node(file ?? '')?.size ?? 0;
  const offset = draw.chance(0.15) ? 512 * draw.int(0, Math.floor(size / 512)) : undefined;
  const options = members({
    driver: 'raw',
    'node-name': node.name,
    file,
    offset,
    size: draw.chance(0.1) ? 512 * draw.int(0, Math.floor((size - (offset ?? 0)) / 512)) : undefined,
    discard: 'unmap',
    'read-only': node.readOnly ? true : undefined,
  });
  const answer = sketch.qmp('blockdev-reopen', { options: [options] });
  if (answer?.ok === true) useEnd(sketch, node);
}

export const RESIZE_MOVES: readonly Move[] = [
  { name: 'resize anything', weight: 2, make: playResize },
  { name: 'another child', weight: 1, make: playReplace },
];

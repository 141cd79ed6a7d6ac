/** Names in the arguments of a step: mostly of what there is, now and then of what there is not. */
import type { DirtyBitmap } from '../../../spec/bitmap/dirty-bitmap.js';
import type { Node } from '../../../spec/block/node.js';
import type { Sketch } from '../draw/sketch.js';

/** How often a precondition is broken on purpose. */
export const BROKEN = 0.04;

export function someDisk(sketch: Sketch): Node | undefined {
  return sketch.draw.any(sketch.disks);
}

/** The name, now and then made as long as it may be, or one character longer. */
export function atLimit({ draw }: Sketch, name: string, most: number): string {
  return draw.chance(BROKEN) ? name.padEnd(most + draw.pick([0, 0, 1]), 'x') : name;
}

/** Characters in the name of a node. */
export const NODE_NAME = 31;

/** A node for a command on bitmaps; rarely one that is not there, or the file below a disk. */
export function nodeName(sketch: Sketch): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.pick(['nowhere', '', 'b0']);
  // The file of an image holds what its format likes.
  const all = sketch.format === 'raw' && draw.chance(0.05) ? sketch.run.nodes : sketch.disks;
  return draw.any(all)?.name ?? 'nowhere';
}

/** Named bitmaps of a node. */
export function bitmapsOf(node: Node | undefined): readonly (DirtyBitmap & { readonly name: string })[] {
  return (node?.bitmaps ?? []).filter(
    (bitmap): bitmap is DirtyBitmap & { readonly name: string } => bitmap.name !== null,
  );
}

const NAMES = ['b0', 'b1', 'b2', 'b3', 'b4'] as const;

/** The name of a bitmap of the node, mostly. */
export function bitmapName(sketch: Sketch, node: string): string {
  const there = bitmapsOf(sketch.node(node));
  if (there.length === 0 || sketch.draw.chance(BROKEN)) return sketch.draw.pick(NAMES);
  return sketch.draw.pick(there).name;
}

/** The name of a new bitmap, mostly one that the node has not. */
export function newBitmapName(sketch: Sketch, node: string): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN / 2)) return draw.pick(['', 'x'.repeat(1023), 'x'.repeat(1024), 'b 0', 'ü']);
  const there = new Set<string | null>(bitmapsOf(sketch.node(node)).map(({ name }) => name));
  const free = NAMES.filter((name) => !there.has(name));
  return free.length === 0 || draw.chance(BROKEN) ? draw.pick(NAMES) : draw.pick(free);
}

/** A node that has bitmaps, or any. */
export function nodeWithBitmaps(sketch: Sketch): string {
  const { draw } = sketch;
  const having = sketch.disks.filter((node) => bitmapsOf(node).length > 0);
  return having.length === 0 || draw.chance(BROKEN) ? nodeName(sketch) : draw.pick(having).name;
}

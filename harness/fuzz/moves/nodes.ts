/** What makes, ends and changes nodes: filters over them, overlays, reopening, and the removal of anything at any time. */
import type { Node } from '../../../spec/block/node.js';
import type { JsonObject } from '../../../spec/json/value.js';
import { openAction, openExisting } from '../draw/actions.js';
import { diskSize } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { atLimit, BROKEN, bitmapsOf, NODE_NAME } from './names.js';
import { drawLimits } from './options/blocks.js';
import { drawCommon, type Options } from './options/common.js';
import { playReopen } from './reopen.js';

/** More nodes than these make histories long, not better. */
const MOST_NODES = 9;

/** Any node, also one below another; rarely one that is not there. */
export function anyNode(sketch: Sketch): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.pick(['nowhere', '', 'disk0']);
  // The file of an image holds what its format likes.
  const all = sketch.format === 'raw' ? sketch.run.nodes : sketch.disks;
  return draw.any(all)?.name ?? 'nowhere';
}

function hasRoom(sketch: Sketch): boolean {
  return sketch.disks.length < MOST_NODES;
}

/** A new disk, over another one where the format has backing files. */
export function openDisk(sketch: Sketch, size = diskSize(sketch.draw)): string {
  const { draw } = sketch;
  const node = sketch.fresh('disk');
  const isNull = draw.chance(0.15);
  const below =
    sketch.format === 'overlay' && !isNull ? draw.pick([undefined, null, someImage(sketch)]) : undefined;
  sketch.play(
    openAction(node, size, {
      driver: isNull ? 'null-co' : 'format',
      discard: draw.chance(0.9) ? 'unmap' : 'ignore',
      readOnly: draw.chance(0.05),
      ...(below === undefined ? {} : { backing: below }),
    }),
  );
  return node;
}

/** A disk that an `open` made as an image, for a backing file. */
function someImage(sketch: Sketch): string | null {
  const images = sketch.disks.filter(({ driver }) => driver.name === sketch.run.model.formatDriver);
  return sketch.draw.any(images.filter(({ name }) => name.startsWith('disk')))?.name ?? null;
}

/** The options of a node over one that is there. */
function drawOver(sketch: Sketch, below: string): JsonObject {
  const { draw } = sketch;
  const name = atLimit(sketch, sketch.fresh('over'), NODE_NAME);
  const common: Options = { 'node-name': name, ...drawCommon(sketch) };
  const size = sketch.node(below)?.size ?? 0;
  switch (draw.weighted([5, 2, 1, 1, 1, 1])) {
    case 0: {
      const offset = draw.chance(0.25) ? 512 * draw.int(0, Math.floor(size / 512)) : undefined;
      const part = draw.chance(0.2) ? 512 * draw.int(0, Math.floor((size - (offset ?? 0)) / 512)) : undefined;
      return members({ driver: 'raw', ...common, file: below, offset, size: part });
    }
    case 1:
      return members({ driver: 'copy-on-read', ...common, file: below });
    case 2:
      return members({
        driver: 'copy-before-write',
        ...common,
        file: below,
        target: anyNode(sketch),
        // Longer than any test: it cannot pass.
        'cbw-timeout': draw.chance(0.15) ? draw.pick([0, 3600, 2 ** 32 - 1]) : undefined,
      });
    case 3:
      return members({ driver: 'snapshot-access', ...common, file: below });
    case 4:
      return members({ driver: 'blkdebug', ...common, image: below, ...drawLimits(sketch, size) });
    default:
      // What it reads as without read-zeroes is anything; so short a time is over before anybody looks.
      return members({
        driver: 'null-co',
        ...common,
        size: diskSize(draw),
        'read-zeroes': true,
        'latency-ns': draw.chance(0.15) ? draw.pick([0, 1, 1000, -1]) : undefined,
      });
  }
}

/** The name of a node; one that was made up is different on every implementation, so another node is taken then. */
export function shown(sketch: Sketch, node: Node | null | undefined): string | undefined {
  return node?.name.startsWith('#') === true ? anyNode(sketch) : node?.name;
}

/** A node goes; what was an image is there again, mostly. */
export function playRemoval(sketch: Sketch, name: string): void {
  const node = sketch.node(name);
  const isImage = node?.driver.name === sketch.run.model.formatDriver && name.startsWith('disk');
  const answer = sketch.qmp('blockdev-del', { 'node-name': name });
  if (isImage && answer?.ok === true && sketch.draw.chance(0.6)) playOpenAgain(sketch, name);
}

/** An image that was closed is opened again, writable or not. */
export function playOpenAgain(sketch: Sketch, node: string): void {
  sketch.play(openExisting(node, { readOnly: sketch.draw.chance(0.2) }));
}

export const NODE_MOVES: readonly Move[] = [
  {
    name: 'open',
    weight: 2,
    make(sketch) {
      if (hasRoom(sketch)) openDisk(sketch);
    },
  },
  {
    name: 'over',
    weight: 5,
    make(sketch) {
      if (hasRoom(sketch)) sketch.qmp('blockdev-add', drawOver(sketch, anyNode(sketch)));
    },
  },
  { name: 'del', weight: 4, make: (sketch) => playRemoval(sketch, anyNode(sketch)) },
  { name: 'reopen', weight: 2.5, make: playReopen },
  {
    name: 'snapshot',
    weight: 2,
    make(sketch) {
      sketch.qmp('blockdev-snapshot', { node: anyNode(sketch), overlay: anyNode(sketch) });
    },
  },
  { name: 'graph', weight: 1.5, make: (sketch) => void sketch.play({ verb: 'graph' }) },
];

/** Every disk, with what it says of itself. */
export function lookAtAll(sketch: Sketch): void {
  sketch.play({ verb: 'graph' });
  for (const node of [...sketch.disks]) if (bitmapsOf(node).length > 0) sketch.observe(node.name);
}

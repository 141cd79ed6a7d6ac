/** Chains come to be: images over images, filters and faults between them, and snapshots, also with what becomes of bitmaps. */
import type { Node } from '../../../../spec/block/node.js';
import type { JsonObject } from '../../../../spec/json/value.js';
import { openAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { asAction, drawAny } from '../bitmaps.js';
import { openFaulty } from '../faulty.js';
import { playChange } from '../guest.js';
import type { Move } from '../move.js';
import { BROKEN, bitmapsOf } from '../names.js';
import { freeImages } from '../persistence.js';
import { guestOf, heads, images } from './members.js';

/** More images make histories long, not better. */
const MOST_IMAGES = 7;

/** More bytes than a job copies at once, in clusters, with and without a tail. */
function firstSize({ draw }: Sketch): number {
  return CLUSTER * draw.int(2, 14) + draw.pick([0, 0, 512, 4096, CLUSTER - 512]);
}

/** The size of what is put over an image: the same, shorter or longer. */
function sizeOver({ draw }: Sketch, below: number): number {
  switch (draw.weighted([4, 2, 2])) {
    case 0:
      return below;
    case 1:
      return Math.max(512, below - draw.pick([512, CLUSTER, CLUSTER + 512, 4 * CLUSTER]));
    default:
      return below + draw.pick([512, CLUSTER, CLUSTER + 512, 4 * CLUSTER]);
  }
}

/** A new image over a node, or over none, with something in it. */
function openImage(sketch: Sketch, size: number, backing: string | null): string {
  const { draw } = sketch;
  const name = sketch.fresh('image');
  const discard = draw.chance(0.8) ? 'unmap' : 'ignore';
  sketch.play(openAction(name, size, { backing, discard, readOnly: draw.chance(0.04) }));
  for (let count = draw.int(0, 3); count > 0; count--) playChange(sketch, name);
  return name;
}

/** What the next image stands on: the image itself, mostly, or something over it. */
function between(sketch: Sketch, image: string, faults: number): string {
  const { draw } = sketch;
  const size = sketch.node(image)?.size ?? 0;
  if (draw.chance(faults)) return openFault(sketch, image, size);
  return draw.chance(0.08) ? openFilter(sketch, image) : image;
}

/** Something over a node that changes nothing. */
function openFilter(sketch: Sketch, below: string): string {
  const name = sketch.fresh('plain');
  sketch.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': name, image: below });
  return name;
}

/** A filter on top, for guests. */
function openHead(sketch: Sketch, below: string): void {
  if (sketch.draw.chance(0.5)) openFilter(sketch, below);
  else sketch.qmp('blockdev-add', { driver: 'copy-on-read', 'node-name': sketch.fresh('cor'), file: below });
}

/** A fault that comes once, or always. */
function openFault(sketch: Sketch, image: string, size: number): string {
  const { draw } = sketch;
  // What is not there is not read.
  if (draw.chance(0.7)) sketch.io(image, { op: 'write', offset: 0, length: size, pattern: draw.int(1, 255) });
  return openFaulty(sketch, image, size, {
    iotype: draw.pick(['read', 'write']),
    isOnce: draw.chance(0.6),
    errno: draw.pick([5, 28]),
  });
}

/** A chain of images, the lowest first. */
export function buildChain(sketch: Sketch, most: number): void {
  const { draw } = sketch;
  const faults = draw.pick([0, 0, 0.5]);
  let size = firstSize(sketch);
  let below: string | null = null;
  for (let count = draw.int(2, most); count > 0; count--) {
    const image = openImage(sketch, size, below);
    if (sketch.node(image) === undefined) return;
    size = sizeOver(sketch, size);
    below = count > 1 ? between(sketch, image, faults) : image;
  }
  // Who has an overlay made for a node has to use that node.
  if (below !== null && draw.chance(0.2)) openHead(sketch, below);
  else if (below !== null && draw.chance(faults / 2)) openFault(sketch, below, size);
}

function hasRoom(sketch: Sketch): boolean {
  return images(sketch).length < MOST_IMAGES;
}

function playOverlay(sketch: Sketch): void {
  const below = sketch.draw.any(images(sketch));
  if (below === undefined || !hasRoom(sketch)) return;
  openImage(sketch, sizeOver(sketch, below.size), below.name);
}

/** The node that gets an overlay: what is on top, or stands right below a filter. */
function someTop(sketch: Sketch): Node | undefined {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.any(sketch.disks);
  const free = images(sketch).filter(({ parents }) => parents.every(({ role }) => role !== 'backing'));
  return draw.any(free);
}

/** Images of the chain that nobody has open. */
function closedMembers(sketch: Sketch): string[] {
  return freeImages(sketch).filter((name) => name.startsWith('image'));
}

function drawSnapshot(sketch: Sketch, node: Node): { readonly action: JsonObject; readonly overlay: string } {
  const { draw } = sketch;
  const isUsed = guestOf(node) !== node || node.parents.length > 0;
  if (draw.chance(isUsed ? 0.5 : BROKEN)) {
    const overlay = sketch.fresh('snap');
    const closed = draw.chance(0.3) ? draw.any(closedMembers(sketch)) : undefined;
    const data = members({
      'node-name': node.name,
      'snapshot-node-name': overlay,
      'snapshot-file': closed === undefined ? `$${overlay}` : `$${closed}.img`,
      format: '{format}',
      mode: closed === undefined ? draw.pick([undefined, undefined, 'absolute-paths']) : 'existing',
    });
    return { action: members({ type: 'blockdev-snapshot-sync', data }), overlay };
  }
  const overlay = sketch.fresh('image');
  const hasOwn = draw.chance(BROKEN) ? { backing: node.name } : { backing: null };
  sketch.play(openAction(overlay, sizeOver(sketch, node.size), hasOwn));
  return {
    action: members({ type: 'blockdev-snapshot', data: members({ node: node.name, overlay }) }),
    overlay,
  };
}

function playSnapshot(sketch: Sketch): void {
  const node = someTop(sketch);
  if (node === undefined || !hasRoom(sketch)) return;
  const { action } = drawSnapshot(sketch, node);
  sketch.qmp(String(action.type), action.data as JsonObject);
}

/** A snapshot, and at the same moment what is to become of bitmaps: copied up, begun anew, switched off. */
function playSnapshotWithBitmaps(sketch: Sketch): void {
  const { draw } = sketch;
  const node = someTop(sketch);
  if (node === undefined || !hasRoom(sketch)) return;
  const before = draw.chance(0.5) ? [asAction(drawAny(sketch))] : [];
  const { action, overlay } = drawSnapshot(sketch, node);
  const old = draw.any(bitmapsOf(node))?.name;
  const name = old ?? 'b0';
  const after: JsonObject[] = [];
  if (draw.chance(0.8)) {
    const data = members({ node: overlay, name, persistent: draw.chance(0.3) ? true : undefined });
    after.push(members({ type: 'block-dirty-bitmap-add', data }));
    if (old !== undefined && draw.chance(0.7)) {
      const from = [members({ node: node.name, name: old })];
      after.push(
        members({
          type: 'block-dirty-bitmap-merge',
          data: members({ node: overlay, target: name, bitmaps: from }),
        }),
      );
    }
  }
  if (old !== undefined && draw.chance(0.5)) {
    const verb = draw.pick(['disable', 'clear', 'remove']);
    after.push(
      members({ type: `block-dirty-bitmap-${verb}`, data: members({ node: node.name, name: old }) }),
    );
  }
  const end = draw.chance(0.2) ? [members({ type: 'abort', data: members({}) })] : [];
  sketch.qmp('transaction', { actions: [...before, action, ...after, ...end] });
}

export const BUILD_MOVES: readonly Move[] = [
  { name: 'overlay', weight: 1, make: playOverlay },
  { name: 'snapshot', weight: 1.5, make: playSnapshot },
  { name: 'snapshot with bitmaps', weight: 1, make: playSnapshotWithBitmaps },
  {
    name: 'filter on top',
    weight: 0.4,
    make(sketch) {
      const head = sketch.draw.any(heads(sketch));
      if (head !== undefined && sketch.disks.length < 12) openHead(sketch, head.name);
    },
  },
];

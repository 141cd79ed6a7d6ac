/** Overlays that `blockdev-snapshot-sync` makes, or opens where they are there, over images with bitmaps, alone and in transactions. */
import type { Node } from '../../../../spec/block/node.js';
import type { JsonObject } from '../../../../spec/json/value.js';
import { openAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN, bitmapsOf } from '../names.js';
import { freeImages } from '../persistence.js';

/** More nodes than these make histories long, not better. */
const MOST_NODES = 9;

/** An image whose guests get the overlay; the overlay of one without any goes at once. */
function someImage(sketch: Sketch): Node | undefined {
  const { draw, run } = sketch;
  if (draw.chance(BROKEN)) return draw.any(sketch.disks);
  const free = sketch.disks.filter(
    ({ driver, parents }) =>
      driver.name === run.model.formatDriver && parents.every(({ role }) => role !== 'backing'),
  );
  const used = free.filter(({ parents }) => parents.length > 0);
  const node = (draw.chance(0.7) ? draw.any(used) : undefined) ?? draw.any(free);
  if (node !== undefined && node.parents.length === 0 && draw.chance(0.8))
    sketch.qmp('blockdev-add', { driver: 'raw', 'node-name': sketch.fresh('over'), file: node.name });
  return node;
}

/** An image that nobody has open, mostly a new one of that size, with bitmaps and clusters of its own. Returns its name. */
export function closedImage(sketch: Sketch, size: number): string {
  const { draw } = sketch;
  const isOverlay = sketch.format === 'overlay';
  const closed = draw.chance(0.3) ? draw.any(freeImages(sketch)) : undefined;
  if (closed !== undefined) return closed;
  const name = sketch.fresh('disk');
  sketch.play(openAction(name, draw.chance(0.9) ? size : size + CLUSTER, isOverlay ? { backing: null } : {}));
  if (isOverlay && draw.chance(0.6))
    sketch.qmp('block-dirty-bitmap-add', {
      node: name,
      name: draw.pick(['b0', 'b1']),
      persistent: true,
      disabled: draw.chance(0.2) ? true : undefined,
    });
  if (size > 0 && draw.chance(0.3))
    sketch.io(name, { op: 'write', offset: 0, length: Math.min(size, CLUSTER), pattern: draw.int(1, 255) });
  sketch.qmp('blockdev-del', { 'node-name': name });
  return name;
}

/** The arguments for an overlay of the node. */
export function drawSync(sketch: Sketch, { name, size }: Node): JsonObject {
  const { draw } = sketch;
  const isThere = draw.chance(0.5);
  const image = isThere && !draw.chance(BROKEN) ? closedImage(sketch, size) : sketch.fresh('disk');
  return members({
    'node-name': name,
    // What was closed is mostly there again by its name.
    'snapshot-node-name': draw.chance(0.8) ? image : sketch.fresh('disk'),
    'snapshot-file': `$${image}.img`,
    format: '{format}',
    mode: isThere ? 'existing' : draw.pick([undefined, 'absolute-paths']),
  });
}

function playSync(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.format !== 'overlay' || sketch.disks.length >= MOST_NODES) return;
  const node = someImage(sketch);
  if (node === undefined) return;
  const data = drawSync(sketch, node);
  if (draw.chance(0.6)) {
    sketch.qmp('blockdev-snapshot-sync', data);
    return;
  }
  const overlay = String(data['snapshot-node-name']);
  const actions: JsonObject[] = [members({ type: 'blockdev-snapshot-sync', data })];
  for (const { name } of bitmapsOf(node)) {
    if (draw.chance(0.4)) actions.unshift(onBitmap('disable', node.name, name));
    if (draw.chance(0.3)) actions.push(onBitmap('add', overlay, name, draw.pick([undefined, true])));
    if (draw.chance(0.1)) actions.push(onBitmap(draw.pick(['remove', 'clear']), node.name, name));
  }
  if (draw.chance(0.2)) actions.push(members({ type: 'abort', data: members({}) }));
  sketch.qmp('transaction', { actions });
}

function onBitmap(verb: string, node: string, name: string, persistent?: boolean): JsonObject {
  return members({ type: `block-dirty-bitmap-${verb}`, data: members({ node, name, persistent }) });
}

export const SYNC_MOVES: readonly Move[] = [{ name: 'overlay by its file', weight: 1, make: playSync }];

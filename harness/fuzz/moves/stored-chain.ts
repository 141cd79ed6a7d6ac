/** Chains of images with stored bitmaps: snapshots over them, merges between them, images that become read-only, jobs, and restarts in between. */
import type { Node } from '../../../spec/block/node.js';
import type { JsonObject } from '../../../spec/json/value.js';
import { openAction, openExisting } from '../draw/actions.js';
import { granularity } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { asAction, drawOnOne } from './bitmaps.js';
import type { Move } from './move.js';
import { BROKEN, bitmapsOf, newBitmapName } from './names.js';
import { closedImages, images, playTool } from './persistence.js';

/** More of them make histories long, not better. */
const MOST_IMAGES = 5;

function chain(sketch: Sketch): Node[] {
  const names = new Set(images(sketch));
  return sketch.disks.filter(({ name }) => names.has(name));
}

/** An image that nobody stands on. */
function tops(sketch: Sketch): Node[] {
  return chain(sketch).filter(({ parents }) => parents.length === 0);
}

/** A bitmap that is stored, on any image of the chain. */
function addStored(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.any(chain(sketch));
  if (node !== undefined) sketch.qmp('block-dirty-bitmap-add', storedOn(sketch, node));
}

function storedOn(sketch: Sketch, node: Node): JsonObject {
  const { draw } = sketch;
  return members({
    node: node.name,
    name: newBitmapName(sketch, node.name),
    granularity: draw.chance(0.3) ? undefined : granularity(draw, node.size),
    persistent: draw.chance(0.85) ? true : undefined,
    disabled: draw.chance(0.2) ? true : undefined,
  });
}

/** A new image over the newest, alone or in one transaction with what is to happen to bitmaps at that moment. */
function playSnapshot(sketch: Sketch): void {
  const { draw } = sketch;
  const below = draw.any(tops(sketch));
  if (below === undefined || images(sketch).length >= MOST_IMAGES) return;
  const overlay = sketch.fresh('disk');
  sketch.play(openAction(overlay, draw.chance(0.8) ? below.size : below.size + 65536, { backing: null }));
  const snapshot = members({
    type: 'blockdev-snapshot',
    data: members({ node: below.name, overlay }),
  });
  const actions: JsonObject[] = [snapshot];
  for (const { name } of bitmapsOf(below)) {
    if (draw.chance(0.4)) actions.unshift(onBitmap('disable', below.name, name));
    if (draw.chance(0.3))
      actions.push(members({ type: 'block-dirty-bitmap-add', data: copyOf(name, overlay) }));
    if (draw.chance(0.1)) actions.push(onBitmap(draw.pick(['remove', 'clear']), below.name, name));
  }
  if (draw.chance(0.2)) actions.push(asAction(drawOnOne(sketch, 'clear')));
  if (draw.chance(0.2)) actions.push(members({ type: 'abort', data: members({}) }));
  if (actions.length === 1) sketch.qmp('blockdev-snapshot', members({ node: below.name, overlay }));
  else sketch.qmp('transaction', { actions });
}

/** A new image that says itself what it stands on. */
function playOverlay(sketch: Sketch): void {
  const below = sketch.draw.any(tops(sketch));
  if (below === undefined || images(sketch).length >= MOST_IMAGES) return;
  sketch.play(openAction(sketch.fresh('disk'), below.size, { backing: below.name }));
}

function copyOf(name: string, node: string): JsonObject {
  return members({ node, name, persistent: true });
}

function onBitmap(verb: string, node: string, name: string): JsonObject {
  return members({ type: `block-dirty-bitmap-${verb}`, data: members({ node, name }) });
}

/** What an image below has is taken into a bitmap above, or the other way round. */
function playMerge(sketch: Sketch): void {
  const { draw } = sketch;
  const having = chain(sketch).filter((node) => bitmapsOf(node).length > 0);
  const [node, from] = [draw.any(having), draw.any(having)];
  if (node === undefined || from === undefined) return;
  const target = draw.pick(bitmapsOf(node)).name;
  const name = draw.pick(bitmapsOf(from)).name;
  sketch.qmp('block-dirty-bitmap-merge', {
    node: node.name,
    target,
    bitmaps: [members({ node: from.name, name })],
  });
}

/** Any image becomes read-only, or writable, and keeps what is below it. */
function playSwitch(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.any(chain(sketch));
  // What was opened with the image has no name that can be said.
  if (node?.driver.backing === undefined || node.backing?.name.startsWith('#') === true) return;
  sketch.qmp('blockdev-reopen', {
    options: [
      members({
        driver: '{format}',
        'node-name': node.name,
        file: `${node.name}-file`,
        'read-only': draw.chance(BROKEN) ? undefined : !node.readOnly,
        discard: 'unmap',
        backing: node.backing?.name ?? null,
      }),
    ],
  });
}

/** Everything ends, and is opened again: each image by itself from below, or the upper ones with what they say is below. */
function playRestart(sketch: Sketch): void {
  const { draw, run } = sketch;
  if (run.jobs.length > 0) return;
  const below = new Map(chain(sketch).map((node) => [node.name, stoodOn(node)]));
  sketch.play({ verb: 'restart' });
  if (draw.chance(0.2)) playTool(sketch);
  openAgain(sketch, below);
  for (const node of chain(sketch)) if (bitmapsOf(node).length > 0) sketch.observe(node.name);
}

/** The image below, null if there is none; undefined if it was opened with the one above, and has no name that can be said. */
function stoodOn({ backing }: Node): string | null | undefined {
  return backing?.name.startsWith('#') === true ? undefined : (backing?.name ?? null);
}

/** @param below what each image stood on */
function openAgain(sketch: Sketch, below: ReadonlyMap<string, string | null | undefined>): void {
  const { draw } = sketch;
  const isByOne = draw.chance(0.7);
  const closed = new Set(closedImages(sketch));
  const open = (name: string): void => {
    if (!closed.delete(name)) return;
    const backing = isByOne ? below.get(name) : undefined;
    if (typeof backing === 'string') open(backing);
    const isThere = backing === null || (backing !== undefined && sketch.node(backing) !== undefined);
    const readOnly = draw.chance(0.15);
    sketch.play(openExisting(name, isThere ? { readOnly, backing } : { readOnly }));
  };
  const lower = new Set(below.values());
  for (const name of [...closed]) if (!lower.has(name)) open(name);
  if (isByOne) for (const name of [...closed]) open(name);
}

/** The newest image goes, and what it stood on is opened by itself again. */
function playClose(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.any(tops(sketch));
  if (node === undefined) return;
  const below = new Map([[node.name, stoodOn(node)]]);
  const answer = sketch.qmp('blockdev-del', { 'node-name': node.name });
  if (answer?.ok === true && draw.chance(0.8)) openAgain(sketch, below);
}

/** A backup by a stored bitmap, which is held at its end or fails; guests go on meanwhile. */
function playBackup(sketch: Sketch): void {
  const { draw, run } = sketch;
  const node = draw.any(chain(sketch).filter((one) => bitmapsOf(one).length > 0));
  if (node === undefined || run.jobs.length > 0) return;
  const target = sketch.fresh('target');
  sketch.play(openAction(target, node.size, { driver: 'null-co' }));
  const id = sketch.fresh('j');
  const answer = sketch.qmp('blockdev-backup', {
    'job-id': id,
    device: node.name,
    target,
    bitmap: draw.pick(bitmapsOf(node)).name,
    sync: 'bitmap',
    'bitmap-mode': draw.pick(['on-success', 'always', 'never']),
    'auto-finalize': draw.pick([undefined, false]),
  });
  if (answer?.ok !== true) return;
  sketch.rest();
}

function endBackup(sketch: Sketch): void {
  const job = sketch.run.jobs[0];
  if (job === undefined) return;
  sketch.qmp(sketch.draw.pick(['job-finalize', 'job-finalize', 'job-cancel']), { id: job.id });
  sketch.rest();
}

export const STORED_CHAIN_MOVES: readonly Move[] = [
  { name: 'stored bitmap', weight: 4, make: addStored },
  { name: 'snapshot of stored bitmaps', weight: 3, make: playSnapshot },
  { name: 'overlay', weight: 2, make: playOverlay },
  { name: 'merge between images', weight: 3, make: playMerge },
  { name: 'read-only or not, in a chain', weight: 2.5, make: playSwitch },
  { name: 'restart of a chain', weight: 2, make: playRestart },
  { name: 'close the newest', weight: 1, make: playClose },
  { name: 'backup by a stored bitmap', weight: 1.5, make: playBackup },
  { name: 'end of the backup', weight: 2, make: endBackup },
];

/** Jobs whose filters have names, so that others get hold of them: their bitmaps, exports, guests and sizes. */
import { Node } from '../../../../spec/block/node.js';
import type { Json } from '../../../../spec/json/value.js';
import type { Action } from '../../../case/case.js';
import type { ModelRun } from '../../draw/model-run.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { openTarget } from '../backup/arguments.js';
import { drawAdd } from '../bitmaps.js';
import { isJobThere } from '../jobs.js';
import type { Move } from '../move.js';
import { atLimit, bitmapsOf, NODE_NAME } from '../names.js';

const FILTERS = /^(copy-before-write|mirror_top|commit_top)$/;

/** Filters that jobs have put above a node, and others that have a name. */
function filters(sketch: Sketch): readonly Node[] {
  return sketch.disks.filter(({ driver, name }) => FILTERS.test(driver.name) || name.startsWith('over'));
}

/** What the job does at its end is up to later steps. */
function ends(sketch: Sketch): { readonly [name: string]: Json | undefined } {
  const { draw } = sketch;
  return {
    'auto-finalize': draw.pick([undefined, undefined, false]),
    'auto-dismiss': draw.pick([undefined, undefined, false]),
  };
}

function playNamed(sketch: Sketch): void {
  const { draw } = sketch;
  const source = draw.any(sketch.disks);
  if (source === undefined || source.size === 0 || isJobThere(sketch)) return;
  const free = atLimit(sketch, sketch.fresh('filter'), NODE_NAME);
  const filter = draw.chance(0.1) ? draw.any(sketch.disks)?.name : free;
  const common = { 'job-id': sketch.fresh('j'), 'filter-node-name': filter, ...ends(sketch) };
  // How much there is to copy depends on what the format of an image has itself, and a mirror may copy it more than once.
  sketch.expectLuck(common['job-id']);
  const isCommit = sketch.format === 'overlay' && source.backing !== null && draw.chance(0.6);
  if (isCommit) sketch.qmp(draw.pick(['block-commit', 'block-stream']), { ...common, device: source.name });
  else if (draw.chance(0.5)) {
    sketch.qmp('blockdev-backup', {
      ...common,
      device: source.name,
      target: openTarget(sketch, source.size),
      ...draw.pick([{ sync: 'none' }, { sync: 'full', 'auto-finalize': false }]),
      'x-perf': members({ 'max-workers': 1, 'max-chunk': 65536 }),
    });
  } else {
    sketch.qmp('blockdev-mirror', {
      ...common,
      device: source.name,
      target: openTarget(sketch, source.size),
      sync: draw.pick(['full', 'none']),
      'copy-mode': draw.pick([undefined, 'write-blocking']),
    });
  }
  sketch.rest();
}

/** A bitmap on a filter, or on what is below one. */
function playBitmap(sketch: Sketch): void {
  const node = sketch.draw.any(filters(sketch));
  if (node === undefined) return;
  const { args } = drawAdd(sketch);
  sketch.qmp('block-dirty-bitmap-add', members({ ...args, node: node.name, persistent: undefined }));
}

/** An export of a node that shows a bitmap, which may be that of another one. */
function playShown(sketch: Sketch): void {
  const { draw, run } = sketch;
  if (!run.machine.exports.isServing) return;
  const owner = draw.any(sketch.disks.filter((node) => bitmapsOf(node).length > 0));
  const name = draw.any(bitmapsOf(owner))?.name;
  if (owner === undefined || name === undefined) return;
  const node = draw.chance(0.5) ? owner : draw.pick(sketch.disks);
  const id = sketch.fresh('e');
  sketch.qmp('block-export-add', {
    type: 'nbd',
    id,
    'node-name': node.name,
    name: id,
    writable: draw.pick([undefined, true]),
    bitmaps: [members({ node: owner.name, name })],
  });
}

/** A node that holds what others use is taken away, or what stands on it lets go of it. */
function playLeave(sketch: Sketch): void {
  const { draw } = sketch;
  const owner = draw.any(sketch.disks.filter(({ bitmaps }) => bitmaps.some(({ busy }) => busy)));
  if (owner !== undefined) sketch.qmp('blockdev-del', { 'node-name': owner.name });
}

function playResize(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.any(filters(sketch));
  if (node === undefined) return;
  const size = draw.pick([node.size + 65536, Math.floor(node.size / 131072) * 65536, node.size]);
  sketch.qmp('block_resize', { 'node-name': node.name, size });
}

/**
 * Whether a guest writes below a copy-before-write. Once that has a guest of its own, which is kept, nobody else may; the
 * model has no guests but at their requests.
 */
export function isBelowCopy({ machine }: ModelRun, action: Action): boolean {
  if (action.verb !== 'io' || action.request.op === 'read') return false;
  const above = machine.graph.find(action.node)?.parents ?? [];
  return above.some(({ parent }) => parent instanceof Node && parent.driver.name === 'copy-before-write');
}

export const FILTER_MOVES: readonly Move[] = [
  { name: 'job with a named filter', weight: 4, make: playNamed },
  { name: 'bitmap on a filter', weight: 3, make: playBitmap },
  { name: 'export that shows a bitmap', weight: 3, make: playShown },
  { name: 'node of a busy bitmap goes', weight: 2, make: playLeave },
  { name: 'resize a filter', weight: 1, make: playResize },
];

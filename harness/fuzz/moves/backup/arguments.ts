/** What backups are asked for with: where they copy to, by which bitmap, and all that may be said besides. */
import type { Node } from '../../../../spec/block/node.js';
import type { Json, JsonObject } from '../../../../spec/json/value.js';
import { openAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import { repeatsFaults } from '../../draw/faults.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { openFaulty } from '../faulty.js';
import { ERRNOS } from '../filters.js';
import { atLimit, BROKEN, bitmapsOf, NODE_NAME } from '../names.js';
import { openLimited } from '../options/blocks.js';

/** What to do about an error; not said is to report it. */
export const POLICIES = [undefined, 'report', 'stop', 'enospc', 'ignore', 'auto'] as const;

/** A disk of the same size as another one: for what copies to it. */
export function openTarget(
  sketch: Sketch,
  size: number,
  more: Parameters<typeof openAction>[2] = {},
): string {
  const name = sketch.fresh('target');
  sketch.play(openAction(name, size, { driver: sketch.draw.chance(0.2) ? 'null-co' : 'format', ...more }));
  return name;
}

/** Where a job may copy to: a new disk, one that is there, or one whose writes fail. */
function drawTarget(sketch: Sketch, source: Node): string {
  const { draw } = sketch;
  if (draw.chance(0.25)) return draw.any(sketch.disks)?.name ?? 'nowhere';
  const size = draw.chance(BROKEN) ? source.size + 512 : source.size;
  const name = openTarget(sketch, size);
  if (draw.chance(0.12)) return openLimited(sketch, name);
  if (!draw.chance(0.25)) return name;
  return openFaulty(sketch, name, size, { isOnce: draw.chance(0.6), errno: draw.pick(ERRNOS) });
}

/** One of {@link POLICIES}. To ignore an error that comes again and again is to go on for ever. */
export function drawPolicy(sketch: Sketch, name: string): string | undefined {
  const node = sketch.node(name);
  const isEndless = node !== undefined && repeatsFaults(node);
  return sketch.draw.pick(isEndless ? POLICIES.filter((one) => one !== 'ignore') : POLICIES);
}

/** `auto-finalize` or `auto-dismiss`: said where it makes a difference, and now and then where it makes none. */
export function drawAuto({ draw }: Sketch, held: number): boolean | undefined {
  if (draw.chance(0.1)) return true;
  return draw.chance(held) ? false : undefined;
}

/** So much that nobody waits, no limit at all, or what is no speed. */
export function drawSpeed({ draw }: Sketch): number | undefined {
  if (draw.chance(BROKEN / 2)) return -1;
  return draw.chance(0.15) ? draw.pick([0, 2 ** 40, 2 ** 53 - 1]) : undefined;
}

/** By which bitmap, or by none. */
export function drawSync(sketch: Sketch, bitmap: string | undefined): { readonly [name: string]: Json } {
  const { draw } = sketch;
  // What an image has itself depends on its format, if it is made without a backing file.
  const whole = sketch.format === 'raw' ? ['full', 'top'] : ['full'];
  if (draw.chance(BROKEN)) {
    return {
      sync: draw.pick(['incremental', 'bitmap', 'full']),
      bitmap: draw.pick(['b9', bitmap ?? 'b0']),
    };
  }
  return draw.pick([
    { sync: draw.pick(whole) },
    { sync: 'none' },
    ...(bitmap === undefined
      ? []
      : [
          { sync: 'incremental', bitmap },
          { sync: 'incremental', bitmap },
          { sync: 'bitmap', bitmap, 'bitmap-mode': draw.pick(['on-success', 'never', 'always']) },
          { sync: draw.pick(whole), bitmap, 'bitmap-mode': draw.pick(['on-success', 'always']) },
        ]),
  ]);
}

/** One after the other, mostly: what of a copy has happened when it fails is luck otherwise. */
export function drawPerf({ draw }: Sketch): JsonObject {
  const isOrdered = draw.chance(0.9);
  return members({
    'use-copy-range': draw.chance(0.15) ? draw.chance(0.7) : undefined,
    'max-workers': isOrdered ? 1 : draw.pick([undefined, 2, 64, draw.chance(0.3) ? 0 : 3]),
    'max-chunk': isOrdered ? CLUSTER : draw.pick([undefined, 0, 2 * CLUSTER, draw.chance(0.3) ? 512 : -1]),
  });
}

/** What does not depend on what is copied. */
export function drawCommon(sketch: Sketch): { readonly [name: string]: Json | undefined } {
  const { draw } = sketch;
  return {
    'job-id': draw.chance(BROKEN) ? draw.pick(['j0', '0', '']) : sketch.fresh('j'),
    speed: drawSpeed(sketch),
    compress: draw.chance(0.06) ? draw.chance(0.5) : undefined,
    'auto-finalize': drawAuto(sketch, 0.6),
    'auto-dismiss': drawAuto(sketch, 0.6),
    'x-perf': drawPerf(sketch),
  };
}

/** The arguments of a backup, mostly ones that belong together. */
export function drawBackup(sketch: Sketch, source: Node): JsonObject {
  const { draw } = sketch;
  const target = drawTarget(sketch, source);
  const sync = drawSync(sketch, draw.any(bitmapsOf(source))?.name);
  return members({
    ...drawCommon(sketch),
    device: source.name,
    target,
    ...sync,
    // What copies nothing by itself is as fast at any speed.
    ...(sync.sync === 'none' && draw.chance(0.15) ? { speed: 1 } : {}),
    'on-target-error': drawPolicy(sketch, target),
    'on-source-error': draw.chance(0.15) ? drawPolicy(sketch, source.name) : undefined,
    'filter-node-name': draw.chance(0.1) ? atLimit(sketch, sketch.fresh('filter'), NODE_NAME) : undefined,
  });
}

/** Filters that are defined together with what is below them: nodes that nobody has named, or that go with the one above. */
import type { JsonObject } from '../../../../spec/json/value.js';
import { diskSize } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN } from '../names.js';
import { anyNode } from '../nodes.js';
import { drawLimits } from './blocks.js';
import { drawCommon } from './common.js';

/** The options of a node within another one: its own name, or none. */
function drawInner(sketch: Sketch, depth: number): JsonObject {
  const { draw } = sketch;
  const name = draw.chance(0.6) ? sketch.fresh('inner') : undefined;
  const own = { 'node-name': draw.chance(BROKEN) ? anyNode(sketch) : name, ...drawCommon(sketch) };
  const size = diskSize(draw);
  const kind = depth > 2 ? 0 : draw.weighted([4, 3, 1, 1, 1]);
  if (kind === 0) return members({ driver: 'null-co', ...own, size, 'read-zeroes': true });
  const below = draw.chance(0.6) ? anyNode(sketch) : drawInner(sketch, depth + 1);
  const belowSize = typeof below === 'string' ? (sketch.node(below)?.size ?? 0) : 0;
  if (kind === 1) return members({ driver: 'raw', ...own, file: below });
  if (kind === 2) return members({ driver: 'copy-on-read', ...own, file: below });
  if (kind === 3)
    return members({ driver: 'blkdebug', ...own, image: below, ...drawLimits(sketch, belowSize) });
  return members({ driver: 'snapshot-access', ...own, file: below });
}

function playNested(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.disks.length >= 9) return;
  const own = { 'node-name': sketch.fresh('over'), ...drawCommon(sketch) };
  const [group] = [...sketch.run.machine.objects.keys()];
  const file = drawInner(sketch, 0);
  switch (draw.weighted([3, 2, 3, 2, 2, 1])) {
    case 0:
      sketch.qmp('blockdev-add', members({ driver: 'raw', ...own, file }));
      break;
    case 1:
      sketch.qmp('blockdev-add', members({ driver: 'copy-on-read', ...own, file }));
      break;
    case 2: {
      const target = draw.chance(0.5) ? drawInner(sketch, 1) : anyNode(sketch);
      const node = draw.chance(0.5) ? file : anyNode(sketch);
      sketch.qmp('blockdev-add', members({ driver: 'copy-before-write', ...own, file: node, target }));
      break;
    }
    case 3:
      sketch.qmp('blockdev-add', members({ driver: 'blkdebug', ...own, image: file }));
      break;
    case 4:
      sketch.qmp(
        'blockdev-add',
        members({ driver: 'throttle', ...own, 'throttle-group': group ?? 'g0', file }),
      );
      break;
    default:
      sketch.qmp('blockdev-add', members({ driver: 'snapshot-access', ...own, file }));
  }
}

/** A node that was made with another one is asked to go by itself, is resized, or reopened alone. */
function playInner(sketch: Sketch): void {
  const { draw } = sketch;
  const inner = draw.any(sketch.disks.filter(({ name }) => name.startsWith('inner')));
  if (inner === undefined) return;
  switch (draw.weighted([2, 1, 2])) {
    case 0:
      sketch.qmp('blockdev-del', { 'node-name': inner.name });
      break;
    case 1:
      sketch.qmp('block_resize', { 'node-name': inner.name, size: inner.size + 65536 });
      break;
    default:
      sketch.qmp('block-dirty-bitmap-add', { node: inner.name, name: sketch.fresh('b'), granularity: 512 });
  }
}

export const NESTED_MOVES: readonly Move[] = [
  { name: 'nodes within nodes', weight: 1.2, make: playNested },
  { name: 'a node within another', weight: 0.6, make: playInner },
];

/** Filters with options: throttle groups and their nodes, faults by rules and states, copy-on-read that ends at a node below. */
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { members, type Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { BROKEN } from './names.js';
import { anyNode } from './nodes.js';
import { drawLimits } from './options/blocks.js';
import { drawCommon } from './options/common.js';

/** Numbers of Linux: those that NBD has a word for, those that it has another one for, and others. */
export const ERRNOS = [5, 5, 28, 28, 1, 2, 12, 22, 27, 30, 75, 95, 108, 122, 4000] as const;

function groups(sketch: Sketch): string[] {
  return [...sketch.run.machine.objects.keys()];
}

function someGroup(sketch: Sketch): string {
  const { draw } = sketch;
  return draw.chance(BROKEN) ? draw.pick(['none', '']) : (draw.any(groups(sketch)) ?? 'g0');
}

/** So much that nobody waits; how long that would be is not compared. */
const PLENTY = 1_000_000_000;

/** Limits that may not go together, or not be at all. */
const WRONG: readonly { readonly [name: string]: Json }[] = [
  { 'bps-total': PLENTY, 'bps-read': PLENTY },
  { 'iops-total': PLENTY, 'iops-write': 1 },
  { 'bps-write': -1 },
  { 'iops-read': 1_000_000_000_000_001 },
];

const RIGHT: readonly { readonly [name: string]: Json }[] = [
  {},
  { 'bps-total': PLENTY },
  { 'iops-total': PLENTY, 'bps-read': PLENTY, 'bps-write': PLENTY },
  { 'iops-read': 0, 'iops-write': 1_000_000_000_000_000 },
];

function playGroup(sketch: Sketch): void {
  const { draw } = sketch;
  if (groups(sketch).length >= 3) return;
  const id = draw.chance(BROKEN) ? draw.pick(['1st', '', someGroup(sketch)]) : sketch.fresh('g');
  const limits = draw.pick(draw.chance(0.15) ? WRONG : RIGHT);
  sketch.qmp('object-add', { 'qom-type': 'throttle-group', id, limits: members(limits) });
}

const PERMISSIONS = ['write', 'write', 'resize', 'consistent-read', 'write-unchanged'] as const;

/** What happens around a part of a block. */
const AROUND = [
  'pwritev_rmw_head',
  'pwritev_rmw_after_head',
  'pwritev_rmw_tail',
  'pwritev_rmw_after_tail',
] as const;

/** The options of a node that fails as its rules say. */
export function drawFaulty(sketch: Sketch, name: string, below: string): JsonObject {
  const { draw } = sketch;
  const size = sketch.node(below)?.size ?? 0;
  const hasStates = draw.chance(0.4);
  const rules = Array.from({ length: draw.int(1, 3) }, () => {
    return members({
      event: hasStates ? draw.pick(['none', 'pwritev', 'pwritev_zero', 'pwritev_done', ...AROUND]) : 'none',
      state: hasStates ? draw.pick([undefined, 0, 1, 2, 3]) : undefined,
      // What is read where nothing is stored, and what is flushed for whom, is an implementation's own matter.
      iotype: draw.pick(['write', 'write', 'write', 'write-zeroes', 'discard', 'flush', 'block-status']),
      errno: draw.pick(ERRNOS),
      sector: draw.chance(0.7) ? Math.floor(draw.int(0, Math.max(0, size - 1)) / 512) : undefined,
      once: draw.pick([undefined, true, false]),
      immediately: draw.chance(0.1) ? draw.pick([true, false]) : undefined,
    });
  });
  const states = Array.from({ length: hasStates ? draw.int(1, 3) : 0 }, () =>
    members({
      event: draw.pick(['pwritev', 'pwritev', 'pwritev_zero', 'pwritev_done', 'none', ...AROUND]),
      state: draw.pick([undefined, 1, 2, 3]),
      new_state: draw.int(1, 3),
    }),
  );
  return members({
    driver: 'blkdebug',
    'node-name': name,
    image: below,
    'inject-error': rules,
    'set-state': states.length > 0 ? states : undefined,
    'take-child-perms': draw.chance(0.1) ? [draw.pick(PERMISSIONS)] : undefined,
    'unshare-child-perms': draw.chance(0.1) ? [draw.pick(PERMISSIONS)] : undefined,
    ...(draw.chance(0.15) ? drawLimits(sketch, size) : {}),
    ...(draw.chance(0.2) ? drawCommon(sketch) : {}),
  });
}

function playOver(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.disks.length >= 9) return;
  const below = anyNode(sketch);
  const name = sketch.fresh('over');
  switch (draw.weighted([3, 3, 2])) {
    case 0:
      sketch.qmp('blockdev-add', drawFaulty(sketch, name, below));
      break;
    case 1: {
      const options = {
        driver: 'throttle',
        'node-name': name,
        'throttle-group': someGroup(sketch),
        file: below,
        ...drawCommon(sketch),
      };
      sketch.qmp('blockdev-add', members(options));
      break;
    }
    default: {
      const bottom = sketch.node(below)?.backing?.name;
      const isHidden = bottom === undefined || bottom.startsWith('#');
      const end = isHidden || draw.chance(0.4) ? below : bottom;
      const options = { driver: 'copy-on-read', 'node-name': name, file: below, bottom: end };
      sketch.qmp('blockdev-add', members({ ...options, ...drawCommon(sketch) }));
    }
  }
}

export const FILTER_MOVES: readonly Move[] = [
  { name: 'throttle group', weight: 1, make: playGroup },
  {
    name: 'group goes',
    weight: 0.4,
    make: (sketch) => void sketch.qmp('object-del', { id: someGroup(sketch) }),
  },
  { name: 'filter with options', weight: 2.5, make: playOver },
];

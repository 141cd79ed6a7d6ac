/** What starts mirrors: disks with holes to targets with something on them, targets that fail, and all else. */
import type { Node } from '../../../../spec/block/node.js';
import { openAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import type { Sketch } from '../../draw/sketch.js';
import { drawAuto, drawPolicy, drawSpeed } from '../backup/arguments.js';
import { openUnreadable } from '../backup/unreadable.js';
import { openFaulty } from '../faulty.js';
import { atLimit, BROKEN, NODE_NAME } from '../names.js';
import { askHowFar, LUCK, openDisk, sources } from './beside.js';
import { playPart } from './standing.js';

const MOST_JOBS = 3;

/** Where a write may fail, none is of parts that a format has stored apart: together they are copied as data, else as zeros. */
const IN_CLUSTERS = [undefined, 4096, 65536] as const;

/** An error that stops the job is more to see than one that ends it; where there is none, no policy makes a difference. */
function drawSourcePolicy(sketch: Sketch, { name }: Node, kind: Kind): string | undefined {
  const { draw } = sketch;
  if (kind === 'unreadable') return draw.chance(0.5) ? 'stop' : drawPolicy(sketch, name);
  return draw.chance(0.1) ? drawPolicy(sketch, name) : undefined;
}

/** What is to be seen: nothing special; what a target has must go; one of its writes fails; a part of the source cannot be read. */
type Kind = 'fresh' | 'filled' | 'faulty' | 'unreadable';

/** The name of a target, mostly one that a mirror to it can use. */
function drawTarget(sketch: Sketch, source: Node, kind: Kind): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.pick(['nowhere', source.name]);
  const name = sketch.fresh('target');
  const size = draw.chance(BROKEN) ? source.size + 65536 : source.size;
  const isOver = sketch.format === 'overlay' ? { backing: draw.chance(0.3) ? 'base' : null } : {};
  sketch.play(openAction(name, size, { discard: draw.chance(0.9) ? 'unmap' : 'ignore', ...isOver }));
  const isFilled = kind === 'filled' || draw.chance(0.3);
  if (isFilled) sketch.io(name, { op: 'write', offset: 0, length: size, pattern: 0x77 });
  if (kind !== 'faulty') return name;
  return openFaulty(sketch, name, size, { iotype: 'write', isOnce: true, errno: draw.pick([5, 28]) });
}

/** A disk that nobody has, or rarely any; where a target is filled mostly a new one with holes in its whole chain. */
function drawSource(sketch: Sketch, kind: Kind): Node | undefined {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.any(sources(sketch));
  if (kind === 'unreadable') return sketch.node(openUnreadable(sketch, CLUSTER * draw.int(1, 6)));
  const free = sources(sketch).filter(({ parents }) => parents.length === 0);
  const isNew = free.length === 0 || (kind === 'filled' && sketch.format === 'overlay' && draw.chance(0.7));
  const size = sketch.disks.at(-1)?.size ?? 0;
  return isNew && size > 0 ? openDisk(sketch, size) : draw.any(free);
}

/** Mostly one at which what is special about the target is seen. */
function drawSync({ draw }: Sketch, kind: Kind): string {
  if (draw.chance(BROKEN / 2)) return 'bitmap';
  if (kind === 'faulty' || kind === 'unreadable') return draw.pick(['full', 'full', 'top', 'none']);
  if (kind === 'filled') return draw.chance(0.8) ? 'full' : draw.pick(['top', 'none']);
  return draw.pick(['full', 'full', 'top', 'none', draw.chance(BROKEN) ? 'incremental' : 'full']);
}

/** A mirror; if it stands at an error of its target then, mostly with something that is written beside it. */
export function playMirror(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.run.jobs.length >= MOST_JOBS) return;
  const kind = draw.pick<Kind>(['fresh', 'filled', 'faulty', 'fresh', 'filled', 'faulty', 'unreadable']);
  const source = drawSource(sketch, kind);
  if (source === undefined) return;
  const target = drawTarget(sketch, source, kind);
  const isFaulty = target.startsWith('faulty');
  const isVague = isFaulty || kind === 'unreadable';
  // Whether what reads as zeros is stored is a matter of file systems: the write that fails is one of data, and comes first.
  if (isFaulty) sketch.io(source.name, { op: 'write', offset: 0, length: source.size, pattern: 0x66 });
  const both = 'write-blocking';
  sketch.qmp('blockdev-mirror', {
    'job-id': draw.chance(BROKEN) ? draw.pick(['j0', '0', '']) : sketch.fresh('j'),
    device: source.name,
    target,
    sync: drawSync(sketch, isFaulty ? 'faulty' : kind),
    speed: drawSpeed(sketch),
    'copy-mode': draw.pick([undefined, 'background', both, ...(isVague ? [both, both] : [])]),
    granularity: draw.pick(isVague ? IN_CLUSTERS : [...IN_CLUSTERS, 131072]),
    'buf-size': 65536,
    'filter-node-name': atLimit(sketch, sketch.fresh('filter'), NODE_NAME),
    'on-target-error': isFaulty && draw.chance(0.4) ? 'stop' : drawPolicy(sketch, target),
    'on-source-error': drawSourcePolicy(sketch, source, kind),
    replaces: draw.chance(0.25) ? draw.pick([source.name, draw.pick(sketch.run.nodes).name]) : undefined,
    'auto-finalize': drawAuto(sketch, 0.5),
    'auto-dismiss': drawAuto(sketch, 0.5),
  });
  sketch.rest(isVague ? LUCK : []);
  askHowFar(sketch, 0.3);
  if (isVague) for (let count = draw.int(0, 2); count > 0; count--) playPart(sketch);
}

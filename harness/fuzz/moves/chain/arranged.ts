/** What chance alone hardly ever brings about: a job that stops at a fault and goes on, and two jobs on one chain. */
import { openAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { openFaulty } from '../faulty.js';
import type { Move } from '../move.js';
import { act, mayBegin } from './jobs.js';
import { heads, images, membersOf } from './members.js';

/** As many images as a chain of these moves has. */
const LENGTH = 3;
const MOST_IMAGES = 7;

/** An image that is full, below a fault that comes once, and what the job is to leave alone. */
function playStopping(sketch: Sketch): void {
  const { draw } = sketch;
  if (!mayBegin(sketch) || images(sketch).length + LENGTH > MOST_IMAGES) return;
  const size = CLUSTER * draw.int(1, 12) + draw.pick([0, 0, 512]);
  const open = (backing: string | null): string => {
    const name = sketch.fresh('image');
    sketch.play(openAction(name, size, { backing }));
    return name;
  };
  const base = open(null);
  const full = open(base);
  sketch.io(full, { op: 'write', offset: 0, length: size, pattern: draw.int(1, 255) });
  const errno = draw.pick([5, 28]);
  const faulty = openFaulty(sketch, full, size, { iotype: 'read', isOnce: true, errno });
  const top = open(faulty);
  const common = {
    'job-id': sketch.fresh('j'),
    'on-error': errno === 28 ? draw.pick(['stop', 'enospc']) : 'stop',
    'auto-finalize': draw.pick([undefined, false]),
    'filter-node-name': draw.chance(0.75) ? sketch.fresh('filter') : undefined,
  };
  act(sketch, () => {
    if (draw.chance(0.5)) {
      const until = draw.pick([{}, { 'base-node': base }]);
      sketch.qmp('block-stream', members({ ...common, device: top, ...until }));
    } else {
      const from = { 'top-node': faulty, 'base-node': base };
      sketch.qmp('block-commit', members({ ...common, device: top, ...from }));
    }
  });
  if (draw.chance(0.8)) act(sketch, () => void sketch.qmp('job-resume', { id: common['job-id'] }));
}

/** A stream above, which waits for its end, and a stream or a commit below it. */
function playTwo(sketch: Sketch): void {
  const { draw } = sketch;
  const chain = draw.any(
    heads(sketch)
      .map(membersOf)
      .filter((all) => all.length > LENGTH),
  );
  if (chain === undefined || !mayBegin(sketch)) return;
  const [top, , base] = chain;
  const filter = sketch.fresh('filter');
  act(sketch, () => {
    const upper = { 'job-id': sketch.fresh('j'), device: top!.name, 'base-node': base!.name };
    sketch.qmp('block-stream', { ...upper, 'filter-node-name': filter, 'auto-finalize': false });
  });
  if (sketch.node(filter) === undefined || !mayBegin(sketch)) return;
  const lowest = draw.pick(chain.slice(LENGTH));
  const lower = {
    'job-id': sketch.fresh('j'),
    'auto-finalize': draw.pick([undefined, false]),
    'base-node': lowest.name,
  };
  act(sketch, () => {
    if (draw.chance(0.5)) sketch.qmp('block-stream', { ...lower, device: base!.name });
    else sketch.qmp('block-commit', { ...lower, device: filter, 'top-node': base!.name });
  });
}

export const ARRANGED_MOVES: readonly Move[] = [
  { name: 'job that stops at a fault', weight: 1, make: playStopping },
  { name: 'two jobs on a chain', weight: 1.5, make: playTwo },
];

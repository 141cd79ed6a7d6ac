/** Mirrors: what starts them, what is written beside them, and what is asked of them where they rest. */
import { Node } from '../../../spec/block/node.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Job } from '../../../spec/job/job.js';
import { openAction } from '../draw/actions.js';
import type { Sketch } from '../draw/sketch.js';
import { openFaulty } from './faulty.js';
import { drawChange, readWhole } from './guest.js';
import { playVerb } from './jobs.js';
import type { Move } from './move.js';
import { BROKEN } from './names.js';

const MOST_JOBS = 2;

/** How often what is written goes to the target, and so its progress, is luck. */
const LUCK = ['len', 'offset'];

/** Disks that are mirrored, or could be. */
function sources(sketch: Sketch): readonly Node[] {
  return sketch.disks.filter(({ name }) => name.startsWith('disk'));
}

/** The node through which guests of a disk write: the filter above it, if there is one. */
function guestOf(node: Node): Node {
  const above = node.parents.map(({ parent }) => parent);
  const filter = above.find((one): one is Node => one instanceof Node && one.driver.name === 'mirror_top');
  return filter ?? node;
}

/** The job that has this node as its filter. */
function jobOf(sketch: Sketch, filter: Node): Job | undefined {
  const ids = filter.parents.map(({ parent }) => (parent instanceof Node ? undefined : parent.jobId));
  return sketch.run.jobs.find(({ id }) => ids.includes(id));
}

function drawTarget(sketch: Sketch, source: Node): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.pick(['nowhere', source.name]);
  const name = sketch.fresh('target');
  const size = draw.chance(BROKEN) ? source.size + 65536 : source.size;
  const isOver = sketch.format === 'overlay' ? { backing: draw.chance(0.3) ? 'base' : null } : {};
  sketch.play(openAction(name, size, { discard: draw.chance(0.7) ? 'unmap' : 'ignore', ...isOver }));
  if (draw.chance(0.3)) sketch.io(name, { op: 'write', offset: 0, length: size, pattern: 0x77 });
  if (!draw.chance(0.25)) return name;
  return openFaulty(sketch, name, size, { iotype: 'write', isOnce: true, errno: draw.pick([5, 28]) });
}

function playMirror(sketch: Sketch): void {
  const { draw } = sketch;
  const source = draw.any(sources(sketch));
  if (source === undefined || sketch.run.jobs.length >= MOST_JOBS) return;
  const target = drawTarget(sketch, source);
  const isFaulty = target.startsWith('faulty');
  // Whether what reads as zeros is stored is a matter of file systems: the write that fails is one of data, and comes first.
  if (isFaulty) sketch.io(source.name, { op: 'write', offset: 0, length: source.size, pattern: 0x66 });
  sketch.qmp('blockdev-mirror', {
    'job-id': draw.chance(BROKEN) ? draw.pick(['j0', '0', '']) : sketch.fresh('j'),
    device: source.name,
    target,
    sync: isFaulty
      ? 'full'
      : draw.pick(['full', 'full', 'top', 'none', draw.chance(BROKEN) ? 'incremental' : 'full']),
    'copy-mode': draw.pick([undefined, 'background', 'write-blocking']),
    granularity: draw.pick([undefined, 4096, 65536, 131072]),
    'buf-size': 65536,
    'filter-node-name': sketch.fresh('filter'),
    'on-target-error': draw.pick([undefined, 'report', 'stop', 'enospc', 'ignore']),
    'auto-finalize': draw.pick([undefined, false]),
    'auto-dismiss': draw.pick([undefined, false]),
  });
  sketch.rest(isFaulty ? LUCK : []);
}

function playGuest(sketch: Sketch): void {
  const source = sketch.draw.any(sources(sketch));
  if (source === undefined) return;
  const guest = guestOf(source);
  // From the end of its work to its own end a mirror of QEMU answers no request.
  if (guest !== source && jobOf(sketch, guest)?.isOver === true) return;
  playWrite(sketch, guest);
  rest(sketch); // a job that cannot copy it ends, or stands still
}

/** What a discard leaves of an overlay is for its format to choose; a filter lets none through. */
export function playWrite(sketch: Sketch, node: Node): void {
  const request = drawChange(sketch, node);
  const isOpen = request.op === 'discard' && sketch.format === 'overlay' && node.driver.name !== 'mirror_top';
  if (!isOpen) sketch.io(node.name, request);
}

/** What was written last may be copied in any number of pieces. */
function rest(sketch: Sketch): void {
  sketch.rest(LUCK);
}

export function endMirrors(sketch: Sketch): void {
  for (let left = 20; left > 0; left--) {
    const job = sketch.run.jobs.at(-1);
    if (job === undefined) return;
    const { id, status } = job;
    const verb = { concluded: 'job-dismiss', pending: 'job-finalize', ready: 'job-complete' }[
      status as string
    ];
    const isThere = sketch.run.jobs.length;
    withCopy(sketch, job, () => {
      sketch.qmp(verb ?? 'job-cancel', { id });
      rest(sketch);
    });
    if (sketch.run.jobs.length === isThere && job.status === status) return;
  }
}

/** All that a guest can see of disks that no job has. */
export function readAll(sketch: Sketch): void {
  for (const node of sources(sketch)) if (node.parents.length === 0) readWhole(sketch, node.name);
}

/** What `ask` does with a job. If that ends well, its copy is read; what another one leaves is luck. */
function withCopy(sketch: Sketch, job: Job, ask: () => void): void {
  const target = job instanceof BlockJob ? job.uses.find(({ name }) => name === 'target')?.child : undefined;
  ask();
  const isOver = job.status === 'null' || job.status === 'concluded';
  if (target !== undefined && isOver && job.error === null) readWhole(sketch, target.name);
}

export const MIRROR_MOVES: readonly Move[] = [
  { name: 'mirror', weight: 4, make: playMirror },
  { name: 'write beside mirrors', weight: 8, make: playGuest },
  {
    name: 'verb on a mirror',
    weight: 6,
    make(sketch) {
      const job = sketch.draw.any(sketch.run.jobs);
      if (job !== undefined) withCopy(sketch, job, () => playVerb(sketch, job, LUCK));
    },
  },
  {
    name: 'pause a mirror',
    weight: 1,
    make(sketch) {
      const job = sketch.run.jobs.find(({ status }) => status === 'ready');
      if (job === undefined) return;
      sketch.qmp('job-pause', { id: job.id });
      rest(sketch);
    },
  },
  { name: 'read what is free', weight: 1, make: readAll },
];

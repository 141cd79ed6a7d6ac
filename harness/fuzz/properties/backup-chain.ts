/** Full and incremental backups of a disk: every one, read with those before it, is the disk as it was when it was made. */
import { openAction } from '../draw/actions.js';
import { CLUSTER, diskSize, granularity } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { drawPolicy } from '../moves/backup/arguments.js';
import { drawMerge, drawOnOne, observeAll, playCommand } from '../moves/bitmaps.js';
import { openFaulty } from '../moves/faulty.js';
import { playChange, readWhole } from '../moves/guest.js';
import { endJobs } from '../moves/jobs.js';
import type { Move } from '../moves/move.js';
import { playRestart } from '../moves/persistence.js';
import { BACKUP_GOALS } from '../reach/job-goals.js';
import { propertyOf } from './plan.js';

const DISK = 'disk';

/** The image that the next backup is written over, or to. */
function newestImage(sketch: Sketch): string {
  const made = sketch.steps.flatMap(({ action }) =>
    action.verb === 'open' && action.node !== DISK ? [action.node] : [],
  );
  return made.at(-1) ?? 'full';
}

function change(sketch: Sketch): void {
  playChange(sketch, DISK);
}

/** A bitmap and a full backup from one moment on. */
function playFull(sketch: Sketch): void {
  const size = sketch.node(DISK)?.size ?? 0;
  const full = sketch.fresh('full');
  sketch.play(openAction(full, size, sketch.format === 'overlay' ? { backing: null } : {}));
  const name = 'b0';
  const isThere = sketch.node(DISK)?.bitmap(name) !== undefined;
  const data = isThere
    ? members({ node: DISK, name })
    : members({
        node: DISK,
        name,
        granularity: granularity(sketch.draw, size),
        persistent: sketch.format === 'overlay' && sketch.draw.chance(0.5) ? true : undefined,
      });
  const backup = members({ 'job-id': sketch.fresh('j'), device: DISK, target: full, sync: 'full' });
  sketch.qmp('transaction', {
    actions: [
      members({ type: `block-dirty-bitmap-${isThere ? 'clear' : 'add'}`, data }),
      members({ type: 'blockdev-backup', data: backup }),
    ],
  });
  sketch.rest();
}

/** What was written since the last backup goes to a new overlay of it, or over it. */
function playIncremental(sketch: Sketch): void {
  const { draw } = sketch;
  const node = sketch.node(DISK);
  const below = newestImage(sketch);
  if (node === undefined || sketch.node(below) === undefined || sketch.run.jobs.length > 0) return;
  let target = below;
  if (sketch.format === 'overlay') {
    target = sketch.fresh('inc');
    sketch.play(openAction(target, node.size, { backing: below }));
  }
  const id = sketch.fresh('j');
  const bitmap = draw.chance(0.85) ? 'b0' : 'b1';
  const isHeld = draw.chance(0.4);
  const faulty = draw.chance(0.25) ? openFaultyTarget(sketch, target) : undefined;
  const answer = sketch.qmp('blockdev-backup', {
    'job-id': id,
    device: DISK,
    target: faulty ?? target,
    bitmap,
    ...(draw.chance(0.7)
      ? { sync: 'incremental' }
      : { sync: 'bitmap', 'bitmap-mode': draw.pick(['on-success', 'always']) }),
    'auto-finalize': isHeld ? false : undefined,
    ...(faulty === undefined ? {} : drawPatience(sketch, faulty)),
  });
  if (answer?.ok === true) {
    sketch.rest();
    playPaused(sketch, id);
    if (isHeld) {
      for (let count = draw.int(0, 2); count > 0; count--) change(sketch);
      sketch.qmp(draw.chance(0.7) ? 'job-finalize' : 'job-cancel', { id });
      sketch.rest();
    }
    readWhole(sketch, target);
  }
  if (faulty !== undefined) sketch.qmp('blockdev-del', { 'node-name': faulty });
}

/** What writes to the target, but once, or never, at one place. */
function openFaultyTarget(sketch: Sketch, target: string): string {
  const size = sketch.node(target)?.size ?? 0;
  const errno = sketch.draw.pick([5, 28]);
  return openFaulty(sketch, target, size, { iotype: 'write', isOnce: sketch.draw.chance(0.7), errno });
}

/** What the job does about errors, and that it copies in order: what is copied by then is luck otherwise. */
function drawPatience(sketch: Sketch, target: string) {
  const perf = members({ 'max-workers': 1, 'max-chunk': CLUSTER });
  return { 'on-target-error': drawPolicy(sketch, target), 'x-perf': perf };
}

/** A job that stands at an error goes on, or is given up. */
function playPaused(sketch: Sketch, id: string): void {
  for (let left = sketch.draw.int(1, 3); left >= 0; left--) {
    const job = sketch.run.jobs.find((one) => one.id === id);
    if (job?.status !== 'paused') return;
    if (sketch.draw.chance(0.3)) change(sketch);
    sketch.qmp(left > 0 ? 'job-resume' : 'job-cancel', { id });
    sketch.rest();
  }
}

const MOVES: readonly Move[] = [
  { name: 'change', weight: 9, make: change },
  { name: 'incremental', weight: 4, make: playIncremental },
  { name: 'full', weight: 0.4, make: playFull },
  {
    name: 'another bitmap',
    weight: 1,
    make(sketch) {
      const size = sketch.node(DISK)?.size ?? 0;
      sketch.qmp('block-dirty-bitmap-add', {
        node: DISK,
        name: 'b1',
        granularity: granularity(sketch.draw, size),
      });
    },
  },
  { name: 'merge', weight: 2, make: (sketch) => playCommand(sketch, drawMerge(sketch)) },
  {
    name: 'switch',
    weight: 0.5,
    make: (sketch) => playCommand(sketch, drawOnOne(sketch, sketch.draw.pick(['enable', 'disable']))),
  },
  {
    name: 'restart',
    weight: 0.5,
    make(sketch) {
      if (sketch.format === 'overlay') playRestart(sketch, 'restart');
    },
  },
  { name: 'look', weight: 0.5, make: (sketch) => sketch.observe(DISK) },
];

export const backupChain = propertyOf({
  name: 'backup-chain',
  summary: 'every chain of backups restores byte for byte',
  rules: ['JOB-043', 'JOB-046', 'BMP-010'],
  goals: BACKUP_GOALS,
  formats: ['raw', 'overlay'],
  about: ['command:blockdev-backup'],
  length: [8, 30],
  moves: MOVES,
  begin(sketch) {
    sketch.play(openAction(DISK, diskSize(sketch.draw)));
    for (let count = sketch.draw.int(0, 3); count > 0; count--) change(sketch);
    playFull(sketch);
  },
  end(sketch) {
    endJobs(sketch);
    playIncremental(sketch);
    observeAll(sketch);
  },
});

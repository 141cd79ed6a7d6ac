/** Full and incremental backups of a disk: every one, read with those before it, is the disk as it was when it was made. */
import { openAction } from '../draw/actions.js';
import { diskSize, granularity } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { drawMerge, drawOnOne, observeAll, playCommand } from '../moves/bitmaps.js';
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
  const answer = sketch.qmp('blockdev-backup', {
    'job-id': id,
    device: DISK,
    target,
    bitmap,
    ...(draw.chance(0.7)
      ? { sync: 'incremental' }
      : { sync: 'bitmap', 'bitmap-mode': draw.pick(['on-success', 'always']) }),
    'auto-finalize': isHeld ? false : undefined,
  });
  if (answer?.ok !== true) return;
  sketch.rest();
  if (isHeld) {
    for (let count = draw.int(0, 2); count > 0; count--) change(sketch);
    sketch.qmp(draw.chance(0.7) ? 'job-finalize' : 'job-cancel', { id });
    sketch.rest();
  }
  readWhole(sketch, target);
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

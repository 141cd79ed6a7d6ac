/** Mirrors: what starts them, what is written beside them, and what is asked of them where they rest. */
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Job } from '../../../../spec/job/job.js';
import type { Sketch } from '../../draw/sketch.js';
import { readWhole } from '../guest.js';
import { playVerb } from '../jobs.js';
import type { Move } from '../move.js';
import { askHowFar, LUCK, playGuest, rest, sources } from './beside.js';
import { STANDING_MOVES } from './standing.js';
import { playMirror } from './start.js';

/** What brings a job of that state nearer to its good end. */
const VERBS: { readonly [status: string]: string } = {
  concluded: 'job-dismiss',
  pending: 'job-finalize',
  ready: 'job-complete',
  paused: 'job-resume',
  standby: 'job-resume',
};

/** Every mirror to its end, as far as it can be brought there. */
export function endMirrors(sketch: Sketch): void {
  for (const job of [...sketch.run.jobs].reverse()) {
    for (let left = 5; left > 0 && job.status !== 'null'; left--) {
      withCopy(sketch, job, () => {
        sketch.qmp(VERBS[job.status] ?? 'job-cancel', { id: job.id });
        rest(sketch);
      });
    }
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
  askHowFar(sketch, 0.2);
  const isOver = job.status === 'null' || job.status === 'concluded';
  if (target !== undefined && isOver && job.error === null) readWhole(sketch, target.name);
}

export const MIRROR_MOVES: readonly Move[] = [
  { name: 'mirror', weight: 8, make: playMirror },
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
  { name: 'ask how far mirrors are', weight: 2, make: (sketch) => askHowFar(sketch, 1) },
  ...STANDING_MOVES,
];

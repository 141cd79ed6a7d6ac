/** Jobs: what starts them, and what is asked of them where they rest. */
import type { Node } from '../../../spec/block/node.js';
import type { Job } from '../../../spec/job/job.js';
import type { JsonObject } from '../../../spec/json/value.js';
import { members, type Sketch } from '../draw/sketch.js';
import { drawAuto, drawBackup, drawPolicy, drawSpeed, openTarget } from './backup/arguments.js';
import { UNREADABLE_MOVES } from './backup/unreadable.js';
import { playChange, readWhole } from './guest.js';
import type { Move } from './move.js';
import { BROKEN, someDisk } from './names.js';
import { openLimited } from './options/blocks.js';

const MOST_JOBS = 3;

/** Whether there are as many jobs as a history may have. */
export function isJobThere({ run }: Sketch): boolean {
  return run.jobs.length >= MOST_JOBS;
}

/** What a job may copy: which of its requests a faulty source sees depends on what the source says it has. */
function someSource(sketch: Sketch): Node | undefined {
  return sketch.draw.any(sketch.disks.filter(({ name }) => !name.startsWith('faulty')));
}

function playBackup(sketch: Sketch): void {
  const source = someSource(sketch);
  if (source === undefined || sketch.run.jobs.length >= MOST_JOBS) return;
  sketch.qmp('blockdev-backup', drawBackup(sketch, source));
  sketch.rest();
}

/** A copy of a disk that follows it, from a fresh target or one with something on it. */
function playMirror(sketch: Sketch): void {
  const { draw } = sketch;
  const source = someSource(sketch);
  if (source === undefined || source.size === 0 || sketch.run.jobs.length >= MOST_JOBS) return;
  const disk = openTarget(sketch, source.size);
  const target = draw.chance(0.12) ? openLimited(sketch, disk) : disk;
  // What is there already must not shine through.
  if (draw.chance(0.4)) playChange(sketch, target);
  const id = sketch.fresh('j');
  // How much it has copied in the end depends on when it came to what was written meanwhile.
  sketch.expectLuck(id);
  sketch.qmp('blockdev-mirror', {
    'job-id': id,
    device: source.name,
    target,
    sync: draw.chance(BROKEN)
      ? 'bitmap'
      : draw.pick(sketch.format === 'raw' ? ['full', 'full', 'top', 'none'] : ['full', 'full', 'none']),
    speed: drawSpeed(sketch),
    'on-source-error': draw.chance(0.1) ? drawPolicy(sketch, source.name) : undefined,
    granularity: draw.pick([undefined, 512, 4096, 65536, 2 ** 20]),
    'copy-mode': draw.pick([undefined, 'background', 'write-blocking']),
    replaces: draw.chance(BROKEN) ? draw.any(sketch.run.nodes)?.name : undefined,
    'auto-finalize': drawAuto(sketch, 0.35),
    'auto-dismiss': drawAuto(sketch, 0.5),
  });
  sketch.rest();
}

/** A mirror to its end, and what it has copied. */
function playCopied(sketch: Sketch): void {
  const job = sketch.run.jobs.find(({ status, driver }) => status === 'ready' && driver.type === 'mirror');
  if (job === undefined) return;
  const targets = sketch.disks.filter(({ name }) => name.startsWith('target')).map(({ name }) => name);
  sketch.qmp('job-complete', { id: job.id });
  sketch.rest();
  for (const name of targets) if (sketch.draw.chance(0.5)) readWhole(sketch, name, 12);
}

/** Several jobs that begin at one moment, and perhaps end together; with bitmaps that begin then, too. */
function playTogether(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.run.jobs.length > 0) return;
  const isGrouped = draw.chance(0.4);
  const actions: JsonObject[] = [];
  for (let count = draw.int(1, 2); count > 0; count--) {
    const source = someSource(sketch);
    if (source === undefined) return;
    if (!isGrouped && draw.chance(0.3)) {
      const data = members({ node: source.name, name: draw.pick(['b0', 'b1', 'b2']) });
      actions.push(
        members({ type: draw.pick(['block-dirty-bitmap-add', 'block-dirty-bitmap-clear']), data }),
      );
    }
    const data = drawBackup(sketch, source);
    if (isGrouped) sketch.expectLuck(String(data['job-id']));
    // One that fails ends the others wherever they are: it stops instead.
    if (isGrouped && String(data.target).startsWith('faulty')) data['on-target-error'] = 'stop';
    actions.push(members({ type: 'blockdev-backup', data }));
  }
  if (draw.chance(0.15)) actions.push(members({ type: 'abort', data: members({}) }));
  const properties = isGrouped ? members({ 'completion-mode': 'grouped' }) : undefined;
  sketch.qmp('transaction', { actions, properties });
  sketch.rest();
}

/** What suits the state of a job, mostly. */
function verbsFor({ status }: Job): readonly string[] {
  switch (status) {
    case 'pending':
      return ['job-finalize', 'job-finalize', 'job-cancel', 'block-job-cancel'];
    case 'concluded':
      return ['job-dismiss'];
    case 'ready':
      return ['job-complete', 'job-complete', 'block-job-cancel', 'job-cancel'];
    case 'standby':
      return ['job-resume', 'block-job-resume', 'job-complete', 'job-cancel', 'block-job-cancel'];
    case 'paused':
      return ['job-resume', 'block-job-resume', 'job-cancel'];
    default:
      return ['job-cancel', 'block-job-cancel'];
  }
}

const ALL_VERBS = ['cancel', 'complete', 'dismiss', 'finalize', 'pause', 'resume'];

/** Those of the old commands that call the job as the new ones do. */
const BY_ID = /^(job-|block-job-(finalize|dismiss))/;

/** @param any members of events that are luck */
export function playVerb(sketch: Sketch, job: Job, any: readonly string[] = []): void {
  const { draw } = sketch;
  const isAny = draw.chance(0.12);
  const drawn = isAny ? `job-${draw.pick(ALL_VERBS)}` : draw.pick(verbsFor(job));
  // To be paused is not to have come to rest.
  if (drawn.endsWith('-pause') && job.status === 'running') return;
  // The same, as it was called before.
  const verb = draw.chance(0.15) ? drawn.replace(/^job-/, 'block-job-') : drawn;
  const named = BY_ID.test(verb) ? { id: job.id } : { device: job.id };
  const force = verb === 'block-job-cancel' ? draw.pick([undefined, true, false]) : undefined;
  sketch.qmp(verb, { ...named, force });
  sketch.rest(any);
}

/** Every job to its end, one by one. */
export function endJobs(sketch: Sketch): void {
  for (let left = 20; left > 0; left--) {
    const job = sketch.run.jobs.at(-1);
    if (job === undefined) return;
    const verb =
      job.status === 'concluded' ? 'job-dismiss' : job.status === 'pending' ? 'job-finalize' : 'job-cancel';
    const answer = sketch.qmp(verb, { id: job.id });
    if (answer === null) return;
    sketch.rest();
  }
}

/** What is asked of any job. */
export const VERB_MOVES: readonly Move[] = [
  {
    name: 'job verb',
    weight: 6,
    make(sketch) {
      const job = sketch.draw.any(sketch.run.jobs);
      if (job !== undefined) playVerb(sketch, job);
    },
  },
];

export const JOB_MOVES: readonly Move[] = [
  { name: 'backup', weight: 5, make: playBackup },
  { name: 'mirror', weight: 3, make: playMirror },
  { name: 'complete and compare', weight: 2, make: playCopied },
  { name: 'jobs together', weight: 2, make: playTogether },
  ...UNREADABLE_MOVES,
  ...VERB_MOVES,
  {
    name: 'query jobs',
    weight: 1,
    make: (sketch) => void sketch.qmp('query-jobs'),
  },
  {
    name: 'write beside jobs',
    weight: 4,
    make(sketch) {
      const node = someDisk(sketch);
      if (node !== undefined) playChange(sketch, node.name);
    },
  },
];

/** Jobs: what starts them, and what is asked of them where they rest. */
import type { Node } from '../../../spec/block/node.js';
import type { Job } from '../../../spec/job/job.js';
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { openAction } from '../draw/actions.js';
import { members, type Sketch } from '../draw/sketch.js';
import { openFaulty } from './faulty.js';
import { ERRNOS } from './filters.js';
import { playChange, readWhole } from './guest.js';
import type { Move } from './move.js';
import { BROKEN, bitmapsOf, someDisk } from './names.js';

const MOST_JOBS = 3;

/** Whether there are as many jobs as a history may have. */
export function isJobThere({ run }: Sketch): boolean {
  return run.jobs.length >= MOST_JOBS;
}

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

/** What a job may copy: which of its requests a faulty source sees depends on what the source says it has. */
function someSource(sketch: Sketch): Node | undefined {
  return sketch.draw.any(sketch.disks.filter(({ name }) => !name.startsWith('faulty')));
}

/** Where a job may copy to: a new disk, one that is there, or one whose writes fail. */
function drawTarget(sketch: Sketch, source: Node, isOnce: boolean): string {
  const { draw } = sketch;
  if (draw.chance(0.25)) return draw.any(sketch.disks)?.name ?? 'nowhere';
  const size = draw.chance(BROKEN) ? source.size + 512 : source.size;
  const name = openTarget(sketch, size);
  if (!draw.chance(0.25)) return name;
  return openFaulty(sketch, name, size, {
    isOnce: isOnce || draw.chance(0.5),
    errno: draw.pick(ERRNOS),
  });
}

/** The arguments of a backup, mostly ones that belong together. */
export function drawBackup(sketch: Sketch, source: Node): JsonObject {
  const { draw } = sketch;
  const bitmaps = bitmapsOf(source);
  const bitmap = draw.any(bitmaps)?.name;
  const onError = draw.pick([undefined, 'report', 'stop', 'enospc', 'ignore']);
  // To ignore an error that comes again and again is to go on for ever.
  const target = drawTarget(sketch, source, onError === 'ignore');
  // What an image has itself depends on its format, if it is made without a backing file.
  const whole = sketch.format === 'raw' ? ['full', 'top'] : ['full'];
  const kinds: { readonly [name: string]: Json | undefined }[] = [
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
  ];
  const broken = {
    sync: draw.pick(['incremental', 'bitmap', 'full']),
    bitmap: draw.pick(['b9', bitmap ?? 'b0']),
  };
  return members({
    'job-id': draw.chance(BROKEN) ? draw.pick(['j0', '0', '']) : sketch.fresh('j'),
    device: source.name,
    target,
    ...(draw.chance(BROKEN) ? broken : draw.pick(kinds)),
    'auto-finalize': draw.pick([undefined, false, false]),
    'auto-dismiss': draw.pick([undefined, false, false]),
    'on-target-error': onError,
    // One after the other: what of a copy has happened when it fails is luck otherwise.
    'x-perf': members({ 'max-workers': 1, 'max-chunk': 65536 }),
  });
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
  const target = openTarget(sketch, source.size);
  // What is there already must not shine through.
  if (draw.chance(0.4)) playChange(sketch, target);
  const id = sketch.fresh('j');
  // How much it has copied in the end depends on when it came to what was written meanwhile.
  sketch.expectLuck(id);
  sketch.qmp('blockdev-mirror', {
    'job-id': id,
    device: source.name,
    target,
    sync: draw.pick(sketch.format === 'raw' ? ['full', 'full', 'top', 'none'] : ['full', 'full', 'none']),
    granularity: draw.pick([undefined, 512, 4096, 65536, 2 ** 20]),
    'copy-mode': draw.pick([undefined, 'background', 'write-blocking']),
    replaces: draw.chance(BROKEN) ? draw.any(sketch.run.nodes)?.name : undefined,
    'auto-finalize': draw.pick([undefined, undefined, false]),
    'auto-dismiss': draw.pick([undefined, false]),
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

/** @param any members of events that are luck */
export function playVerb(sketch: Sketch, job: Job, any: readonly string[] = []): void {
  const { draw } = sketch;
  const isAny = draw.chance(0.12);
  const verb = isAny ? `job-${draw.pick(ALL_VERBS)}` : draw.pick(verbsFor(job));
  // To be paused is not to have come to rest.
  if (verb.endsWith('-pause') && job.status === 'running') return;
  const old = verb.startsWith('block-job-') ? { device: job.id } : { id: job.id };
  const force = verb === 'block-job-cancel' ? draw.pick([undefined, true, false]) : undefined;
  sketch.qmp(verb, { ...old, force });
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

/** Streams and commits, and what is asked of them where they rest; copies of members of chains. */
import { imageBelow } from '../../../../spec/block/chain/walk.js';
import type { Node } from '../../../../spec/block/node.js';
import type { Job } from '../../../../spec/job/job.js';
import type { JsonObject } from '../../../../spec/json/value.js';
import { hasFaults } from '../../draw/faults.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { drawAuto, openTarget } from '../backup/arguments.js';
import { playChange, readWhole } from '../guest.js';
import { playVerb } from '../jobs.js';
import type { Move } from '../move.js';
import { BROKEN, bitmapsOf } from '../names.js';
import {
  expectBelow,
  forgetLuck,
  guestOf,
  hasLuck,
  heads,
  images,
  isActive,
  membersOf,
  topOf,
} from './members.js';

const MOST_JOBS = 3;

/** How often what is written goes down, and so the progress, is luck. */
const PROGRESS = ['len', 'offset'];

type Choice = readonly [weight: number, args: Parameters<typeof members>[0]];

/** What streams and commits have in common. */
function drawCommon(sketch: Sketch, chain: readonly Node[]): Parameters<typeof members>[0] {
  const { draw } = sketch;
  const policies = [undefined, 'report', 'stop', 'enospc', 'ignore', 'auto'];
  return {
    'job-id': draw.chance(BROKEN) ? draw.pick(['j0', '0', '']) : sketch.fresh('j'),
    'on-error': draw.pick(chain.some(hasFaults) ? [...policies, 'stop', 'stop', 'stop'] : policies),
    speed: draw.chance(BROKEN) ? draw.pick([-1, 0]) : draw.pick([undefined, undefined, 2 ** 40]),
    'auto-finalize': drawAuto(sketch, 0.5),
    'auto-dismiss': drawAuto(sketch, 0.35),
  };
}

function filterName(sketch: Sketch): string | undefined {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.any(sketch.disks)?.name;
  return draw.chance(0.75) ? sketch.fresh('filter') : undefined;
}

/** What an image is to be told that its base is called. */
function newName({ draw }: Sketch, base: Node | undefined): string | undefined {
  if (draw.chance(BROKEN)) return draw.pick(['', 'elsewhere']);
  return base !== undefined && draw.chance(0.3) ? fileOf(base) : undefined;
}

/** As `open` and snapshots name the files of images. */
export function fileOf({ name }: Node): string {
  return name.startsWith('snap') ? `$${name}` : `$${name}.img`;
}

function choose({ draw }: Sketch, choices: readonly Choice[]): Choice[1] {
  return choices[draw.weighted(choices.map(([weight]) => weight))]![1];
}

/** The arguments of a stream of a node, onto something below it or onto nothing. */
export function drawStream(sketch: Sketch, top: Node): JsonObject {
  const { draw } = sketch;
  const below = membersOf(top).slice(1);
  const any = (draw.chance(BROKEN) ? draw.any(sketch.disks) : draw.any(below)) ?? top;
  const named = newName(sketch, any);
  const until = choose(sketch, [
    [3, {}],
    [5, { 'base-node': any.name, 'backing-file': named }],
    [1, { base: fileOf(any), 'backing-file': named }],
    [2, { bottom: any.name }],
    [BROKEN, { 'base-node': any.name, bottom: top.name }],
    [BROKEN, { 'backing-file': fileOf(any) }],
  ]);
  return members({
    ...drawCommon(sketch, membersOf(top)),
    device: top.name,
    ...until,
    'filter-node-name': filterName(sketch),
  });
}

/** The arguments of a commit within the chain of a node. */
export function drawCommit(sketch: Sketch, head: Node): JsonObject {
  const { draw } = sketch;
  // How much of what is added to a base it says itself, over a longer one, is for its format to choose.
  const chain = membersOf(head).filter((node) => node === head || (imageBelow(node)?.size ?? 0) <= node.size);
  const place = draw.int(0, Math.max(0, chain.length - 2));
  const top = draw.chance(BROKEN) ? (draw.any(sketch.disks) ?? head) : chain[place]!;
  const base = draw.any(draw.chance(BROKEN) ? sketch.disks : chain.slice(place + 1)) ?? head;
  const from = choose(sketch, [
    [6, { 'top-node': top.name }],
    [1, { top: fileOf(top) }],
    [place === 0 ? 4 : 0.5, {}],
  ]);
  const into = choose(sketch, [
    [6, { 'base-node': base.name }],
    [1, { base: fileOf(base) }],
    [2, {}],
  ]);
  const common = drawCommon(sketch, chain);
  // To ignore an error that comes again and again is to go on for ever.
  const isEndless = common['on-error'] === 'ignore' && chain.some(isBroken);
  return members({
    ...common,
    device: head.name,
    ...from,
    ...into,
    'backing-file': place > 0 || draw.chance(BROKEN) ? newName(sketch, base) : undefined,
    'on-error': isEndless ? 'report' : common['on-error'],
    'filter-node-name': filterName(sketch),
  });
}

/** Whether they will do so again. */
function isBroken(node: Node): boolean {
  return hasFaults(node) && node.driver.describe()['inject-error.0.once'] !== true;
}

/** Whether another job may be begun. */
export function mayBegin(sketch: Sketch): boolean {
  return sketch.run.jobs.length < MOST_JOBS && !hasLuck(sketch);
}

/** What `ask` asks for, until every job rests; what is luck from then on is known. */
export function act(sketch: Sketch, ask: (any: readonly string[]) => void): void {
  const actives = (): Active[] => sketch.run.jobs.filter(isActive).map((job) => ({ job, top: topOf(job) }));
  const before = actives();
  ask(before.length > 0 ? PROGRESS : []);
  const all = [...before, ...actives()];
  sketch.rest(all.length > 0 ? PROGRESS : []);
  for (const { job, top } of all)
    if (job.status !== 'ready' && top !== undefined) expectBelow(sketch, job, top);
  forgetLuck(sketch);
}

interface Active {
  readonly job: Job;
  readonly top: Node | undefined;
}

/** A guest's write beside jobs, or below them. */
export function playWrite(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.chance(0.8) ? draw.any(heads(sketch)) : draw.any(images(sketch));
  if (node === undefined || node.size === 0) return;
  const guest = draw.chance(0.85) ? guestOf(node) : node;
  for (const job of sketch.run.jobs.filter(isActive)) {
    const top = topOf(job);
    if (top !== undefined) expectBelow(sketch, job, top);
  }
  act(sketch, () => playChange(sketch, guest.name));
}

/** A job to its end, or on its way there; then what is below reads as it should. */
function playVerbs(sketch: Sketch): void {
  const job = sketch.draw.any(sketch.run.jobs);
  if (job === undefined) return;
  act(sketch, (any) => playVerb(sketch, job, any));
}

/** Every job that stands still or waits, to a good end. */
export function endAll(sketch: Sketch): void {
  for (let left = 24; left > 0; left--) {
    const job = sketch.run.jobs.find(({ status }) => status !== 'running');
    if (job === undefined) return;
    const { id, status } = job;
    const verb = VERBS[status] ?? 'job-cancel';
    const isTired = left < 12 && status !== 'concluded';
    act(sketch, () => void sketch.qmp(isTired ? 'job-cancel' : verb, { id }));
  }
}

const VERBS: { readonly [status: string]: string } = {
  concluded: 'job-dismiss',
  pending: 'job-finalize',
  ready: 'job-complete',
  paused: 'job-resume',
  standby: 'job-resume',
};

/** A copy of a member: what it has itself, or all that it shows. */
function playCopy(sketch: Sketch): void {
  const { draw } = sketch;
  const source = draw.any(images(sketch));
  if (source === undefined || source.size === 0 || !mayBegin(sketch)) return;
  const target = openTarget(sketch, source.size, { backing: null });
  const bitmap = draw.any(bitmapsOf(source))?.name;
  const sync = draw.pick(bitmap === undefined ? ['full', 'top'] : ['full', 'top', 'incremental']);
  const job = sketch.fresh('j');
  const isMirror = sync !== 'incremental' && draw.chance(0.4);
  sketch.qmp(isMirror ? 'blockdev-mirror' : 'blockdev-backup', {
    'job-id': job,
    device: source.name,
    target,
    sync,
    bitmap: sync === 'incremental' ? bitmap : undefined,
  });
  sketch.rest();
  if (!isMirror) {
    readWhole(sketch, target, 16);
    return;
  }
  sketch.qmp('block-job-cancel', { device: job });
  sketch.rest(PROGRESS);
  readWhole(sketch, target, 16);
}

function playStream(sketch: Sketch): void {
  const { draw } = sketch;
  const standing = sketch.disks.filter((node) => membersOf(node).length > 1);
  const top = draw.any(draw.chance(BROKEN) ? sketch.disks : standing);
  if (top !== undefined && mayBegin(sketch))
    act(sketch, () => void sketch.qmp('block-stream', drawStream(sketch, top)));
}

function playCommit(sketch: Sketch): void {
  const { draw } = sketch;
  const standing = heads(sketch).filter((node) => membersOf(node).length > 1);
  const head = draw.any(draw.chance(BROKEN) ? sketch.disks : standing);
  if (head !== undefined && mayBegin(sketch))
    act(sketch, () => void sketch.qmp('block-commit', drawCommit(sketch, head)));
}

/** Streams for histories that are about something else. */
export const STREAM_MOVES: readonly Move[] = [
  {
    name: 'stream',
    weight: 1,
    make(sketch) {
      if (sketch.format === 'overlay') playStream(sketch);
    },
  },
];

export const CHAIN_JOB_MOVES: readonly Move[] = [
  { name: 'stream', weight: 4, make: playStream },
  { name: 'commit', weight: 4, make: playCommit },
  { name: 'copy of a member', weight: 0.7, make: playCopy },
  { name: 'verb on a job', weight: 7, make: playVerbs },
  { name: 'write', weight: 7, make: playWrite },
  {
    name: 'speed',
    weight: 0.3,
    make(sketch) {
      const job = sketch.draw.any(sketch.run.jobs);
      if (job !== undefined)
        sketch.qmp('block-job-set-speed', { device: job.id, speed: sketch.draw.pick([0, 2 ** 40, -1]) });
    },
  },
  {
    name: 'query jobs',
    weight: 1,
    make(sketch) {
      const { jobs, undisturbed } = sketch.run;
      // How far an active commit has followed is luck, once there was something to follow.
      if (!jobs.some((job) => isActive(job) && !undisturbed.has(job))) sketch.qmp('query-block-jobs');
    },
  },
];

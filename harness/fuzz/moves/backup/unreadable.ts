/** Backups of disks of which a part cannot be read: what is copied, what guests beside them are told, and what bitmaps have afterwards. */
import type { Node } from '../../../../spec/block/node.js';
import type { Job } from '../../../../spec/job/job.js';
import type { JsonObject } from '../../../../spec/json/value.js';
import { openAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import { copyingOf, standsAtSource } from '../../draw/job/standing-backup.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { openFaulty } from '../faulty.js';
import { playChange, readWhole, someRange } from '../guest.js';
import { isJobThere, playVerb } from '../jobs.js';
import type { Move } from '../move.js';
import { drawBackup, drawCommon, drawPolicy, drawSync, openTarget } from './arguments.js';

/** More nodes than these make histories long, not better. */
const MOST_NODES = 10;

const ERRNOS = [5, 5, 28, 28, 12] as const;

/** A disk that is full of data, below a fault: which requests it sees must not depend on what a file system has no room taken for. */
export function openUnreadable(sketch: Sketch, size: number): string {
  const { draw } = sketch;
  const image = sketch.fresh('stored');
  sketch.play(openAction(image, size, sketch.format === 'overlay' ? { backing: null } : {}));
  sketch.io(image, { op: 'write', offset: 0, length: size, pattern: draw.int(1, 255) });
  return openFaulty(sketch, image, size, {
    iotype: 'read',
    isOnce: draw.chance(0.7),
    errno: draw.pick(ERRNOS),
  });
}

/** What is backed up: the node that cannot be read, one that shows it, or an overlay of it that has a part of its own. */
function openSource(sketch: Sketch, size: number): string {
  const { draw } = sketch;
  const faulty = openUnreadable(sketch, size);
  const kind = draw.pick(['itself', 'itself', 'raw', sketch.format]);
  if (kind === 'itself') return faulty;
  const name = sketch.fresh('faulty');
  if (kind === 'overlay') {
    sketch.play(openAction(name, size, { backing: faulty }));
    const length = CLUSTER * draw.int(1, 2);
    const offset = CLUSTER * draw.int(0, Math.floor(size / CLUSTER));
    if (offset + length <= size) sketch.io(name, { op: 'write', offset, length, pattern: draw.int(1, 255) });
  } else sketch.qmp('blockdev-add', { driver: 'raw', 'node-name': name, file: faulty });
  return name;
}

/** Zeros would not be read; parts of clusters of an overlay are read from below. */
function write(sketch: Sketch, node: Node): void {
  const range = someRange(sketch, node);
  const offset = Math.floor(range.offset / CLUSTER) * CLUSTER;
  const whole = { offset, length: Math.min(node.size - offset, CLUSTER * Math.ceil(range.length / CLUSTER)) };
  const isPart = sketch.format === 'raw' || node.backing === null;
  sketch.io(node.name, { op: 'write', ...(isPart ? range : whole), pattern: sketch.draw.int(1, 255) });
}

function isImage({ run }: Sketch, { driver }: Node): boolean {
  return run.format === 'overlay' && driver.name === run.model.formatDriver;
}

/** A bitmap, and what was written since. */
function addBitmap(sketch: Sketch, node: Node): string | undefined {
  const { draw } = sketch;
  if (draw.chance(0.25)) return undefined;
  sketch.qmp('block-dirty-bitmap-add', {
    node: node.name,
    name: 'b0',
    granularity: draw.pick([512, 4096, CLUSTER, 2 * CLUSTER]),
    persistent: isImage(sketch, node) && draw.chance(0.4) ? true : undefined,
    disabled: draw.chance(0.1) ? draw.chance(0.5) : undefined,
  });
  for (let count = draw.int(1, 3); count > 0; count--) write(sketch, node);
  return 'b0';
}

/** Writes a part of what a backup stands at, if it does. */
function playPart(sketch: Sketch, job: Job, filter: string): boolean {
  const { draw } = sketch;
  const node = sketch.node(filter);
  const next = node === undefined || standsAtSource(job) !== node ? undefined : copyingOf(node)?.next();
  if (next == null) return false;
  const offset = next.offset + 512 * draw.int(0, Math.ceil(next.length / 512) - 1);
  const length = draw.pick([512, 4096, CLUSTER, 2 * CLUSTER]);
  sketch.io(filter, {
    op: 'write',
    offset,
    length: Math.min(length, node!.size - offset),
    pattern: draw.int(1, 255),
  });
  sketch.rest();
  return true;
}

/** What guests write beside the backup, and what is asked of it, where it rests. */
function playBeside(sketch: Sketch, job: Job, filter: string): void {
  const { draw } = sketch;
  for (let left = draw.int(0, 4); left > 0; left--) {
    if (draw.chance(0.4) && playPart(sketch, job, filter)) continue;
    if (sketch.node(filter) !== undefined && draw.chance(0.6)) {
      playChange(sketch, filter);
      sketch.rest();
    } else if (draw.chance(0.4)) sketch.qmp(draw.pick(['query-jobs', 'query-block-jobs']));
    else if (job.status !== 'null') playVerb(sketch, job);
  }
}

/** The backup beside another one, or beside what is done to its bitmap at the same moment. */
function playInTransaction(sketch: Sketch, data: JsonObject, bitmap: string | undefined): void {
  const { draw } = sketch;
  const actions = [members({ type: 'blockdev-backup', data })];
  const other = draw.any(sketch.disks.filter(({ name }) => /^disk\d+$/.test(name)));
  const isBeside = other !== undefined && draw.chance(0.5);
  if (isBeside) {
    const more = drawBackup(sketch, other);
    actions.splice(draw.int(0, 1), 0, members({ type: 'blockdev-backup', data: more }));
    sketch.expectLuck(String(more['job-id']));
    sketch.expectLuck(String(data['job-id']));
  } else if (bitmap !== undefined) {
    const type = `block-dirty-bitmap-${draw.pick(['clear', 'disable', 'enable'])}`;
    actions.unshift(members({ type, data: members({ node: data.device, name: bitmap }) }));
  }
  const isGrouped = isBeside && draw.chance(0.4);
  const properties = isGrouped ? members({ 'completion-mode': 'grouped' }) : undefined;
  sketch.qmp('transaction', { actions, properties });
}

function playUnreadable(sketch: Sketch): void {
  const { draw } = sketch;
  if (isJobThere(sketch) || sketch.disks.length >= MOST_NODES) return;
  const size = CLUSTER * draw.int(1, 6) + draw.pick([0, 0, 512]);
  const source = openSource(sketch, size);
  const node = sketch.node(source);
  if (node === undefined) return;
  const bitmap = addBitmap(sketch, node);
  const filter = sketch.fresh('filter');
  let target = openTarget(sketch, size, sketch.format === 'overlay' ? { backing: null } : {});
  const copy = target;
  if (draw.chance(0.2)) {
    target = openFaulty(sketch, target, size, { iotype: 'write', isOnce: true, errno: draw.pick([5, 28]) });
  }
  const before = sketch.run.jobs;
  const data = members({
    ...drawCommon(sketch),
    device: source,
    target,
    ...drawSync(sketch, bitmap),
    'on-source-error': draw.chance(0.4) ? 'stop' : drawPolicy(sketch, source),
    'on-target-error': drawPolicy(sketch, target),
    'filter-node-name': draw.chance(0.7) ? filter : undefined,
  });
  if (draw.chance(0.3)) playInTransaction(sketch, data, bitmap);
  else sketch.qmp('blockdev-backup', data);
  const job = sketch.run.jobs.find((one) => !before.includes(one));
  sketch.rest();
  if (job !== undefined) playBeside(sketch, job, filter);
  if (bitmap !== undefined) sketch.observe(source);
  readWhole(sketch, copy, 12);
}

export const UNREADABLE_MOVES: readonly Move[] = [
  { name: 'backup of what cannot be read', weight: 2.5, make: playUnreadable },
];

/** Backups and mirrors to images that are made or opened for them, by the names of their files: where there are the commands of old. */
import { imageOf } from '../../../spec/block/chain/walk.js';
import type { Node } from '../../../spec/block/node.js';
import type { Json } from '../../../spec/json/value.js';
import { members, type Sketch } from '../draw/sketch.js';
import { drawAuto, drawCommon, drawPolicy, drawSpeed, drawSync } from './backup/arguments.js';
import { playChange, readWhole } from './guest.js';
import { isJobThere } from './jobs.js';
import type { Move } from './move.js';
import { BROKEN, bitmapsOf } from './names.js';
import { freeImages } from './persistence.js';

type Options = { readonly [name: string]: Json | undefined };

/** A disk as an `open` made it; what has no format of its own makes no images, mostly. */
function someDisk(sketch: Sketch): Node | undefined {
  const all = sketch.disks.filter(({ name, size }) => /^(disk|target)\d+$/.test(name) && size > 0);
  const own = all.filter(({ driver }) => driver.name !== 'null-co');
  return sketch.draw.any(sketch.draw.chance(0.9) ? own : all);
}

/** The image: mostly a new one, of the format of the source. */
function drawImage(sketch: Sketch): { readonly file: string; readonly options: Options } {
  const { draw } = sketch;
  const file = `$${sketch.fresh('full')}`;
  const closed = draw.any(freeImages(sketch));
  if (draw.chance(0.75)) {
    const mode = draw.chance(0.1) ? 'absolute-paths' : undefined;
    return { file, options: { mode, format: draw.chance(0.1) ? draw.pick(['{format}', 'raw']) : undefined } };
  }
  if (draw.chance(BROKEN)) return draw.pick(WRONG(file));
  if (closed !== undefined) return { file: `$${closed}.img`, options: { ...EXISTING, format: '{format}' } };
  sketch.play({ verb: 'create', file: file.slice(1), size: draw.pick(sketch.disks).size });
  return { file, options: { ...EXISTING, format: 'raw' } };
}

const EXISTING: Options = { mode: 'existing' };

/** What is not there, is larger than any disk, or is of a protocol that nobody knows. */
const WRONG = (file: string) => [
  { file, options: EXISTING },
  { file: 'null-co://', options: { ...EXISTING, format: 'raw' } },
  { file: 'nonsense:x', options: EXISTING },
];

/** What QEMU has no arguments for. */
function drawOwn(sketch: Sketch): Options {
  const { draw } = sketch;
  if (!sketch.can('driver:qbm') || draw.chance(0.6)) return {};
  return { 'target-id': sketch.fresh('moment'), 'target-temporary': draw.pick([undefined, true, false]) };
}

/** What was copied to is opened, over what the copy was made over, and read. */
function readCopy(sketch: Sketch, file: string, { format }: Options, backing: string | undefined): void {
  const name = sketch.fresh('copy');
  const isRaw = format === 'raw' || sketch.format === 'raw';
  const answer = sketch.qmp('blockdev-add', {
    driver: isRaw ? 'raw' : '{format}',
    'node-name': name,
    'read-only': sketch.draw.chance(0.5) ? true : undefined,
    file: members({ driver: 'file', filename: file }),
    backing: isRaw ? undefined : backing,
  });
  if (answer?.ok !== true) return;
  readWhole(sketch, name, 12);
  if (sketch.draw.chance(0.7)) sketch.qmp('blockdev-del', { 'node-name': name });
}

function playDriveBackup(sketch: Sketch): void {
  const { draw } = sketch;
  const source = sketch.can('command:drive-backup') ? someDisk(sketch) : undefined;
  if (source === undefined || isJobThere(sketch)) return;
  const { file, options } = drawImage(sketch);
  const filter = draw.chance(0.5) ? sketch.fresh('filter') : undefined;
  const sync = drawSync(sketch, draw.any(bitmapsOf(source))?.name);
  const data = members({
    ...drawCommon(sketch),
    ...sync,
    device: source.name,
    target: file,
    ...options,
    ...drawOwn(sketch),
    'filter-node-name': filter,
    'on-source-error': draw.chance(0.6) ? drawPolicy(sketch, source.name) : undefined,
    'on-target-error': draw.chance(0.6) ? drawPolicy(sketch, source.name) : undefined,
  });
  const below = sync.sync === 'none' ? source.name : sync.sync === 'top' ? source.backing?.name : undefined;
  if (draw.chance(0.45)) {
    const actions = [members({ type: 'drive-backup', data })];
    const action = { node: source.name, name: draw.pick(['b0', 'b1']) };
    const verb = draw.pick(['add', 'clear', 'remove']);
    actions.splice(draw.int(0, 1), 0, members({ type: `block-dirty-bitmap-${verb}`, data: members(action) }));
    if (draw.chance(0.15)) actions.push(members({ type: 'abort', data: members({}) }));
    if (sketch.qmp('transaction', { actions })?.ok !== true) return;
  } else if (sketch.qmp('drive-backup', data)?.ok !== true) return;
  sketch.rest();
  const id = String(data['job-id']);
  if (filter !== undefined && sketch.node(filter) !== undefined) {
    for (let count = draw.int(1, 2); count > 0; count--) playChange(sketch, filter);
  }
  const job = sketch.run.jobs.find((one) => one.id === id);
  if (job !== undefined && draw.chance(0.7)) {
    sketch.qmp(job.status === 'pending' ? 'job-finalize' : 'job-cancel', { id });
    sketch.rest();
  }
  if (!sketch.run.jobs.some((one) => one.id === id)) readCopy(sketch, file, options, below);
}

/** One that nothing uses: such a disk alone can be mirrored. */
function playDriveMirror(sketch: Sketch): void {
  const { draw } = sketch;
  const source = sketch.can('command:drive-mirror') ? someDisk(sketch) : undefined;
  if (source === undefined || isJobThere(sketch)) return;
  const { file, options } = drawImage(sketch);
  const id = sketch.fresh('j');
  sketch.expectLuck(id);
  const name = draw.chance(0.8) ? sketch.fresh('target') : undefined;
  const sync = draw.pick(sketch.format === 'raw' ? ['full', 'top', 'none'] : ['full', 'full', 'none']);
  sketch.qmp('drive-mirror', {
    'job-id': id,
    device: source.name,
    target: file,
    ...options,
    sync: draw.chance(BROKEN)
      ? draw.pick(['bitmap', 'incremental'])
      : imageOf(source).backing === null
        ? sync
        : draw.pick(['full', 'top', 'none']),
    'node-name': draw.chance(BROKEN) ? source.name : name,
    replaces: draw.chance(0.1) ? source.name : undefined,
    unmap: draw.chance(0.15) ? draw.chance(0.5) : undefined,
    speed: drawSpeed(sketch),
    granularity: draw.chance(BROKEN) ? 3 : draw.pick([undefined, 512, 65536]),
    'buf-size': draw.pick([undefined, 65536, draw.chance(BROKEN) ? -1 : 0]),
    'copy-mode': draw.pick([undefined, 'background', 'write-blocking']),
    'on-source-error': draw.chance(0.6) ? drawPolicy(sketch, source.name) : undefined,
    'on-target-error': draw.chance(0.6) ? drawPolicy(sketch, source.name) : undefined,
    'auto-finalize': drawAuto(sketch, 0.35),
    'auto-dismiss': drawAuto(sketch, 0.3),
  });
  sketch.rest();
  if (draw.chance(0.3)) return;
  const verb = draw.pick(['job-complete', 'block-job-complete', 'block-job-cancel']);
  sketch.qmp(verb, verb === 'job-complete' ? { id } : { device: id });
  sketch.rest();
  if (name !== undefined && !sketch.run.jobs.some((one) => one.id === id)) readWhole(sketch, name, 12);
}

export const DRIVE_MOVES: readonly Move[] = [
  { name: 'drive-backup', weight: 2.5, make: playDriveBackup },
  { name: 'drive-mirror', weight: 1.5, make: playDriveMirror },
];

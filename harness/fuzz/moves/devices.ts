/**
 * Drives, devices and media: what holds a node from a guest's side, comes and goes. Commands name nodes by the drives that
 * they are in, and devices go while jobs and exports are on their nodes.
 */
import type { Backend } from '../../../spec/block/device/backend.js';
import type { Device } from '../../../spec/block/device/device.js';
import type { Node } from '../../../spec/block/node.js';
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { openAction, openExisting } from '../draw/actions.js';
import { diskSize, newSize } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { drawBackup, openTarget } from './backup/arguments.js';
import { drawAny, playCommand } from './bitmaps.js';
import { playOld } from './exports.js';
import type { Move } from './move.js';
import { BROKEN, bitmapsOf, someDisk } from './names.js';
import { anyNode, shown } from './nodes.js';
import { closedImage } from './overlay/sync.js';
import { freeImages } from './persistence.js';

/** More of them make histories long, not better. */
const MOST_DRIVES = 4;
const MOST_DEVICES = 6;

type Drive = Backend & { readonly deviceName: string };

function drives(sketch: Sketch): readonly Drive[] {
  return sketch.run.machine.devices.backends.filter((one): one is Drive => one.deviceName !== undefined);
}

/** Drives that have a node, with it. */
function loaded(sketch: Sketch): readonly { readonly drive: string; readonly node: Node }[] {
  return drives(sketch).flatMap(({ deviceName: drive, node }) => (node === null ? [] : [{ drive, node }]));
}

function devices(sketch: Sketch): readonly Device[] {
  return sketch.run.machine.devices.all;
}

/** An image in a drive: a new one, or one that was closed, or nothing. */
export function openDrive(sketch: Sketch): void {
  const { draw } = sketch;
  if (drives(sketch).length >= MOST_DRIVES) return;
  const device = draw.chance(BROKEN) ? someDrive(sketch) : sketch.fresh('drv');
  const readOnly = draw.chance(0.15);
  const closed = draw.any(freeImages(sketch));
  if (draw.chance(0.15)) sketch.play({ verb: 'drive', id: device, readOnly });
  else if (closed !== undefined && draw.chance(0.4)) sketch.play(openExisting(closed, { device, readOnly }));
  else {
    const isOver = sketch.format === 'overlay' && draw.chance(0.6);
    const backing = isOver ? { backing: draw.pick([null, imageBelow(sketch)]) } : {};
    sketch.play(
      openAction(sketch.fresh('disk'), diskSize(draw), {
        device,
        readOnly,
        driver: draw.chance(0.15) && !isOver ? 'null-co' : 'format',
        ...backing,
      }),
    );
  }
}

/** An image of the format, to stand on. */
function imageBelow(sketch: Sketch): string | null {
  const { formatDriver } = sketch.run.model;
  const images = sketch.disks.filter(
    ({ name, driver }) => /^disk/.test(name) && driver.name === formatDriver,
  );
  return sketch.draw.any(images)?.name ?? null;
}

/** The name of a drive, mostly; rarely of a node, or of nothing. */
function someDrive(sketch: Sketch): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN)) return draw.pick(['nowhere', '', someDisk(sketch)?.name ?? 'disk0']);
  return draw.any(drives(sketch))?.deviceName ?? 'nowhere';
}

function someDevice(sketch: Sketch): string {
  const { draw } = sketch;
  if (draw.chance(BROKEN))
    return draw.pick(['nowhere', '', '/machine/peripheral', ...drives(sketch).map(nameOf)]);
  const device = draw.any(devices(sketch));
  if (device === undefined) return 'nowhere';
  if (draw.chance(0.05)) return device.path;
  return device.id ?? device.path;
}

function nameOf({ deviceName }: Drive): string {
  return deviceName;
}

/** What a command on media is about: a drive by its name, or a device. */
function which(sketch: Sketch): { readonly [name: string]: Json | undefined } {
  const { draw } = sketch;
  if (draw.chance(BROKEN / 2)) return draw.pick([{}, { id: someDevice(sketch), device: someDrive(sketch) }]);
  const removable = devices(sketch).filter(({ isRemovable }) => isRemovable);
  const one = draw.any(removable);
  if (one !== undefined && draw.chance(0.6)) return { id: one.id ?? one.path };
  return draw.chance(0.5) ? { id: someDevice(sketch) } : { device: someDrive(sketch) };
}

export function addController(sketch: Sketch): void {
  sketch.qmp('device_add', { driver: 'virtio-scsi-pci', id: sketch.fresh('s') });
}

function playAdd(sketch: Sketch): void {
  const { draw } = sketch;
  const free = drives(sketch).filter(({ device }) => device === null);
  if (devices(sketch).length >= MOST_DEVICES) return;
  const drive = draw.chance(0.6) ? draw.any(free)?.deviceName : anyNode(sketch);
  const kind = draw.weighted([3, 3, 3, 1]);
  // What QEMU makes itself for a scsi-cd without a drive never lets go of its medium (REF-105).
  const needed = drive ?? draw.any(drives(sketch))?.deviceName ?? anyNode(sketch);
  const controllers = devices(sketch).filter(({ model }) => model.kind === 'controller');
  const bus = kind > 0 && draw.chance(0.3) ? draw.any(controllers)?.busName : undefined;
  sketch.qmp('device_add', {
    driver: (['virtio-blk-pci', 'scsi-hd', 'scsi-cd', 'scsi-hd'] as const)[kind],
    id: draw.chance(BROKEN) ? someDevice(sketch).replace(/^$/, 'v') : sketch.fresh('v'),
    drive: needed,
    bus: draw.chance(BROKEN) ? draw.pick(['pci.0', 'ide.0', 'none.0']) : bus,
    // Without it nobody else can write, and no history sees what is on the disk.
    'share-rw': draw.pick([undefined, true, true, false]),
    removable: kind === 3 ? true : undefined,
  });
}

/** A device goes: at once from a controller, else at a reset, which may come later. Jobs of its drive go, too. */
function playDel(sketch: Sketch): void {
  const { draw } = sketch;
  const answer = sketch.qmp('device_del', { id: someDevice(sketch) });
  if (answer === null) return;
  sketch.rest();
  if (draw.chance(0.6)) playReset(sketch);
}

function playReset(sketch: Sketch): void {
  sketch.qmp('system_reset');
  sketch.rest();
}

function playTray(sketch: Sketch): void {
  const { draw } = sketch;
  const verb = draw.pick(['blockdev-open-tray', 'blockdev-open-tray', 'blockdev-close-tray']);
  const isForced = verb === 'blockdev-open-tray' && draw.chance(0.2);
  sketch.qmp(verb, {
    ...which(sketch),
    force: isForced ? true : verb === 'blockdev-open-tray' && draw.chance(0.1) ? false : undefined,
  });
}

function playEject(sketch: Sketch): void {
  sketch.qmp('eject', { ...which(sketch), force: sketch.draw.pick([undefined, undefined, true, false]) });
}

/** A tray, its medium, and another medium, in the order that works, mostly. */
function playMedium(sketch: Sketch): void {
  const { draw } = sketch;
  const removable = devices(sketch).filter(({ isRemovable }) => isRemovable);
  const one = draw.any(removable);
  const id = one === undefined || draw.chance(BROKEN) ? someDevice(sketch) : (one.id ?? one.path);
  if (draw.chance(0.7)) sketch.qmp('blockdev-open-tray', { id });
  if (draw.chance(0.8)) sketch.qmp('blockdev-remove-medium', { id });
  if (draw.chance(0.8)) {
    const free = sketch.disks.filter(({ parents }) => parents.length === 0);
    const node = draw.chance(0.7) ? (draw.any(free)?.name ?? anyNode(sketch)) : anyNode(sketch);
    sketch.qmp('blockdev-insert-medium', { id, 'node-name': node });
  }
  if (draw.chance(0.6)) sketch.qmp('blockdev-close-tray', { id });
}

/** The image of a node that is closed, or a file that is not there, in the place of a medium. */
function playChange(sketch: Sketch): void {
  const { draw } = sketch;
  const image = draw.chance(BROKEN) ? 'nothing' : closedImage(sketch, diskSize(draw));
  sketch.qmp('blockdev-change-medium', {
    ...which(sketch),
    filename: `$${image}.img`,
    format: '{format}',
    force: draw.pick([undefined, undefined, undefined, true, false]),
    'read-only-mode': draw.pick([undefined, 'retain', 'read-only', 'read-write']),
  });
}

/** A new overlay for what is in a drive. */
function playSnapshot(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.format === 'raw' && !draw.chance(BROKEN)) return;
  const closed = draw.chance(0.25) ? draw.any(freeImages(sketch)) : undefined;
  const name = closed ?? sketch.fresh('disk');
  const data = members({
    device: someDrive(sketch),
    'snapshot-file': `$${name}.img`,
    mode: closed === undefined ? draw.pick([undefined, undefined, 'absolute-paths']) : 'existing',
    // Without a name it has one that nobody knows.
    'snapshot-node-name': draw.chance(0.85) ? name : undefined,
    format: '{format}',
  });
  if (draw.chance(0.7)) sketch.qmp('blockdev-snapshot-sync', data);
  else
    sketch.qmp('transaction', {
      actions: [members({ type: 'blockdev-snapshot-sync', data }), ...others(sketch)],
    });
}

/** What may fail beside a snapshot. */
function others(sketch: Sketch): JsonObject[] {
  const { draw } = sketch;
  if (draw.chance(0.3)) return [members({ type: 'abort', data: members({}) })];
  const { verb, args } = drawAny(sketch);
  return draw.chance(0.5) ? [members({ type: `block-dirty-bitmap-${verb}`, data: args })] : [];
}

/** A command on bitmaps that names the drive. */
function playBitmap(sketch: Sketch): void {
  const { draw } = sketch;
  const { verb, args } = drawAny(sketch);
  const there = loaded(sketch);
  const own = there.find(({ node }) => node.name === args.node) ?? draw.any(there);
  playCommand(sketch, { verb, args: members({ ...args, node: own?.drive ?? 'nowhere' }) });
}

function playResize(sketch: Sketch): void {
  const { draw } = sketch;
  const there = loaded(sketch);
  if (there.length > 0 && draw.chance(0.3)) {
    const { drive } = draw.pick(there);
    sketch.qmp('block-dirty-bitmap-add', { node: drive, name: draw.pick(['b0', 'b1']) });
  }
  const tracked = there.filter(({ node }) => node.bitmaps.length > 0);
  const one = (draw.chance(0.6) ? draw.any(tracked) : undefined) ?? draw.any(there);
  const device = one?.drive ?? someDrive(sketch);
  // The node beside a drive is not looked at.
  const beside = draw.chance(0.1) ? anyNode(sketch) : undefined;
  sketch.qmp('block_resize', { device, 'node-name': beside, size: newSize(draw, one?.node.size ?? 65536) });
}

/** A job on what is in a drive, which ends when the drive goes. */
function playJob(sketch: Sketch): void {
  const { draw, run } = sketch;
  const one = draw.any(loaded(sketch));
  if (one === undefined || run.jobs.length >= 2) return;
  const { drive, node } = one;
  const id = sketch.fresh('j');
  const common = { 'job-id': id, device: drive, 'auto-finalize': false } as const;
  switch (draw.weighted(sketch.format === 'overlay' ? [4, 2, 2, 2] : [4, 2])) {
    case 0:
      sketch.qmp('blockdev-backup', { ...drawBackup(sketch, node), device: drive });
      break;
    case 1: {
      if (node.size === 0) return;
      const target = openTarget(sketch, node.size);
      sketch.expectLuck(id);
      sketch.qmp('blockdev-mirror', { ...common, target, sync: draw.pick(['full', 'none']) });
      break;
    }
    case 2:
      sketch.qmp('block-stream', { ...common });
      break;
    default: {
      const top = shown(sketch, node.backing) ?? node.name;
      sketch.qmp('block-commit', { ...common, 'top-node': draw.chance(0.7) ? top : undefined });
    }
  }
  sketch.rest();
}

/** A device goes with its drive while a job is on what is in it, which stands where only its end lets it go on. */
function playDelUnderJob(sketch: Sketch): void {
  const { draw, run } = sketch;
  const there = devices(sketch).filter(
    ({ backend, id }) => id !== undefined && backend?.deviceName !== undefined && backend.node !== null,
  );
  const one = draw.any(there);
  const { deviceName: drive, node = null } = one?.backend ?? {};
  if (one === undefined || node === null || node.size === 0 || run.jobs.length >= 2) return;
  const id = sketch.fresh('j');
  const target = openTarget(sketch, node.size);
  sketch.expectLuck(id);
  const common = { 'job-id': id, device: drive, target };
  const answer = draw.chance(0.6)
    ? sketch.qmp('blockdev-mirror', { ...common, sync: draw.pick(['full', 'top', 'none']) })
    : sketch.qmp('blockdev-backup', { ...common, sync: 'none' });
  if (answer?.ok !== true) return;
  sketch.rest();
  sketch.qmp('device_del', { id: one.id });
  sketch.rest();
  if (one.controller === null) playReset(sketch);
}

/** An export of the old kind goes with the medium of the drive that it names. */
function playExport(sketch: Sketch): void {
  const drive = someDrive(sketch);
  const node = loaded(sketch).find((one) => one.drive === drive)?.node;
  playOld(sketch, drive, bitmapsOf(node));
}

/** A node above the one that is in a drive. */
function playAbove(sketch: Sketch): void {
  sketch.qmp('blockdev-add', { driver: 'raw', 'node-name': sketch.fresh('over'), file: someDrive(sketch) });
}

/** What is in which device. Of an image every format tells something else. */
export function queryBlock(sketch: Sketch): void {
  if (sketch.format === 'raw') sketch.qmp('query-block');
}

function queryStats(sketch: Sketch): void {
  // Into how many discards a mirror cuts what is empty is luck.
  const isLuck = sketch.steps.some(
    ({ action }) => action.verb === 'qmp' && action.command === 'blockdev-mirror',
  );
  if (sketch.format !== 'raw' || isLuck) return;
  sketch.qmp('query-blockstats', { 'query-nodes': sketch.draw.pick([undefined, true, false]) });
}

export const DEVICE_MOVES: readonly Move[] = [
  { name: 'open a drive', weight: 4, make: openDrive },
  { name: 'add controller', weight: 0.4, make: addController },
  { name: 'add device', weight: 7, make: playAdd },
  { name: 'del device', weight: 3, make: playDel },
  { name: 'reset', weight: 0.8, make: playReset },
  { name: 'tray', weight: 1.5, make: playTray },
  { name: 'eject', weight: 1.5, make: playEject },
  { name: 'another medium', weight: 3, make: playMedium },
  { name: 'change medium', weight: 2, make: playChange },
  { name: 'snapshot of a drive', weight: 2.5, make: playSnapshot },
  { name: 'bitmap by drive', weight: 4, make: playBitmap },
  { name: 'resize by drive', weight: 1.5, make: playResize },
  { name: 'job by drive', weight: 4, make: playJob },
  { name: 'del device under a job', weight: 1.5, make: playDelUnderJob },
  { name: 'export by drive', weight: 1, make: playExport },
  { name: 'node above a drive', weight: 1, make: playAbove },
  { name: 'query block', weight: 1, make: queryBlock },
  { name: 'query blockstats', weight: 0.7, make: queryStats },
];

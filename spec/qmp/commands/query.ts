/** What there is: query-named-block-nodes, query-block. NODES.md, REF-012; BITMAPS.md, BMP-031 and BMP-032. */
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { below, skipImplicit } from '../../block/chain/walk.js';
import type { Backend } from '../../block/device/backend.js';
import { isRemovable } from '../../block/device/media.js';
import type { Node } from '../../block/node.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { array, bool, empty, type Infer, int, lazy, optional, str, struct, type Type } from '../types.js';
import { BlockdevDetectZeroesOptions } from './blockdev-options.js';
import { BlockDeviceIoStatus } from './job.js';

const define = commandsOf<Machine>();

const BlockDirtyInfo = struct('BlockDirtyInfo', {
  name: optional(str),
  count: { type: int, optional: false, doc: 'bytes: set bits × granularity' },
  granularity: { type: int, optional: false, doc: 'bytes' },
  recording: bool,
  busy: bool,
  persistent: bool,
  inconsistent: optional(bool, { doc: 'present only if true' }),
});

const BlockdevCacheInfo = struct('BlockdevCacheInfo', { writeback: bool, direct: bool, 'no-flush': bool });

/** Written out, because the type contains itself. */
interface ImageInfoValue {
  readonly filename: string;
  readonly format: string;
  readonly 'dirty-flag'?: boolean | undefined;
  readonly 'actual-size'?: number | bigint | undefined;
  readonly 'virtual-size': number | bigint;
  readonly 'backing-filename'?: string | undefined;
  readonly 'full-backing-filename'?: string | undefined;
  readonly 'backing-filename-format'?: string | undefined;
  readonly 'backing-image'?: ImageInfoValue | undefined;
}

const ImageInfo: Type<ImageInfoValue> = struct('ImageInfo', {
  filename: str,
  format: str,
  'dirty-flag': optional(bool),
  'actual-size': optional(int, { doc: 'bytes on the host' }),
  'virtual-size': { type: int, optional: false, doc: 'bytes' },
  'backing-filename': optional(str, { doc: 'what the image says is below it' }),
  'full-backing-filename': optional(str, { doc: 'the same, as it is opened' }),
  'backing-filename-format': optional(str),
  'backing-image': optional(
    lazy<ImageInfoValue>('ImageInfo', () => ImageInfo),
    { doc: 'what is below it now' },
  ),
});

const BlockDeviceInfo = struct('BlockDeviceInfo', {
  file: str,
  'node-name': optional(str),
  ro: bool,
  drv: str,
  backing_file: optional(str, { doc: 'the node below, if there is one' }),
  backing_file_depth: int,
  encrypted: bool,
  detect_zeroes: BlockdevDetectZeroesOptions,
  bps: int,
  bps_rd: int,
  bps_wr: int,
  iops: int,
  iops_rd: int,
  iops_wr: int,
  image: ImageInfo,
  cache: BlockdevCacheInfo,
  write_threshold: int,
  'dirty-bitmaps': optional(array(BlockDirtyInfo)),
});

const BlockInfo = struct('BlockInfo', {
  device: { type: str, optional: false, doc: 'the name of the drive; empty for a device on a node' },
  qdev: optional(str, { doc: 'the id or path of the device' }),
  type: str,
  removable: bool,
  locked: bool,
  inserted: optional(BlockDeviceInfo, { doc: 'the medium' }),
  tray_open: optional(bool, { doc: 'of a device that has a tray' }),
  'io-status': optional(BlockDeviceIoStatus, { doc: 'of a drive that a device is attached to' }),
});

/** REF-111 */
function backendInfo(backend: Backend): Infer<typeof BlockInfo> {
  const { device, node, deviceName = '' } = backend;
  return {
    device: deviceName,
    ...(device === null ? {} : { qdev: device.qdev }),
    type: 'unknown',
    removable: isRemovable(backend),
    locked: false,
    ...(node === null ? {} : { inserted: nodeInfo(skipImplicit(node), { flat: false, ofDrive: true }) }),
    ...(device?.isRemovable ? { tray_open: device.isTrayOpen } : {}),
    ...(device === null ? {} : { 'io-status': 'ok' as const }),
  };
}

function bitmapInfo(bitmap: DirtyBitmap): Infer<typeof BlockDirtyInfo> {
  return {
    ...(bitmap.name === null ? {} : { name: bitmap.name }),
    count: bitmap.count,
    granularity: bitmap.granularity,
    recording: bitmap.recording,
    busy: bitmap.busy,
    persistent: bitmap.persistent,
    ...(bitmap.inconsistent ? { inconsistent: true } : {}),
  };
}

/** How much of what is below a node is told. */
interface Depth {
  /** nothing */
  readonly flat: boolean;
  /** filters that nobody knows of are left out: the answer is about a drive. JOB-063 */
  readonly ofDrive: boolean;
}

/** Of the node, and of all below it in its chain. */
function imageInfo(node: Node, how: Depth): ImageInfoValue {
  const stored = node.driver.backing?.stored ?? null;
  const next = how.flat ? null : nextTold(node, how);
  return {
    filename: node.filename,
    format: node.driver.name,
    ...(node.driver.hasDirtyFlag ? { 'dirty-flag': false } : {}),
    ...(isRoomKnown(node) ? { 'actual-size': 0 } : {}),
    'virtual-size': node.size,
    ...(stored === null
      ? {}
      : {
          'backing-filename': stored.file,
          'full-backing-filename': stored.full,
          'backing-filename-format': stored.format,
        }),
    ...(next === null ? {} : { 'backing-image': imageInfo(next, how) }),
  };
}

/**
 * Whether it is told what room the node takes on the host. A blkdebug node says nothing of it, as it stands for a protocol that
 * does not know, and neither does what is above one. How much it is, is the storage's business. REF-012
 */
function isRoomKnown({ driver, children }: Node): boolean {
  if (driver.isProtocol === true) return driver.shown === undefined;
  if (driver.shown !== undefined) return isRoomKnown(driver.shown);
  return children.every(({ role, child }) => role === 'backing' || isRoomKnown(child));
}

/** The node below in its chain, of which filters are a part. */
function nextTold(node: Node, { ofDrive }: Depth): Node | null {
  const next = below(node);
  return next === null || !ofDrive ? next : skipImplicit(next);
}

function depth(node: Node, how: Depth): number {
  const next = nextTold(node, how);
  return next === null ? 0 : depth(next, how) + 1;
}

function nodeInfo(node: Node, how: Depth): Infer<typeof BlockDeviceInfo> {
  return {
    file: node.filename,
    'node-name': node.name,
    ro: node.readOnly,
    drv: node.driver.name,
    ...(node.backing === null ? {} : { backing_file: skipImplicit(node.backing).filename }),
    backing_file_depth: how.flat ? 0 : depth(node, how),
    encrypted: false,
    detect_zeroes: node.options.detectZeroes,
    bps: 0,
    bps_rd: 0,
    bps_wr: 0,
    iops: 0,
    iops_rd: 0,
    iops_wr: 0,
    image: imageInfo(node, how),
    cache: { writeback: true, direct: node.options.cacheDirect, 'no-flush': node.options.cacheNoFlush },
    write_threshold: 0,
    // BMP-031, BMP-032: all of them, newest first
    ...(node.bitmaps.length > 0 ? { 'dirty-bitmaps': node.bitmaps.map(bitmapInfo) } : {}),
  };
}

export const QUERY_COMMANDS = [
  define({
    name: 'query-named-block-nodes',
    doc: 'All nodes with their images and dirty bitmaps, newest first.',
    args: struct('QueryNamedBlockNodesArguments', {
      flat: optional(bool, { doc: 'leave out the images of backing files; default false' }),
    }),
    returns: array(BlockDeviceInfo),
    rules: ['REF-012', 'BMP-005', 'BMP-031', 'BMP-032'],
    // REF-012
    execute: (machine, { flat = false }) =>
      machine.graph.nodes.map((node) => nodeInfo(node, { flat, ofDrive: false })),
  }),
  define({
    name: 'query-block',
    doc: 'All drives, and the devices that are on nodes, oldest first.',
    args: empty,
    returns: array(BlockInfo),
    rules: ['REF-111'],
    execute: (machine) => machine.devices.backends.map(backendInfo),
  }),
];

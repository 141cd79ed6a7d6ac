/** What there is: query-named-block-nodes, query-block. NODES.md, REF-012; BITMAPS.md, BMP-031 and BMP-032. */
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { Backend } from '../../block/device/backend.js';
import { isRemovable } from '../../block/device/media.js';
import type { Node } from '../../block/node.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { array, bool, empty, enumeration, type Infer, int, optional, str, struct } from '../types.js';
import { BlockdevDetectZeroesOptions } from './blockdev-options.js';

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

const ImageInfo = struct('ImageInfo', {
  filename: str,
  format: str,
  'dirty-flag': optional(bool),
  'actual-size': optional(int, { doc: 'bytes on the host' }),
  'virtual-size': { type: int, optional: false, doc: 'bytes' },
});

const BlockDeviceInfo = struct('BlockDeviceInfo', {
  file: str,
  'node-name': optional(str),
  ro: bool,
  drv: str,
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

const BlockDeviceIoStatus = enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace']);

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
    ...(node === null ? {} : { inserted: nodeInfo(node) }),
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

function nodeInfo(node: Node): Infer<typeof BlockDeviceInfo> {
  return {
    file: node.filename,
    'node-name': node.name,
    ro: node.readOnly,
    drv: node.driver.name,
    backing_file_depth: 0,
    encrypted: false,
    detect_zeroes: node.options.detectZeroes,
    bps: 0,
    bps_rd: 0,
    bps_wr: 0,
    iops: 0,
    iops_rd: 0,
    iops_wr: 0,
    image: {
      filename: node.filename,
      format: node.driver.name,
      ...(node.driver.hasDirtyFlag ? { 'dirty-flag': false } : {}),
      // Where the bytes are is the storage's business.
      'actual-size': 0,
      'virtual-size': node.size,
    },
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
    execute: (machine) => machine.graph.nodes.map(nodeInfo),
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

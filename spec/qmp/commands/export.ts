/** Exports by command: the NBD server, block-export-add and -del, and what there is. spec/nbd/NBD.md, NBD-023 to NBD-028. */
import { BlockError } from '../../block/errors.js';
import { NbdError } from '../../nbd/errors.js';
import type { BitmapChoice } from '../../nbd/exports.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import {
  array,
  bool,
  empty,
  enumeration,
  type Infer,
  optional,
  str,
  struct,
  uint16,
  uint32,
  union,
} from '../types.js';
import { BlockDirtyBitmapOrStr, findBitmap } from './bitmap.js';
import { canMove, connected, placeOf } from './thread/place.js';

const define = commandsOf<Machine>();

const BlockExportType = enumeration('BlockExportType', ['nbd']);
const BlockExportRemoveMode = enumeration('BlockExportRemoveMode', ['safe', 'hard']);

const SocketAddressType = enumeration('SocketAddressType', ['inet', 'unix', 'vsock', 'fd']);

const InetSocketAddress = struct('InetSocketAddress', {
  host: str,
  port: str,
  numeric: optional(bool),
  to: optional(uint16),
  ipv4: optional(bool),
  ipv6: optional(bool),
  'keep-alive': optional(bool),
  mptcp: optional(bool),
});

const UnixSocketAddress = struct('UnixSocketAddress', {
  path: str,
  abstract: optional(bool),
  tight: optional(bool),
});
const VsockSocketAddress = struct('VsockSocketAddress', { cid: str, port: str });
const FdAddress = struct('String', { str });

const SocketAddressLegacy = union('SocketAddressLegacy', {
  base: { type: SocketAddressType },
  discriminator: 'type',
  branches: {
    inet: struct('InetSocketAddressWrapper', { data: InetSocketAddress }),
    unix: struct('UnixSocketAddressWrapper', { data: UnixSocketAddress }),
    vsock: struct('VsockSocketAddressWrapper', { data: VsockSocketAddress }),
    fd: struct('StringWrapper', { data: FdAddress }),
  },
});

/** The same without the wrappers, as --nbd-server takes it. */
const SocketAddress = union('SocketAddress', {
  base: { type: SocketAddressType },
  discriminator: 'type',
  branches: { inet: InetSocketAddress, unix: UnixSocketAddress, vsock: VsockSocketAddress, fd: FdAddress },
});

export const NbdServerOptions = struct('NbdServerOptions', {
  addr: SocketAddress,
  'tls-creds': optional(str),
  'tls-authz': optional(str),
  'max-connections': optional(uint32),
});

export const BlockExportOptions = union('BlockExportOptions', {
  base: {
    type: BlockExportType,
    id: { type: str, optional: false, doc: 'of the export, for block-export-del' },
    'fixed-iothread': optional(bool, {
      doc: 'whether the node stays in the iothread that it is in; default false',
    }),
    iothread: optional(str, { doc: 'id of the one that the node is moved to' }),
    'node-name': { type: str, optional: false, doc: 'what is exported' },
    writable: optional(bool, { doc: 'default false' }),
    writethrough: optional(bool, { doc: 'each write is on disk when it is answered; default false' }),
  },
  discriminator: 'type',
  branches: {
    nbd: struct('BlockExportOptionsNbd', {
      name: optional(str, { doc: 'what clients ask for; default: the name of the node' }),
      description: optional(str),
      bitmaps: optional(array(BlockDirtyBitmapOrStr), { doc: 'shown as qemu:dirty-bitmap:NAME' }),
      'allocation-depth': optional(bool, { doc: 'shows qemu:allocation-depth; default false' }),
    }),
  },
});

const BlockExportInfo = struct('BlockExportInfo', {
  id: str,
  type: BlockExportType,
  'node-name': str,
  'shutting-down': bool,
});

function choicesOf(
  machine: Machine,
  bitmaps: readonly Infer<typeof BlockDirtyBitmapOrStr>[] | undefined,
): BitmapChoice[] {
  return (bitmaps ?? []).map((one) =>
    typeof one === 'string' ? one : () => findBitmap(machine, one).bitmap,
  );
}

export const EXPORT_COMMANDS = [
  define({
    name: 'nbd-server-start',
    doc: 'Lets NBD clients connect. What they can see is said by block-export-add.',
    args: struct('NbdServerStartArguments', {
      addr: SocketAddressLegacy,
      'tls-creds': optional(str, { doc: 'there is no TLS here' }),
      'tls-authz': optional(str),
      'max-connections': optional(uint32, { doc: 'at once; 0 for no limit; default 100' }),
    }),
    returns: empty,
    rules: ['NBD-028', 'NBD-040', 'NBD-043'],
    execute(machine, args) {
      const { addr, 'max-connections': mostConnections, 'tls-creds': tlsCreds } = args;
      machine.exports.start(addr, { mostConnections, tlsCreds });
    },
  }),
  define({
    name: 'nbd-server-stop',
    doc: 'Ends every connection and every export.',
    args: empty,
    returns: empty,
    rules: ['NBD-028'],
    execute: (machine) => machine.exports.stop(),
  }),
  define({
    name: 'nbd-server-add',
    doc: 'Exports a node, or what is in a device, under its own name.',
    args: struct('NbdServerAddOptions', {
      device: { type: str, optional: false, doc: 'name of a device or of a node' },
      name: optional(str, { doc: 'of the export, and its id; default: device' }),
      description: optional(str),
      writable: optional(bool, { doc: 'default false; a read-only node is not exported as writable' }),
      bitmap: optional(str),
    }),
    returns: empty,
    rules: ['NBD-023', 'NBD-026'],
    execute(machine, args) {
      // PRECONDITIONS
      const { device, name = device, description = null, writable = false, bitmap } = args;
      const node = machine.graph.lookup(device, device);
      machine.exports.checkId(name);
      // EFFECTS
      const isWritable = writable && !node.readOnly;
      const plain = { isWritethrough: false, showsDepth: false, iothread: null, isFixed: false };
      const bitmaps = bitmap === undefined ? [] : [bitmap];
      const options = { id: name, name, description, isWritable, ...plain };
      const made = machine.exports.add(node, options, bitmaps);
      // REF-105, REF-109
      const drive = machine.devices.findDrive(device);
      if (drive === undefined) return;
      drive.shown.add(made);
      drive.whenEjected(() => machine.exports.eject(made));
      made.whenGone = () => machine.devices.unshow(drive, made);
    },
  }),
  define({
    name: 'nbd-server-remove',
    doc: 'The same as block-export-del.',
    args: struct('NbdServerRemoveOptions', {
      name: { type: str, optional: false, doc: 'id of the export' },
      mode: optional(BlockExportRemoveMode, { doc: 'default safe' }),
    }),
    returns: empty,
    rules: ['NBD-027'],
    execute: (machine, { name, mode = 'safe' }) => machine.exports.remove(name, mode),
  }),
  define({
    name: 'block-export-add',
    doc: 'Exports a node, with bitmaps of it or of others.',
    args: BlockExportOptions,
    returns: empty,
    rules: ['NBD-023', 'NBD-024', 'NBD-025', 'NBD-026', 'REF-173'],
    execute(machine, args) {
      // PRECONDITIONS
      const { id, name = args['node-name'], description = null, writable = false } = args;
      machine.exports.checkId(id);
      const node = machine.graph.lookup('', args['node-name']);
      machine.exports.checkWritable(node, writable);
      const { iothread = null } = args;
      if (iothread !== null && !machine.iothreads.has(iothread)) {
        throw new NbdError('NBD-E-IOTHREAD', { id: iothread });
      }
      const isFixed = args['fixed-iothread'] ?? false;
      const nodes = connected(node);
      const moves = iothread !== null && canMove(machine, nodes, iothread);
      if (iothread !== null && isFixed && !moves) throw new BlockError('REF-E-THREAD-FIXED');
      const place = moves ? iothread : placeOf(machine, nodes);
      // EFFECTS
      const options = {
        ...{ id, name, description, isWritable: writable },
        isWritethrough: args.writethrough ?? false,
        showsDepth: args['allocation-depth'] ?? false,
        iothread,
        isFixed,
      };
      const made = machine.exports.add(node, options, choicesOf(machine, args.bitmaps));
      if (moves || isFixed) made.place = place;
    },
  }),
  define({
    name: 'block-export-del',
    doc: 'Ends an export.',
    args: struct('BlockExportDelArguments', {
      id: str,
      mode: optional(BlockExportRemoveMode, {
        doc: 'safe, the default, is refused while clients use it; hard disconnects them',
      }),
    }),
    returns: empty,
    rules: ['NBD-027'],
    execute: (machine, { id, mode = 'safe' }) => machine.exports.remove(id, mode),
  }),
  define({
    name: 'query-block-exports',
    doc: 'The exports, newest first.',
    args: empty,
    returns: array(BlockExportInfo),
    rules: ['NBD-023'],
    execute: (machine) =>
      machine.exports.all.map((one) => ({
        id: one.id,
        type: 'nbd' as const,
        'node-name': one.edge.child.name,
        'shutting-down': false,
      })),
  }),
];

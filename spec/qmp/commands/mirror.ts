/** blockdev-mirror and drive-mirror: checks in QEMU's order, then the job. spec/job/mirror/MIRROR.md. */
import { checkBlockers } from '../../block/blockers.js';
import { imageOf, skipImplicit } from '../../block/chain/walk.js';
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import { JobError } from '../../job/errors.js';
import type { Ending } from '../../job/mirror/ending.js';
import { canReplace } from '../../job/mirror/replace.js';
import { startMirror } from '../../job/mirror/start.js';
import { commandsOf } from '../command.js';
import { openStoredBacking } from '../drive/backing.js';
import { checkNotInUse } from '../drive/in-use.js';
import { NewImageMode } from '../drive/new-image.js';
import { openTarget } from '../drive/target.js';
import type { Machine } from '../machine.js';
import { bool, empty, enumeration, type Infer, int, optional, str, struct, uint32 } from '../types.js';
import { exactNumber } from '../validate.js';
import { BlockdevOnError, MirrorSyncMode } from './backup.js';

const define = commandsOf<Machine>();

const MirrorCopyMode = enumeration('MirrorCopyMode', [
  { name: 'background', doc: 'what is written to the source is copied later' },
  { name: 'write-blocking', doc: 'a write goes to both before it is answered' },
]);

/** 64 MiB, in bytes. */
const LARGEST_GRANULARITY = 2 ** 26;

const COMMON = {
  'job-id': optional(str, { doc: 'default: the name of the drive' }),
  device: { type: str, optional: false, doc: 'what is mirrored: a drive or a node that no other node uses' },
  replaces: optional(str, { doc: 'the node that the target takes the place of; default: the source' }),
  sync: MirrorSyncMode,
  speed: optional(int, { doc: 'bytes a second; default 0: no limit' }),
  granularity: optional(uint32, { doc: 'bytes, a power of two; default: as that of a bitmap of the target' }),
  'buf-size': optional(int, { doc: 'bytes that are kept in memory at most' }),
  'on-source-error': optional(BlockdevOnError, { doc: 'default report' }),
  'on-target-error': optional(BlockdevOnError, { doc: 'default report' }),
  'copy-mode': optional(MirrorCopyMode, { doc: 'default background' }),
  'auto-finalize': optional(bool, { doc: 'default true' }),
  'auto-dismiss': optional(bool, { doc: 'default true' }),
} as const;

const BlockdevMirror = struct('BlockdevMirror', {
  ...COMMON,
  target: { type: str, optional: false, doc: 'where to: a drive or a node of the same size' },
  'filter-node-name': optional(str, { doc: 'of the filter above the source' }),
});

const DriveMirror = struct('DriveMirror', {
  ...COMMON,
  target: { type: str, optional: false, doc: 'where to: the name of an image' },
  format: optional(str, { doc: 'of the target; default: that of the source, or of an image that is there' }),
  'node-name': optional(str, { doc: 'what the target is to be called' }),
  mode: optional(NewImageMode, { doc: 'default absolute-paths' }),
  unmap: optional(bool, { doc: 'zeros need no room on the target; default true. No matter here' }),
});

/** What a mirror is asked for with, however its target comes. */
type MirrorRequest = Omit<Infer<typeof BlockdevMirror>, 'device' | 'target'>;

/** The node of `device`, which neither another node nor a job uses. JOB-061 @throws BlockError */
function rootNode(machine: Machine, device: string): Node {
  const node = machine.graph.lookup(device, device);
  if (!node.isRoot) throw new BlockError('REF-E-NOT-ROOT');
  return node;
}

interface Target {
  readonly node: Node;
  /** what the source has nothing of must be made zeros there */
  readonly zero: boolean;
  readonly backing: Ending['backing'];
}

/** Checks in this order, and the job. JOB-061 @throws Refusal; then all is as before */
function mirror(machine: Machine, source: Node, target: Target, args: MirrorRequest): void {
  const granularity = checkGranularity(args);
  checkBlockers(source, 'mirror-source');
  checkBlockers(target.node, 'mirror-target');
  const replaces = nodeToReplace(machine, source, args.replaces);
  const { sync } = args;
  if (sync === 'incremental' || sync === 'bitmap') throw new JobError('JOB-E-MIRROR-SYNC', { sync });
  checkNotInUse(machine, target.node);
  const below = sync === 'top' ? backingBelowFilters(source) : null;
  startMirror(machine.graph, machine.jobs, {
    type: 'mirror',
    id: args['job-id'],
    source,
    target: target.node,
    initial: sync === 'none' ? 'nothing' : { base: below },
    zeroTarget: target.zero,
    copyMode: args['copy-mode'] ?? 'background',
    granularity,
    bufferSize: exactNumber(args['buf-size'] ?? 0, 'buf-size'),
    speed: exactNumber(args.speed ?? 0, 'speed'),
    onSourceError: args['on-source-error'] ?? 'report',
    onTargetError: args['on-target-error'] ?? 'report',
    ending: { backing: target.backing, replaces },
    filterName: args['filter-node-name'] ?? null,
    autoFinalize: args['auto-finalize'],
    autoDismiss: args['auto-dismiss'],
  });
}

/** What the source stands on, filters aside; null if nothing. */
function backingBelowFilters(source: Node): Node | null {
  const { backing } = imageOf(source);
  return backing === null ? null : imageOf(backing);
}

/** @throws JobError JOB-E-MIRROR-GRANULARITY-RANGE, JOB-E-MIRROR-GRANULARITY-POWER */
function checkGranularity({ granularity = 0 }: MirrorRequest): number | undefined {
  const bytes = exactNumber(granularity, 'granularity');
  if (bytes === 0) return undefined;
  if (bytes < 512 || bytes > LARGEST_GRANULARITY) throw new JobError('JOB-E-MIRROR-GRANULARITY-RANGE');
  if (!Number.isInteger(Math.log2(bytes))) throw new JobError('JOB-E-MIRROR-GRANULARITY-POWER');
  return bytes;
}

/** By its name, because it is looked for again at the end; null for the source. @throws BlockError, JobError */
function nodeToReplace({ graph }: Machine, source: Node, asked: string | undefined): string | null {
  const known = skipImplicit(source);
  const name = asked ?? (known === source ? null : known.name);
  if (name === null) return null;
  const node = graph.find(name);
  if (node === undefined) throw new BlockError('REF-E-NO-NODE', { node: name });
  checkBlockers(node, 'replace');
  if (!canReplace(source, node))
    throw new JobError('JOB-E-MIRROR-REPLACES', { node: name, source: source.name });
  if (node.size !== source.size) throw new JobError('JOB-E-MIRROR-REPLACES-SIZE');
  return name;
}

/** JOB-076 @throws Refusal, StorageError; then nothing is left */
function driveMirror(machine: Machine, args: Infer<typeof DriveMirror>): void {
  const source = rootNode(machine, args.device);
  checkBlockers(source, 'mirror-source'); // before anything is made
  const stored = imageOf(source).backing;
  const sync = args.sync === 'top' && stored === null ? 'full' : args.sync;
  if (args.replaces !== undefined && args['node-name'] === undefined)
    throw new JobError('JOB-E-MIRROR-NODE-NAME');
  const below = sync === 'none' ? source : stored;
  const isNew = args.mode !== 'existing';
  const target = openTarget(machine, source, {
    file: args.target,
    format: args.format,
    mode: args.mode,
    newBacking: sync === 'full' || below === null ? null : skipImplicit(below),
    over: null,
    nodeName: args['node-name'],
  });
  const { node } = target;
  try {
    // JOB-074
    const ours = sync === 'none' ? source : sync === 'top' ? backingBelowFilters(source) : null;
    const backing = isNew ? { node: ours } : (image: Node) => openStoredBacking(machine, image);
    const zero = sync === 'full' && !isNew; // a new one is zeros
    mirror(machine, source, { node, zero, backing }, { ...args, sync });
    target.letGo();
  } catch (refusal) {
    target.letGo();
    target.unmake();
    throw refusal;
  }
}

export const MIRROR_COMMANDS = [
  define({
    name: 'blockdev-mirror',
    doc: 'Makes a node what another is, and keeps it so, until it takes its place or is let go.',
    args: BlockdevMirror,
    returns: empty,
    rules: [
      'JOB-060',
      'JOB-061',
      'JOB-062',
      'JOB-063',
      'JOB-064',
      'JOB-065',
      'JOB-066',
      'JOB-067',
      'JOB-069',
      'JOB-070',
      'JOB-071',
      'JOB-072',
      'JOB-073',
      'JOB-075',
    ],
    execute(machine, args) {
      const source = rootNode(machine, args.device);
      const node = machine.graph.lookup(args.target, args.target);
      mirror(machine, source, { node, zero: args.sync === 'full', backing: 'as it is' }, args);
    },
  }),
  define({
    name: 'drive-mirror',
    doc: 'As blockdev-mirror, to an image that is made or opened for it. It goes with whoever uses it.',
    args: DriveMirror,
    returns: empty,
    rules: ['JOB-060', 'JOB-074', 'JOB-076', 'JOB-077'],
    execute: driveMirror,
  }),
];

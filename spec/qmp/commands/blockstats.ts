/** What was done with nodes and devices so far: query-blockstats. DEVICES.md, REF-112. */
import type { Backend } from '../../block/device/backend.js';
import type { Node } from '../../block/node.js';
import type { JsonObject } from '../../json/value.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { any, array, bool, empty, int, lazy, optional, str, struct, type Type } from '../types.js';

const define = commandsOf<Machine>();

/** The kinds of requests that a guest makes. */
const KINDS = ['rd', 'wr', 'unmap', 'flush'] as const;

/** What is counted of each kind, each as its name is made from that of the kind. */
const COUNTERS: readonly (readonly [
  of: readonly (typeof KINDS)[number][],
  name: (kind: string) => string,
])[] = [
  [['rd', 'wr', 'unmap'], (kind) => `${kind}_bytes`],
  [KINDS, (kind) => `${kind}_operations`],
  [KINDS, (kind) => `${kind}_total_time_ns`],
  [['rd', 'wr', 'unmap'], (kind) => `${kind}_merged`],
  [KINDS, (kind) => `failed_${kind}_operations`],
  [KINDS, (kind) => `invalid_${kind}_operations`],
];
const COUNTER_NAMES = COUNTERS.flatMap(([kinds, name]) => kinds.map(name));

const BlockDeviceStats = struct('BlockDeviceStats', {
  ...(Object.fromEntries(COUNTER_NAMES.map((name) => [name, int])) as Readonly<Record<string, typeof int>>),
  wr_highest_offset: { type: int, optional: false, doc: 'where the furthest write to the node ended, bytes' },
  account_invalid: bool,
  account_failed: bool,
  timed_stats: array(empty),
});

/** As types are declared for replies only, one that contains itself is declared by name. */
interface Stats {
  readonly device?: string;
  readonly qdev?: string;
  readonly 'node-name'?: string;
  readonly stats: { readonly [counter: string]: unknown };
  readonly 'driver-specific'?: JsonObject;
  readonly parent?: Stats;
  readonly backing?: Stats;
}

const BlockStats: Type = struct('BlockStats', {
  device: optional(str, { doc: 'the name of the drive; empty for a device on a node' }),
  qdev: optional(str),
  'node-name': optional(str),
  stats: BlockDeviceStats,
  'driver-specific': optional(any, { doc: 'what the driver counts' }),
  parent: optional(
    lazy('BlockStats', () => BlockStats),
    { doc: 'the node below that has the data' },
  ),
  backing: optional(lazy('BlockStats', () => BlockStats)),
});

/** Nothing was counted but how far writes went: no guest uses the devices of this machine. */
function counted(writtenUpTo: number, ofDevice: boolean): Stats['stats'] {
  const none = Object.fromEntries(COUNTER_NAMES.map((name) => [name, 0]));
  return {
    ...none,
    wr_highest_offset: writtenUpTo,
    account_invalid: ofDevice,
    account_failed: ofDevice,
    timed_stats: [],
  };
}

/** @param ofDevice in an answer about devices backing files are told of, too */
function nodeStats(node: Node, ofDevice: boolean): Stats {
  const data = (node.edge('image') ?? node.edge('file'))?.child;
  const { backing } = node;
  const specific = node.driver.statistics?.();
  return {
    'node-name': node.name,
    stats: counted(node.writtenUpTo, false),
    ...(specific === undefined ? {} : { 'driver-specific': specific }),
    ...(data === undefined ? {} : { parent: nodeStats(data, ofDevice) }),
    ...(backing === null || !ofDevice ? {} : { backing: nodeStats(backing, true) }),
  };
}

function backendStats({ deviceName = '', device, node }: Backend): Stats {
  return {
    ...(node === null ? {} : nodeStats(node, true)),
    device: deviceName,
    ...(device === null ? {} : { qdev: device.qdev }),
    stats: counted(node?.writtenUpTo ?? 0, true),
  };
}

export const BLOCKSTATS_COMMANDS = [
  define({
    name: 'query-blockstats',
    doc: 'What was done with each drive and device, or with each node.',
    args: struct('QueryBlockstatsArguments', {
      'query-nodes': optional(bool, { doc: 'nodes in the place of devices; default false' }),
    }),
    returns: array(BlockStats),
    rules: ['REF-112'],
    // Nodes are listed oldest first here, unlike by query-named-block-nodes.
    execute: (machine, args) =>
      args['query-nodes']
        ? machine.graph.nodes.reverse().map((node) => nodeStats(node, false))
        : machine.devices.backends.map(backendStats),
  }),
];

/** What was done with nodes and devices so far: query-blockstats. DEVICES.md, REF-112. */
import { below, skipImplicit } from '../../block/chain/walk.js';
import type { Backend } from '../../block/device/backend.js';
import { Counters, REQUEST_KINDS, type RequestKind } from '../../block/device/counters.js';
import type { Node } from '../../block/node.js';
import type { JsonObject } from '../../json/value.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { any, array, bool, empty, int, lazy, optional, str, struct, type Type } from '../types.js';

const define = commandsOf<Machine>();

const BYTES: readonly RequestKind[] = ['rd', 'wr', 'unmap'];

/** Counters by name, each with what it counts. */
const COUNTERS: readonly (readonly [name: string, value: (counters: Counters) => number])[] = [
  ...BYTES.flatMap((kind) => [
    counter(`${kind}_bytes`, (counters) => counters.of(kind).bytes),
    counter(`${kind}_merged`, () => 0),
  ]),
  ...REQUEST_KINDS.flatMap((kind) => [
    counter(`${kind}_operations`, (counters) => counters.of(kind).operations),
    counter(`failed_${kind}_operations`, (counters) => counters.of(kind).failed),
    counter(`invalid_${kind}_operations`, (counters) => counters.of(kind).invalid),
    counter(`${kind}_total_time_ns`, () => 0), // there is no clock
  ]),
];

function counter(name: string, value: (counters: Counters) => number) {
  return [name, value] as const;
}

const BlockDeviceStats = struct('BlockDeviceStats', {
  ...(Object.fromEntries(COUNTERS.map(([name]) => [name, int])) as Readonly<Record<string, typeof int>>),
  wr_highest_offset: { type: int, optional: false, doc: 'where the furthest write to the node ended, bytes' },
  idle_time_ns: optional(int, { doc: 'since the last request, if there was one' }),
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

/** Of a node only is counted how far writes went. */
const NOTHING = new Counters();

function counted(writtenUpTo: number, ofDevice: Counters | null): Stats['stats'] {
  const counters = ofDevice ?? NOTHING;
  return {
    ...Object.fromEntries(COUNTERS.map(([name, value]) => [name, value(counters)])),
    wr_highest_offset: writtenUpTo,
    ...(counters.isUsed ? { idle_time_ns: 0 } : {}),
    account_invalid: ofDevice !== null,
    account_failed: ofDevice !== null,
    timed_stats: [],
  };
}

/** @param ofDevice in an answer about devices backing files are told of, too */
function nodeStats(node: Node, ofDevice: boolean): Stats {
  const data = (node.edge('image') ?? node.edge('file'))?.child;
  const backing = below(node);
  const specific = node.driver.statistics?.();
  return {
    'node-name': node.name,
    stats: counted(node.writtenUpTo, null),
    ...(specific === undefined ? {} : { 'driver-specific': specific }),
    ...(data === undefined ? {} : { parent: nodeStats(data, ofDevice) }),
    ...(backing === null || !ofDevice ? {} : { backing: nodeStats(backing, true) }),
  };
}

function backendStats({ deviceName = '', device, node, counters }: Backend): Stats {
  return {
    ...(node === null ? {} : nodeStats(skipImplicit(node), true)),
    device: deviceName,
    ...(device === null ? {} : { qdev: device.qdev }),
    stats: counted(node === null ? 0 : skipImplicit(node).writtenUpTo, counters),
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
        ? [...machine.graph.nodes].reverse().map((node) => nodeStats(node, false))
        : machine.devices.backends.map(backendStats),
  }),
];

/** Makes nodes from checked options: children first, then the name, then the node. NODES.md, REF-001 to REF-003. */

import type { Driver } from '../block/drivers/driver.js';
import { openFile } from '../block/drivers/file.js';
import { openNull } from '../block/drivers/null-co.js';
import { openRaw } from '../block/drivers/raw.js';
import { BlockError } from '../block/errors.js';
import { Node, type NodeOptions } from '../block/node.js';
import { LARGEST_SIZE } from '../block/resize.js';
import type { BlockdevRefValue } from './commands/blockdev-options.js';
import type { Machine } from './machine.js';
import { type Opened, type Opener, openQbm } from './open-qbm.js';

type Options = Exclude<BlockdevRefValue, string>;
type PlainOptions = Exclude<Options, { driver: 'qbm' }>;

/**
 * The node of `options` is in the graph when this returns; whoever called holds it. On a refusal nothing is left.
 * @param above the options of the node whose child it is
 */
export function openNode(machine: Machine, options: Options, above: NodeOptions | undefined): Node {
  const { graph } = machine;
  const own = nodeOptions(options, options['node-name'] ?? graph.generateName(), above);
  /** children that were made for this node, or held before: `release` tells them apart */
  const opened: Node[] = [];
  const opener: Opener = {
    child: (ref) => {
      const child = typeof ref === 'string' ? graph.lookup(ref, ref) : openNode(machine, ref, own);
      opened.push(child);
      return child;
    },
  };
  try {
    const below = options.driver === 'raw' ? opener.child(options.file) : undefined;
    checkOptions(options, own);
    if (options['node-name'] !== undefined) graph.checkName(own.name);
    const { driver, children } =
      options.driver === 'qbm'
        ? openQbm(machine, options, own, opener)
        : openPlain(machine, options, own, below);
    const node = new Node(own, driver, children);
    graph.add(node);
    return node;
  } catch (refusal) {
    for (const child of opened.reverse()) graph.release(child);
    throw refusal;
  }
}

/** What a node takes over from the one above: whether it may be written, and how it is cached. */
function nodeOptions(options: Options, name: string, above: NodeOptions | undefined): NodeOptions {
  return {
    name,
    readOnly: options['read-only'] ?? above?.readOnly ?? false,
    // A format passes discards on; what is below it need not ask again. REF-007
    discard: options.discard ?? (above === undefined ? 'ignore' : 'unmap'),
    forceShare: options['force-share'] ?? above?.forceShare ?? false,
    detectZeroes: options['detect-zeroes'] ?? 'off',
    cacheDirect: options.cache?.direct ?? above?.cacheDirect ?? false,
    cacheNoFlush: options.cache?.['no-flush'] ?? above?.cacheNoFlush ?? false,
  };
}

/** REF-014, up to the name. */
function checkOptions(options: Options, own: NodeOptions): void {
  if (own.forceShare && !own.readOnly) throw new BlockError('REF-E-FORCE-SHARE');
  if (options.driver === 'file' && options.filename === '') throw new BlockError('REF-E-FILENAME');
  if (options['detect-zeroes'] === 'unmap' && options.discard !== 'unmap') {
    throw new BlockError('REF-E-DETECT-ZEROES');
  }
}

/** A driver with at most the one child that it stands on. */
function openPlain(
  machine: Machine,
  options: PlainOptions,
  own: NodeOptions,
  child: Node | undefined,
): Opened {
  const driver = openDriver(machine, options, own, child);
  return { driver, children: child === undefined ? [] : [[child, 'file']] };
}

function openDriver(
  machine: Machine,
  options: PlainOptions,
  own: NodeOptions,
  child: Node | undefined,
): Driver {
  switch (options.driver) {
    case 'file':
      checkFileOptions(options, own);
      return openFile(machine.storage, options.filename, !own.readOnly);
    case 'null-co':
      return openNull({
        size: options.size,
        latencyNs: options['latency-ns'],
        readZeroes: options['read-zeroes'],
      });
    case 'raw':
      return openRaw(child!, { offset: bytes(options.offset), size: bytes(options.size) });
  }
}

/** Options that need something this machine has not. */
function checkFileOptions(options: Extract<Options, { driver: 'file' }>, own: NodeOptions): void {
  if (options.aio === 'native' && !own.cacheDirect) throw new BlockError('REF-E-AIO-NATIVE');
  const manager = options['pr-manager'];
  if (manager !== undefined) throw new BlockError('REF-E-PR-MANAGER', { id: manager });
}

/** An offset into a file, or a size of a part of one: what is beyond 2^53−1 is beyond any file here too. */
function bytes(value: number | bigint | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (value > Number.MAX_SAFE_INTEGER)
    throw new BlockError('REF-E-SIZE-MAXIMUM', { size: value, maximum: LARGEST_SIZE });
  return Number(value);
}

/** Makes nodes from checked options: children first, then the name, then the node. NODES.md, REF-001 to REF-003. */

import type { Driver } from '../../block/drivers/driver.js';
import { openFile } from '../../block/drivers/file.js';
import { openNull } from '../../block/drivers/null-co.js';
import { openRaw, rawOptions, useByRaw } from '../../block/drivers/raw.js';
import type { Edge, Holder, Role } from '../../block/edge.js';
import { BlockError } from '../../block/errors.js';
import { Node, type NodeOptions } from '../../block/node.js';
import { firstOf, inherited, TOP_DEFAULTS, withDefaults } from '../../block/options.js';
import { ALL } from '../../block/permissions.js';
import type { BlockdevRefValue } from '../commands/blockdev-options.js';
import { givenOf, isEmptyGroup } from '../given.js';
import type { Machine } from '../machine.js';
import { checkLimits, openFilter } from './open-filters.js';
import { type Adoption, type Opener, openQbm } from './open-qbm.js';

type Options = Exclude<BlockdevRefValue, string>;

/** The node above, and as what it uses the one that is being opened. */
export interface Above {
  readonly node: Node;
  readonly role: Role;
  /** it has looked at all that is reached from here: QBM-041 */
  readonly hasLooked: boolean;
}

/**
 * The node of `options` is in the graph when this returns; whoever called holds it. On a refusal nothing is left.
 */
export function openNode(machine: Machine, options: Options, above: Above | undefined): Node {
  const { graph } = machine;
  const node = newNode(options, options['node-name'] ?? graph.generateName(), above);
  const opener = new NodeOpener(machine, node, above?.hasLooked ?? false);
  try {
    const below = belowOf(opener, options);
    if (below !== undefined) lookThrough(machine, below);
    checkOptions(options, node.options);
    if (options['node-name'] !== undefined) graph.checkName(node.name);
    // A descriptor is opened as a node later than other files are.
    if (options.driver !== 'qbm') graph.place(node);
    node.install(graph.named(node.name, () => openDriver(opener, options, below)));
    graph.add(node);
    // The driver may need something else of its children than what follows from their use.
    graph.change((change) => change.touch(node));
    checkGroups(node);
    return node;
  } catch (refusal) {
    opener.abandon();
    throw refusal;
  }
}

class NodeOpener implements Opener {
  readonly machine: Machine;
  readonly node: Node;
  readonly isLookedAt: boolean;
  /** children that were made for this node, or held before: `release` tells them apart */
  readonly #opened: Node[] = [];

  constructor(machine: Machine, node: Node, isLookedAt: boolean) {
    this.machine = machine;
    this.node = node;
    this.isLookedAt = isLookedAt;
  }

  child(ref: BlockdevRefValue, role: Role): Node {
    if (typeof ref !== 'string') return this.#new(ref, role, false);
    const { name } = this.node;
    // Only these are opened when the node has its name already. REF-014
    if (ref === name && (role === 'image' || role === 'target'))
      throw new BlockError('REF-E-CYCLE', { child: name, role, parent: name });
    return this.#kept(this.machine.graph.lookup(ref, ref));
  }

  childLookedAt(options: Options, role: Role): Node {
    return this.#new(options, role, true);
  }

  #new(options: Options, role: Role, hasLooked: boolean): Node {
    return this.#kept(openNode(this.machine, options, { node: this.node, role, hasLooked }));
  }

  #kept(child: Node): Node {
    if (!this.node.isOpen) this.#opened.push(child);
    return child;
  }

  adopt(children: readonly Adoption[]): Edge[] {
    return this.machine.graph.change((change) =>
      children.map(([child, role, use, demand]) => change.adopt(this.node, child, role, use, { demand })),
    );
  }

  letGo(edge: Edge): void {
    this.machine.graph.change((change) => change.drop(edge));
  }

  release(child: Node): void {
    this.machine.graph.release(child);
  }

  /** The node was not opened: its children go. */
  abandon(): void {
    const { graph } = this.machine;
    graph.release(this.node);
    for (const child of this.#opened.reverse()) graph.release(child);
  }
}

/** Not open yet. What it takes over from the one above: REF-015. */
function newNode(options: Options, name: string, above: Above | undefined): Node {
  const { explicit: named, specific } = givenOf(options);
  const explicit = above === undefined ? firstOf(named, TOP_DEFAULTS) : named;
  const effective =
    above === undefined
      ? explicit
      : firstOf(explicit, inherited(above.node.openedWith.effective, above.role));
  const node = new Node(withDefaults(name, effective), { explicit, effective, specific });
  node.madeFor = above?.node ?? null;
  return node;
}

/** REF-014, up to the name. */
function checkOptions(options: Options, own: NodeOptions): void {
  if (own.forceShare && !own.readOnly) throw new BlockError('REF-E-FORCE-SHARE');
  if (options.driver === 'file' && options.filename === '') throw new BlockError('REF-E-FILENAME');
  if (options['detect-zeroes'] === 'unmap' && own.discard !== 'unmap') {
    throw new BlockError('REF-E-DETECT-ZEROES');
  }
}

/** A group of options that says nothing is left over when the driver has taken its own. REF-014 */
function checkGroups({ driver, openedWith: { specific } }: Node): void {
  for (const [option, value] of specific) {
    const isOwn = driver.name === 'qbm' && option === 'bitmaps';
    if (!isEmptyGroup(value) || isOwn) continue;
    const id = driver.isProtocol === true ? 'REF-E-OPTION-PROTOCOL' : 'REF-E-OPTION-FORMAT';
    throw new BlockError(id, { driver: driver.name, option });
  }
}

/** The child that is opened before anything else is looked at: whatever the driver stands on. */
function belowOf(opener: NodeOpener, options: Options): Node | undefined {
  if (options.driver === 'qbm') checkFile(opener.machine, options.file);
  if (options.driver === 'qbm' || !('file' in options)) return undefined;
  return opener.child(options.file, 'file');
}

/** Who looks at a `file` before it is a child. */
const LOOKER: Holder = { kind: 'command', describe: () => 'an unnamed block device', blocks: () => null };

/** What is looked at is used for that moment: its own children may not be as it needs them from then on. REF-014 */
function lookThrough({ graph }: Machine, below: Node): void {
  below.pinned += 1;
  try {
    graph.attempt((change) => change.hold(LOOKER, below, 'root', { needs: 0, shares: ALL })).revert();
  } finally {
    below.pinned -= 1;
  }
}

/** A descriptor is looked at before it is opened as a node; what is said of that node is wrong all the same. REF-014 */
function checkFile({ graph }: Machine, file: BlockdevRefValue | undefined): void {
  if (typeof file === 'string') graph.lookup(file, file);
  else if (file?.['node-name'] !== undefined) graph.checkName(file['node-name']);
}

function openDriver(opener: NodeOpener, options: Options, below: Node | undefined): Driver {
  const { machine, node } = opener;
  switch (options.driver) {
    case 'file':
      checkFileOptions(options, node.options);
      return openFileNode(machine, node, options.filename);
    case 'null-co':
      return openNull({
        size: options.size,
        latencyNs: options['latency-ns'],
        readZeroes: options['read-zeroes'],
      });
    case 'raw': {
      const part = rawOptions(node.openedWith.specific);
      const [file] = opener.adopt([[below!, 'file', useByRaw(part)]]);
      return openRaw(file!, part);
    }
    case 'qbm':
      return openQbm(opener, options);
    case 'blkdebug':
      checkLimits(options);
      return openFilter(opener, options, opener.child(options.image, 'image'));
    default:
      return openFilter(opener, options, below!);
  }
}

/** Options that need something this machine has not. */
function checkFileOptions(options: Extract<Options, { driver: 'file' }>, own: NodeOptions): void {
  if (options.aio === 'native' && !own.cacheDirect) throw new BlockError('REF-E-AIO-NATIVE');
  const manager = options['pr-manager'];
  if (manager !== undefined) throw new BlockError('REF-E-PR-MANAGER', { id: manager });
}

/** REF-035 */
function openFileNode(machine: Machine, node: Node, filename: string): Driver {
  const { readOnly, autoReadOnly } = node.options;
  const mode = readOnly ? 'read' : autoReadOnly ? 'write if possible' : 'write';
  const driver = openFile(machine.storage, filename, mode);
  if (driver.isReadOnly) node.options = { ...node.options, readOnly: true };
  return driver;
}

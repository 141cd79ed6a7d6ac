/**
 * blockdev-reopen: other options for nodes that are open, for all that are named or for none. CHAINS.md, REF-036 to REF-039.
 */
import { type Json, JsonReal } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import type { GraphChange } from '../change.js';
import { uses } from '../change.js';
import type { PreparedReopen } from '../drivers/driver.js';
import type { Edge, Role } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Graph } from '../graph.js';
import type { Node } from '../node.js';
import {
  firstOf,
  type Given,
  type GivenOptions,
  inherited,
  type OpenedWith,
  withDefaults,
} from '../options.js';
import { flushBefore } from '../request.js';
import { checkBitmaps, followSize } from '../resize.js';
import { skipImplicit } from './walk.js';

/** A node and what is named for it. With `keep` what is not named stays, else it is as if the node were opened now. */
export interface Reopening {
  readonly node: Node;
  readonly given: Given;
  readonly keep?: boolean;
}

/** A node that is reopened: one that is named, or one below that was made for it. */
interface Entry {
  readonly node: Node;
  readonly next: OpenedWith;
  readonly discard: 'ignore' | 'unmap';
  /** children by name, or none */
  readonly named: ReadonlyMap<string, string | null>;
  /** options of children, without those that went to the child itself */
  readonly nested: Map<string, Given>;
  readonly isBackingMissing: boolean;
}

type Queue = Map<Node, Entry>;

/** @throws Refusal, StorageError; then everything is as it was */
export function reopen(graph: Graph, reopenings: readonly Reopening[]): void {
  for (const { node, next } of queueOf(reopenings).values()) {
    if (next.effective.readOnly && !node.readOnly) node.driver.settle?.();
  }
  const queue = [...queueOf(reopenings).values()];
  for (const { node } of queue) flushBefore(node, 'REF-E-REOPEN-FLUSH');
  const { result: prepared, done } = graph.attempt((change) => {
    const all = queue.map((entry) => prepare(graph, change, entry));
    for (const one of all) one.resize?.();
    for (const { node } of queue) checkBitmaps(node);
    return all;
  });
  commit(queue, prepared);
  done();
}

/** Only whether the node may be written is another; what was made for it follows. @throws as {@link reopen} */
export function setReadOnly(graph: Graph, node: Node, readOnly: boolean): void {
  const given = { explicit: { readOnly }, specific: new Map(), children: new Map() };
  reopen(graph, [{ node, given, keep: true }]);
}

/** From below: a parent that writes something down when it becomes writable finds its children so. @throws the first failure */
function commit(queue: readonly Entry[], prepared: readonly PreparedReopen[]): void {
  const failures: unknown[] = [];
  for (const [index, entry] of [...queue.entries()].reverse()) {
    entry.node.openedWith = entry.next;
    try {
      prepared[index]!.commit?.();
    } catch (failure) {
      failures.push(failure);
    }
    followSize(entry.node);
  }
  if (failures.length > 0) throw failures[0];
}

// --- who is reopened, and with what (REF-036)

function queueOf(reopenings: readonly Reopening[]): Queue {
  const queue: Queue = new Map();
  for (const { node, given, keep = false } of reopenings) enqueue(queue, node, given, keep, null);
  return queue;
}

const NOTHING: Given = { explicit: {}, specific: new Map(), children: new Map() };

function enqueue(queue: Queue, node: Node, given: Given, keep: boolean, above: GivenOptions | null): void {
  const queued = queue.get(node);
  const old = queued?.next ?? (keep ? node.openedWith : null);
  const explicit = firstOf(given.explicit, old?.explicit ?? {});
  const effective = firstOf(explicit, above ?? {}, keep ? node.openedWith.effective : {});
  const kept = keep ? node.openedWith.specific : [];
  const specific = new Map([...kept, ...(old?.specific ?? []), ...given.specific]);
  const named = new Map(queued?.named);
  const nested = new Map(queued?.nested);
  for (const [role, child] of given.children) {
    if (typeof child === 'object' && child !== null) nested.set(role, child);
    else named.set(role, child);
  }
  queue.set(node, {
    node,
    next: { explicit, effective, specific },
    discard: effective.discard ?? (above === null ? node.options.discard : 'ignore'),
    named,
    nested,
    isBackingMissing: keep
      ? (queued?.isBackingMissing ?? false)
      : !named.has('backing') && !nested.has('backing'),
  });
  for (const edge of [...node.children].reverse()) enqueueChild(queue, node, edge, effective);
}

/** A child follows if it was made for its parent, and is to stay its child. */
function enqueueChild(queue: Queue, node: Node, edge: Edge, options: GivenOptions): void {
  const { child, role } = edge;
  if (child.madeFor !== node || role === null) return;
  const { named, nested } = queue.get(node)!;
  if (named.has(role) && named.get(role) !== child.name) return;
  const own = (named.has(role) ? undefined : nested.get(role)) ?? NOTHING;
  if (own !== NOTHING) nested.delete(role); // not an option of the one above any more
  // Parts that a format opens by itself are as writable as it is.
  const isPart = own === NOTHING && role !== 'file' && role !== 'backing';
  const above = isPart ? { ...options, readOnly: options.readOnly ?? false } : options;
  enqueue(queue, child, own, own === NOTHING, inherited(above, role));
}

// --- whether it may be so

/** The node is as it is to be, as far as others can see. @throws Refusal */
function prepare(graph: Graph, change: GraphChange, entry: Entry): PreparedReopen {
  const { node, next } = entry;
  const options = { ...withDefaults(node.name, next.effective), discard: entry.discard };
  if (options.detectZeroes === 'unmap' && options.discard !== 'unmap')
    throw new BlockError('REF-E-DETECT-ZEROES');
  const { driver } = node;
  if (driver.reopen === undefined)
    throw new BlockError('REF-E-REOPEN-DRIVER', { driver: driver.name, node: node.deviceOrName });
  checkReset(entry);
  const prepared = driver.reopen({ readOnly: options.readOnly, specific: next.specific });
  change.also(
    node,
    () => {},
    () => prepared.abort?.(),
  );
  const { backing } = driver;
  if (entry.isBackingMissing && backing !== undefined && (node.backing !== null || backing.stored !== null))
    throw new BlockError('REF-E-REOPEN-BACKING', { node: node.name });
  replaceChild(graph, change, entry, 'backing');
  replaceChild(graph, change, entry, 'file');
  checkUnchanged(entry);
  change.setOptions(node, options);
  return prepared;
}

/** An option that is not named is not to be something else by that, but where the driver can do it. */
function checkReset({ node, next }: Entry): void {
  const { specific, effective } = node.openedWith;
  const given = flat(next.specific);
  for (const option of flat(specific).keys()) {
    const isKnown = option === 'node-name' || given.has(option) || node.driver.mutable?.has(option);
    if (!isKnown) throw new BlockError('REF-E-REOPEN-RESET', { option });
  }
  if (effective.forceShare !== undefined && next.effective.forceShare === undefined)
    throw new BlockError('REF-E-REOPEN-RESET', { option: 'force-share' });
}

/** What is within lists and groups has names like `set-state.0.event`. */
function flat(options: ReadonlyMap<string, Json>): Map<string, Json> {
  const parts = new Map<string, Json>();
  const add = (name: string, value: Json): void => {
    const isGroup = typeof value === 'object' && value !== null && Object.keys(value).length > 0;
    if (!isGroup || value instanceof JsonReal) parts.set(name, value);
    else for (const [part, inner] of Object.entries(value)) add(`${name}.${part}`, inner as Json);
  };
  for (const [name, value] of options) add(name, value);
  return parts;
}

/** Any option left that neither this command nor the driver can change is as it was. */
function checkUnchanged({ node, next, named, nested }: Entry): void {
  const refuse = (option: string): never => {
    throw new BlockError('REF-E-REOPEN-OPTION', { option });
  };
  const old = flat(node.openedWith.specific);
  for (const [option, value] of flat(next.specific)) {
    if (node.driver.mutable?.has(option)) continue;
    const before = option === 'node-name' ? node.name : old.get(option);
    if (before === undefined || writeJson(before) !== writeJson(value)) refuse(option);
  }
  if (next.effective.forceShare !== undefined && next.effective.forceShare !== node.options.forceShare)
    refuse('force-share');
  for (const role of nested.keys()) refuse(`${role}.driver`);
  for (const [role, name] of named) {
    const isReplaced = role === 'backing' || role === 'file';
    if (!isReplaced && name !== node.edge(role as Role)?.child.name) refuse(role);
  }
}

/** REF-038: another node as the file, or as the backing file, or none as that. */
function replaceChild(graph: Graph, change: GraphChange, entry: Entry, role: 'backing' | 'file'): void {
  const { node, named } = entry;
  const given = named.get(role);
  if (given === undefined) return;
  const child = given === null ? null : graph.lookup(undefined, given);
  if (child !== null && uses(child, node))
    throw new BlockError('REF-E-CYCLE', { child: child.name, role, parent: node.name });
  const edge = node.edge(role);
  if (child === (edge?.child ?? null)) return;
  if (edge?.child.isImplicit === true) {
    // REF-046: it is there for the job alone, and goes by itself.
    if (skipImplicit(edge.child) === child) return;
    throw new BlockError('REF-E-IMPLICIT-CHILD', { role, parent: node.name });
  }
  if (edge?.isFrozen)
    throw new BlockError('REF-E-FROZEN', { role, parent: node.name, child: edge.child.name });
  if (role === 'file') {
    if (edge === undefined || node.driver.checkFile === undefined)
      throw new BlockError('REF-E-REOPEN-OPTION', { option: role });
    node.driver.checkFile();
  } else if (node.driver.backing === undefined) {
    node.driver.refuseBacking?.(node.name);
    throw new BlockError('REF-E-REOPEN-OPTION', { option: role });
  }
  setChild(change, node, role, child);
}

/** The child of `node` in this role is another from now on, or there is none. REF-036 @throws BlockError */
export function setChild(
  change: GraphChange,
  node: Node,
  role: 'backing' | 'file',
  child: Node | null,
): void {
  const edge = node.edge(role);
  if (edge !== undefined) leave(change, node, edge.child);
  if (edge === undefined) change.adopt(node, child!, role, 'backing');
  else if (child === null) change.drop(edge);
  else change.move(edge, child);
  if (child !== null && wasMadeFor(child, node)) follow(change, child, node);
}

/** `above` goes, and `child` stays: what was made for that one follows those for whom that one was made. */
export function inheritChild(change: GraphChange, child: Node, above: Node): void {
  if (wasMadeFor(child, above)) follow(change, child, above.madeFor);
}

/** The child was made for `node`, or for a node that was, and so on. */
function wasMadeFor(child: Node, node: Node): boolean {
  for (let at: Node | null = child; at !== null; at = at.madeFor) if (at === node) return true;
  return false;
}

/** A child that is used no more does not follow any more. */
function leave(change: GraphChange, node: Node, child: Node): void {
  const uses = node.children.filter((edge) => edge.child === child);
  if (child.madeFor === node && uses.length === 1) follow(change, child, null);
}

function follow(change: GraphChange, child: Node, above: Node | null): void {
  const before = child.madeFor;
  change.also(
    child,
    () => {
      child.madeFor = above;
    },
    () => {
      child.madeFor = before;
    },
  );
}

/** Filters that jobs put above a node for as long as they run. CHAINS.md, REF-046. */
import { Refusal } from '../../refusal.js';
import { type GraphChange, uses } from '../change.js';
import type { Driver } from '../drivers/driver.js';
import type { Demand, Edge, Role } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Graph } from '../graph.js';
import { Node } from '../node.js';
import { withDefaults } from '../options.js';
import { checkBitmaps, followSize } from '../resize.js';

export interface NewFilter {
  /** null: one that nobody can ask for */
  readonly name: string | null;
  readonly readOnly: boolean;
  /** of the child, and what error texts call it */
  readonly link: Role;
  /** what it needs of its child, if not what follows from a filter's use */
  readonly demand?: Demand;
  /** @throws Refusal */
  open(file: Edge): Driver;
}

/** A filter without users yet: held by whoever made it. @throws BlockError, or what `open` throws; nothing is left then */
export function makeFilter(
  graph: Graph,
  child: Node,
  { name, readOnly, link, demand, open }: NewFilter,
): Node {
  if (name !== null) graph.checkName(name);
  const given = { readOnly };
  const opened = { explicit: given, effective: given, specific: new Map() };
  const node = new Node(withDefaults(name ?? graph.generateName(), given), opened);
  node.isImplicit = name === null;
  node.pinned += 1;
  try {
    const file = graph.change((change) =>
      change.adopt(node, child, 'file', 'filtered', { name: link, demand }),
    );
    node.install(open(file));
    graph.add(node);
    graph.change((change) => change.touch(node));
    return node;
  } catch (refusal) {
    dropFilter(graph, node);
    throw refusal;
  }
}

/** Whoever made it lets go of it. */
export function dropFilter(graph: Graph, node: Node): void {
  node.pinned -= 1;
  graph.release(node);
}

/** Whoever uses `from` uses `to`: all but jobs, and what lies below `to`. */
export function moveUsers(change: GraphChange, from: Node, to: Node): void {
  const users = from.parents.filter(({ parent }) =>
    parent instanceof Node ? !uses(to, parent) : parent.kind !== 'job',
  );
  for (const edge of users) change.move(edge, to);
}

/**
 * Whoever uses `from` uses `to`, which may be of another size: the bitmaps above follow when it is done (REF-010).
 * @param more what changes with it
 * @throws Refusal; then nothing has changed
 */
export function handOver(
  graph: Graph,
  [from, to]: readonly [Node, Node],
  more: (change: GraphChange) => void = () => {},
): { done: () => void; revert: () => void } {
  const { done, revert } = graph.attempt((change) => {
    moveUsers(change, from, to);
    more(change);
  });
  try {
    checkBitmaps(to);
  } catch (refusal) {
    revert();
    throw refusal;
  }
  const follow = (): void => {
    done();
    followSize(to);
  };
  return { done: follow, revert };
}

/** @throws BlockError `id`, with the text of the refusal */
export function prefixed<T>(id: 'REF-E-FILTER-CREATE' | 'REF-E-FILTER-REPLACE', action: () => T): T {
  try {
    return action();
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    throw new BlockError(id, { reason: refusal.message });
  }
}

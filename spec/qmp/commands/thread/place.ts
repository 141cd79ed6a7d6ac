/** In which thread nodes are, and who keeps them there. spec/block/THREADS.md, REF-171, REF-173. */
import { Node } from '../../../block/node.js';
import type { NodeExport } from '../../../nbd/node-export.js';
import type { Machine } from '../../machine.js';

/** A node and all that are connected with it, by whom else they are used. */
export function connected(node: Node): ReadonlySet<Node> {
  const found = new Set([node]);
  for (const one of found) {
    for (const { child } of one.children) found.add(child);
    for (const { parent } of one.parents) if (parent instanceof Node) found.add(parent);
  }
  return found;
}

/** The exports of these nodes, newest first. */
export function exportsOf({ exports }: Machine, nodes: ReadonlySet<Node>): NodeExport[] {
  return exports.all.filter(({ edge }) => nodes.has(edge.child));
}

/** The id of the iothread that connected nodes are in; null is the main one. What keeps them there knows best, then who moved them last. */
export function placeOf(machine: Machine, nodes: ReadonlySet<Node>): string | null {
  const all = exportsOf(machine, nodes);
  const { place } = all.find(({ isFixed }) => isFixed) ?? all.find((one) => one.place !== undefined) ?? {};
  if (place !== undefined) return place;
  for (const { iothread } of nodes) if (iothread !== null) return iothread;
  return null;
}

/** Whether connected nodes can be moved to an iothread. REF-171, REF-173 */
export function canMove(machine: Machine, nodes: ReadonlySet<Node>, iothread: string | null): boolean {
  if (isUsedByDevice(nodes)) return false;
  return !exportsOf(machine, nodes).some(({ isFixed }) => isFixed) || placeOf(machine, nodes) === iothread;
}

function isUsedByDevice(nodes: Iterable<Node>): boolean {
  for (const { parents } of nodes) {
    if (parents.some(({ parent }) => !(parent instanceof Node) && parent.kind === 'device')) return true;
  }
  return false;
}

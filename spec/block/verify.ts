/** What must never be in a graph, whatever was done to it. GRAPH.md, REF-011. */
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { Edge } from './edge.js';
import type { Graph } from './graph.js';
import { Node } from './node.js';
import { permissionsOf, refreshPermissions } from './permissions.js';

/**
 * @param held the uses that holders outside of the graph (devices, jobs, exports) know of
 * @param shown the bitmaps that are busy because an export shows them
 * @returns what is wrong, a sentence each
 */
export function verifyGraph(
  graph: Graph,
  held: Iterable<Edge> = [],
  shown: Iterable<DirtyBitmap> = [],
): string[] {
  const known = new Set(held);
  const busy = new Set(shown);
  const wrong = [...permissionsWrong(graph)];
  for (const node of graph.nodes) {
    wrong.push(...edgesWrong(graph, node, known), ...bitmapsWrong(node, busy));
    if (!node.isOpen) wrong.push(`${node.name}: it is not open`);
    if (!node.monitorOwned && node.pinned === 0 && node.parents.length === 0)
      wrong.push(`${node.name}: nobody holds it`);
  }
  for (const edge of known) {
    if (!edge.child.parents.includes(edge)) {
      wrong.push(`${edge.child.name}: ${edge.parent.describe()} uses it, and it does not know`);
    }
  }
  wrong.push(...graph.requests.verify((node) => graph.find(node.name) === node));
  return wrong;
}

function* edgesWrong(graph: Graph, node: Node, held: ReadonlySet<Edge>): Generator<string> {
  for (const edge of node.children) {
    const { child } = edge;
    if (edge.parent !== node) yield `${node.name}: its child ${child.name} is somebody else's`;
    if (!child.parents.includes(edge)) yield `${node.name}: its child ${child.name} does not know`;
    if (graph.find(child.name) !== child) yield `${node.name}: its child ${child.name} is gone`;
  }
  for (const edge of node.parents) {
    const { parent } = edge;
    if (edge.child !== node) yield `${node.name}: ${parent.describe()} uses another node`;
    if (!(parent instanceof Node)) {
      if (!held.has(edge)) yield `${node.name}: ${parent.describe()} uses it, and does not know`;
    } else if (graph.find(parent.name) !== parent) yield `${node.name}: its parent ${parent.name} is gone`;
    else if (!parent.children.includes(edge)) yield `${node.name}: its parent ${parent.name} does not know`;
  }
}

function* bitmapsWrong(node: Node, shown: ReadonlySet<DirtyBitmap>): Generator<string> {
  const names = new Set<string>();
  for (const bitmap of node.bitmaps) {
    const named = `${node.name}: bitmap ${bitmap.name ?? '(anonymous)'}`;
    if (bitmap.size !== node.size) yield `${named} has ${bitmap.size} bytes, the node ${node.size}`;
    if (bitmap.busy && bitmap.successor === null && !shown.has(bitmap))
      yield `${named} is busy, but nobody uses it`;
    if (bitmap.name === null) continue;
    if (names.has(bitmap.name)) yield `${named} is there twice`;
    names.add(bitmap.name);
  }
}

/** Whether each node has what it needs, and no more: working it out anew changes nothing. */
function* permissionsWrong(graph: Graph): Generator<string> {
  const before = graph.nodes.map((node) => [node, permissionsOf(node)] as const);
  try {
    refreshPermissions(graph.nodes);
  } catch (error) {
    yield (error as Error).message;
    return;
  }
  for (const [node, { needs, shares }] of before) {
    const now = permissionsOf(node);
    if (now.needs !== needs || now.shares !== shares)
      yield `${node.name}: its permissions are those of before`;
  }
}

/** Who uses whom, and how: x-debug-query-block-graph. GRAPH.md; CHAINS.md, REF-040. */
import type { Edge, Holder } from '../../block/edge.js';
import { Node } from '../../block/node.js';
import { permissionList } from '../../block/permissions.js';
import { BlockJob } from '../../job/block-job.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { array, empty, enumeration, type Infer, int, str, struct } from '../types.js';

const define = commandsOf<Machine>();

const NodeType = enumeration('XDbgBlockGraphNodeType', ['block-backend', 'block-job', 'block-driver']);
export const BlockPermission = enumeration('BlockPermission', [
  'consistent-read',
  'write',
  'write-unchanged',
  'resize',
]);

const GraphNode = struct('XDbgBlockGraphNode', { id: int, type: NodeType, name: str });
const GraphEdge = struct('XDbgBlockGraphEdge', {
  parent: int,
  child: int,
  name: str,
  perm: array(BlockPermission),
  'shared-perm': array(BlockPermission),
});
const BlockGraph = struct('XDbgBlockGraph', { nodes: array(GraphNode), edges: array(GraphEdge) });

/** Holders first, then nodes, each with the edges down from it; ids by first mention. Lists come newest first. */
function blockGraph(machine: Machine): Infer<typeof BlockGraph> {
  const ids = new Map<Node | Holder, number>();
  const idOf = (one: Node | Holder): number => {
    const id = ids.get(one) ?? ids.size + 1;
    ids.set(one, id);
    return id;
  };
  const nodes: Infer<typeof GraphNode>[] = [];
  const edges: Infer<typeof GraphEdge>[] = [];
  const add = (one: Node | Holder, children: readonly Edge[]): void => {
    nodes.unshift({ id: idOf(one), ...typeAndName(one) });
    for (const edge of children)
      edges.unshift({ parent: idOf(one), child: idOf(edge.child), ...facts(edge) });
  };
  const all = [...machine.graph.nodes].reverse();
  const { graph } = machine;
  const holders = [...holdersOf(all)].sort(([a], [b]) => graph.ageOf(a) - graph.ageOf(b));
  for (const [holder, held] of holders) if (holder.kind !== 'job') add(holder, held);
  for (const job of machine.jobs.all) if (job instanceof BlockJob) add(job, [...job.uses].reverse());
  for (const node of all) add(node, [...node.children].reverse());
  return { nodes, edges };
}

function holdersOf(nodes: readonly Node[]): Map<Holder, Edge[]> {
  const holders = new Map<Holder, Edge[]>();
  for (const edge of nodes.flatMap(({ parents }) => parents)) {
    if (edge.parent instanceof Node) continue;
    holders.set(edge.parent, [...(holders.get(edge.parent) ?? []), edge]);
  }
  return holders;
}

function typeAndName(one: Node | Holder): Pick<Infer<typeof GraphNode>, 'type' | 'name'> {
  if (one instanceof Node) return { type: 'block-driver', name: one.name };
  return one.kind === 'job'
    ? { type: 'block-job', name: one.jobId ?? '' }
    : { type: 'block-backend', name: one.shownName ?? '' };
}

function facts({ name, permissions }: Edge): Pick<Infer<typeof GraphEdge>, 'name' | 'perm' | 'shared-perm'> {
  return {
    name,
    perm: permissionList(permissions.needs),
    'shared-perm': permissionList(permissions.shares),
  };
}

export const BLOCK_GRAPH_COMMANDS = [
  define({
    name: 'x-debug-query-block-graph',
    doc: 'Every user of a node, with what it needs and shares. Ids mean nothing outside of the reply.',
    args: empty,
    returns: BlockGraph,
    rules: ['REF-020', 'REF-022', 'REF-040'],
    features: ['unstable'],
    execute: blockGraph,
  }),
];

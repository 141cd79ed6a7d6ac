/**
 * What users of a node need to do with it, and what they let others do: GRAPH.md, REF-022 to REF-025. Permissions are
 * sets of bits: a node's users need the union of what each needs, and share what all of them share.
 */

import type { Edge } from './edge.js';
import { BlockError } from './errors.js';
import { endsWithinBlock } from './limits/limits.js';
import type { Node } from './node.js';

/** What is read makes a disk: somebody writes it as it is meant to be. */
export const CONSISTENT_READ = 1;
export const WRITE = 2;
/** Writes that leave what is read as it is, like copying up from a backing file. */
export const WRITE_UNCHANGED = 4;
export const RESIZE = 8;
/** All of them. */
export const ALL = 15;

/** As error texts name them, in this order. */
const NAMES = [
  [CONSISTENT_READ, 'consistent read'],
  [WRITE, 'write'],
  [WRITE_UNCHANGED, 'write unchanged'],
  [RESIZE, 'resize'],
] as const;

/** What one user of a node needs, and what it leaves to others. */
export interface Permissions {
  readonly needs: number;
  readonly shares: number;
}

/** What a node needs that is not used by anybody. */
const NOTHING: Permissions = { needs: 0, shares: ALL };

/** "write, resize" */
export function permissionNames(permissions: number): string {
  return NAMES.filter(([bit]) => (permissions & bit) !== 0)
    .map(([, name]) => name)
    .join(', ');
}

/** As x-debug-query-block-graph lists them. */
export function permissionList(
  permissions: number,
): ('consistent-read' | 'write' | 'write-unchanged' | 'resize')[] {
  const list = [
    [RESIZE, 'resize'],
    [WRITE_UNCHANGED, 'write-unchanged'],
    [WRITE, 'write'],
    [CONSISTENT_READ, 'consistent-read'],
  ] as const;
  return list.filter(([bit]) => (permissions & bit) !== 0).map(([, name]) => name);
}

/** What all users of `node` together need and share. REF-022 */
export function permissionsOf(node: Node): Permissions {
  let { needs, shares } = NOTHING;
  for (const edge of node.parents) {
    needs |= edge.permissions.needs;
    shares &= edge.permissions.shares;
  }
  return { needs, shares };
}

/**
 * Works out anew what the nodes `changed`, and all below them, need of their children.
 * @param becomesReadOnly nodes that could be written before this change
 * @param mindsSize whether a node that ends within a block may not be written; a use that ends is no reason to look at that
 * @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY, REF-E-NODE-NOT-WRITABLE, REF-E-ENDS-WITHIN-BLOCK,
 *   REF-E-LOCKED-SHARED. Edges may have some of their new permissions then: whoever
 *   changed the graph changes it back and calls again.
 */
export function refreshPermissions(
  changed: Iterable<Node>,
  becomesReadOnly: ReadonlySet<Node> = new Set(),
  mindsSize = false,
): void {
  for (const node of downwards(changed)) {
    checkConflicts(node);
    const own = permissionsOf(node);
    // REF-024
    if ((own.needs & (WRITE | WRITE_UNCHANGED)) !== 0 && node.readOnly) {
      if (becomesReadOnly.has(node)) throw new BlockError('REF-E-NODE-NOT-WRITABLE', { node: node.name });
      throw new BlockError('REF-E-NODE-READ-ONLY');
    }
    // REF-096
    const isWritten = (own.needs & (WRITE | WRITE_UNCHANGED)) !== 0 && (own.needs & RESIZE) === 0;
    if (mindsSize && isWritten && endsWithinBlock(node)) throw new BlockError('REF-E-ENDS-WITHIN-BLOCK');
    if (node.isOpen) node.driver.permitted?.(own);
    for (const edge of node.children) edge.permissions = childPermissions(node, edge, own);
  }
}

/** The nodes and all below them, each before those that it uses. */
function downwards(nodes: Iterable<Node>): Node[] {
  const found = new Set<Node>();
  const order: Node[] = [];
  const visit = (node: Node): void => {
    if (found.has(node)) return;
    found.add(node);
    for (const { child } of node.children) visit(child);
    order.unshift(node);
  };
  for (const node of nodes) visit(node);
  return order;
}

/** REF-023: every user shares what every other user needs. */
function checkConflicts(node: Node): void {
  for (const owner of node.parents) {
    for (const user of node.parents) {
      const missing = user.permissions.needs & ~owner.permissions.shares;
      if (owner === user || missing === 0) continue;
      throw new BlockError('REF-E-CONFLICT', {
        node: node.name,
        permissions: permissionNames(missing),
        user: user.parent.describe(),
        role: user.name,
        owner: owner.parent.describe(),
        as: owner.name,
      });
    }
  }
}

/** REF-025: what `node` needs of a child, when its own users need `own` of it. */
function childPermissions(node: Node, edge: Edge, own: Permissions): Permissions {
  const byUse = permissionsByUse(node, edge, own);
  const byDriver =
    edge.demand?.(edge, own, byUse) ??
    (node.isOpen ? node.driver.childPermissions?.(edge, own, byUse) : undefined);
  const { needs, shares } = byDriver ?? byUse;
  return { needs, shares: edge.child.options.forceShare ? ALL : shares };
}

function permissionsByUse(node: Node, edge: Edge, { needs, shares }: Permissions): Permissions {
  switch (edge.use) {
    case 'filtered':
      return { needs, shares };
    case 'backing':
      // Only read; whoever can live with changing data above can do so below.
      return {
        needs: needs & CONSISTENT_READ,
        shares: CONSISTENT_READ | WRITE_UNCHANGED | ((shares & WRITE) === 0 ? 0 : WRITE | RESIZE),
      };
    case 'part': {
      const written = (needs & WRITE_UNCHANGED) === 0 ? needs : needs | WRITE;
      return { needs: written, shares: shares & ~RESIZE };
    }
    case 'metadata': {
      // The image is kept in order, whether a guest writes or not; nobody else may write to it.
      const kept = CONSISTENT_READ | (node.readOnly ? 0 : WRITE | RESIZE);
      return { needs: needs | kept, shares: shares & ~(WRITE | RESIZE) };
    }
    case 'root':
      throw new Error('a node uses no child as root');
  }
}

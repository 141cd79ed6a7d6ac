/** What must not be begun on a node because of who uses it, and why. GRAPH.md, REF-026. */

import type { Edge } from './edge.js';
import { BlockError } from './errors.js';
import { Node } from './node.js';

/** Operations that somebody may forbid. */
export type Op =
  | 'backup-source'
  | 'backup-target'
  | 'change'
  | 'commit-source'
  | 'commit-target'
  | 'dataplane'
  | 'drive-del'
  | 'eject'
  | 'external-snapshot'
  | 'mirror-source'
  | 'mirror-target'
  | 'replace'
  | 'resize'
  | 'stream';

/** What a backing file may be used for all the same. */
const BACKING_MAY: ReadonlySet<Op> = new Set(['commit-target', 'stream', 'backup-source', 'backup-target']);

/** Why `op` must not be begun on `node`, by its newest user that minds; null if nobody does. */
export function blockedBy(node: Node, op: Op): string | null {
  if (node.forbidden !== null) return node.forbidden;
  for (const edge of node.parents) {
    const reason = reasonOf(edge, op);
    if (reason !== null) return reason;
  }
  return null;
}

function reasonOf(edge: Edge, op: Op): string | null {
  if (!(edge.parent instanceof Node)) return edge.parent.blocks(edge, op);
  if (edge.use !== 'backing' || BACKING_MAY.has(op)) return null;
  return `node is used as backing hd of '${edge.parentName}'`;
}

/** @throws BlockError REF-E-BUSY */
export function checkBlockers(node: Node, op: Op): void {
  const reason = blockedBy(node, op);
  if (reason !== null) throw new BlockError('REF-E-BUSY', { node: node.deviceOrName, reason });
}

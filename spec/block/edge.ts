/** One use of a node: by a node above, or by something that is no node. GRAPH.md, REF-020. */
import type { Op } from './blockers.js';
import type { Node } from './node.js';
import { ALL, type Permissions } from './permissions.js';

/** As what a node is used by the node above. */
export type Role = 'file' | 'image' | 'backing' | 'bitmap' | 'target';

/** What that means for what the node above needs of it (REF-025). */
export type Use = 'filtered' | 'part' | 'metadata' | 'backing' | 'root';

/** What uses a node: another node, or a device, job or export. */
export interface User {
  /** as error texts name it: "node 'disk'", "an unnamed block device" */
  describe(): string;
}

/** A user that is no node. It says itself what it needs, and what it forbids as long as it is there. */
export interface Holder extends User {
  readonly kind: 'device' | 'job' | 'export' | 'command';
  /** of a device that has one: error texts say it instead of the node's */
  readonly deviceName?: string | undefined;
  /** as the graph shows it, if it has a name at all: that of its drive, else that of its device */
  readonly shownName?: string | undefined;
  /** of a job */
  readonly jobId?: string;
  /** why `op` must not be started on a node that this holds by `edge`, or null. REF-026 */
  blocks(edge: Edge, op: Op): string | null;
}

/** What the node above needs of a child, when its own users need `own` of it; `byUse` is what would follow from the use. */
export type Demand = (edge: Edge, own: Permissions, byUse: Permissions) => Permissions;

export class Edge {
  readonly parent: Node | Holder;
  child: Node;
  readonly role: Role | null;
  /** as error texts call it */
  readonly name: string;
  use: Use;
  /** if what is needed does not follow from the use, from the first moment on, when the node above is not open yet */
  readonly demand: Demand | undefined;
  permissions: Permissions;
  /** how the node above was called when it came to use this child; error texts say that for as long as it does */
  parentName: string | null = null;
  /** it stays as it is: REF-044 */
  isFrozen = false;

  constructor(
    parent: Node | Holder,
    child: Node,
    kind: {
      readonly role: Role | null;
      readonly name: string;
      readonly use: Use;
      readonly demand?: Demand | undefined;
    },
    permissions: Permissions = { needs: 0, shares: ALL },
  ) {
    this.parent = parent;
    this.child = child;
    this.role = kind.role;
    this.name = kind.name;
    this.use = kind.use;
    this.demand = kind.demand;
    this.permissions = permissions;
  }
}

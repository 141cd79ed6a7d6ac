/** What commands work on: a node, by a use of it that has the permissions they need. */
import type { Counters } from '../block/device/counters.js';
import type { Edge, Holder } from '../block/edge.js';
import type { Graph } from '../block/graph.js';
import type { Node } from '../block/node.js';
import { ALL } from '../block/permissions.js';

export interface Disk {
  readonly graph: Graph;
  /** @throws RequestError if there is no medium */
  readonly node: Node;
  /** the use of the node by which requests are made; null if there is no medium */
  readonly edge: Edge | null;
  /** every write is on disk before it is reported: cache modes writethrough and directsync */
  readonly writesThrough: boolean;
  /** counts the requests of aio_read, aio_write and aio_flush, if anybody does */
  readonly counters?: Counters;
  /** From now on these permissions are needed, too. @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY */
  need(permissions: number): void;
  /** The use is over, as soon as no held request needs it. REF-094 */
  close(): void;
}

/** A node as one user of it among others has it: needs what commands need, and shares everything. */
export class NodeDisk implements Disk, Holder {
  readonly kind = 'command';
  readonly graph: Graph;
  readonly writesThrough: boolean;
  readonly edge: Edge;

  /**
   * @param needs permissions from the beginning
   * @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY
   */
  constructor(graph: Graph, node: Node, needs: number, writesThrough = false) {
    this.graph = graph;
    this.writesThrough = writesThrough;
    const permissions = { needs, shares: ALL };
    this.edge = graph.change((change) => change.hold(this, node, 'root', permissions));
  }

  get node(): Node {
    return this.edge.child;
  }

  need(permissions: number): void {
    const before = this.edge.permissions;
    if ((before.needs & permissions) === permissions) return;
    this.#change({ needs: before.needs | permissions, shares: ALL });
  }

  close(): void {
    this.graph.requests.afterAll(this.edge, () => this.graph.change((change) => change.drop(this.edge)));
  }

  describe(): string {
    return 'an unnamed block device';
  }

  blocks(): null {
    return null;
  }

  #change(permissions: Edge['permissions']): void {
    const before = this.edge.permissions;
    const set = (value: Edge['permissions']) => () => {
      this.edge.permissions = value;
    };
    this.graph.change((change) => change.also(this.node, set(permissions), set(before)));
  }
}

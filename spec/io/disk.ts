/** The node that commands work on, as one user of it among others: it needs what commands need, and shares everything. */
import type { Edge, Holder } from '../block/edge.js';
import type { Graph } from '../block/graph.js';
import type { Node } from '../block/node.js';
import { ALL } from '../block/permissions.js';

export class Disk implements Holder {
  readonly kind = 'command';
  readonly graph: Graph;
  /** every write is on disk before it is reported: cache modes writethrough and directsync */
  readonly writesThrough: boolean;
  readonly #edge: Edge;

  /**
   * @param needs permissions from the beginning
   * @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY
   */
  constructor(graph: Graph, node: Node, needs: number, writesThrough = false) {
    this.graph = graph;
    this.writesThrough = writesThrough;
    const permissions = { needs, shares: ALL };
    this.#edge = graph.change((change) => change.hold(this, node, 'root', permissions));
  }

  get node(): Node {
    return this.#edge.child;
  }

  /** From now on these permissions are needed, too. @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY */
  need(permissions: number): void {
    const before = this.#edge.permissions;
    if ((before.needs & permissions) === permissions) return;
    this.#change({ needs: before.needs | permissions, shares: ALL });
  }

  /** These permissions are needed no more. */
  giveUp(permissions: number): void {
    this.#change({ needs: this.#edge.permissions.needs & ~permissions, shares: ALL });
  }

  /** The use is over. */
  close(): void {
    this.graph.change((change) => change.drop(this.#edge));
  }

  describe(): string {
    return 'an unnamed block device';
  }

  blocks(): null {
    return null;
  }

  #change(permissions: Edge['permissions']): void {
    const before = this.#edge.permissions;
    const set = (value: Edge['permissions']) => () => {
      this.#edge.permissions = value;
    };
    this.graph.change((change) => change.also(this.node, set(permissions), set(before)));
  }
}

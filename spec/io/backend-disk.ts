/** What is in a drive or device, with commands that are run on it as if its guest made the requests. */
import type { Backend } from '../block/device/backend.js';
import type { Counters } from '../block/device/counters.js';
import type { Graph } from '../block/graph.js';
import type { Node } from '../block/node.js';
import type { Disk } from './disk.js';

export class BackendDisk implements Disk {
  readonly graph: Graph;
  readonly node: Node;
  readonly writesThrough = false;
  readonly counters: Counters;
  readonly #backend: Backend;

  /** @param node what is in it now */
  constructor(graph: Graph, backend: Backend, node: Node) {
    this.graph = graph;
    this.node = node;
    this.counters = backend.counters;
    this.#backend = backend;
  }

  need(permissions: number): void {
    this.graph.change((change) => this.#backend.needMore(change, permissions));
  }

  /** The drive goes on needing what it needed once, as QEMU's does. */
  giveUp(): void {}

  close(): void {}
}

/** What is in a drive or device, with commands that are run on it as if its guest made the requests. */
import type { Backend } from '../block/device/backend.js';
import type { Counters } from '../block/device/counters.js';
import type { Edge } from '../block/edge.js';
import type { Graph } from '../block/graph.js';
import type { Node } from '../block/node.js';
import type { Disk } from './disk.js';
import { RequestError } from './request.js';

export class BackendDisk implements Disk {
  readonly graph: Graph;
  readonly writesThrough = false;
  readonly counters: Counters;
  readonly #backend: Backend;

  constructor(graph: Graph, backend: Backend) {
    this.graph = graph;
    this.counters = backend.counters;
    this.#backend = backend;
  }

  get node(): Node {
    const { node } = this.#backend;
    if (node === null) throw new RequestError('No medium found');
    return node;
  }

  get edge(): Edge | null {
    return this.#backend.edge;
  }

  /** The drive goes on needing what it needed once, as QEMU's does. */
  need(permissions: number): void {
    if (this.#backend.node === null) return;
    this.graph.change((change) => this.#backend.needMore(change, permissions));
  }

  close(): void {}
}

/**
 * What the disks of a graph hold, kept beside it as plain as can be: for each image a map from clusters to bytes, and for
 * reading the chain as the machine shows it. Only tests import this.
 */
import { isJsonObject, type Json, type JsonObject } from '../../json/value.js';
import { CLUSTER } from './graph-history-for-tests.js';

/** How a node is made up, as query-named-block-nodes and x-debug-query-block-graph show it. */
interface Shown {
  readonly driver: string;
  readonly size: number;
  /** bytes into the child */
  readonly offset: number;
  readonly children: ReadonlyMap<string, string>;
}

export class ContentModel {
  /** by name of the image: the bytes of clusters that it has of its own */
  readonly #own = new Map<string, Map<number, number>>();

  /** What one cluster of a node reads as; undefined where the model does not say. */
  read(graph: ReadonlyMap<string, Shown>, name: string, cluster: number): number | undefined {
    const node = graph.get(name);
    if (node === undefined) return undefined;
    // The file of an image, and what stands on it, is read as whatever the format made of it.
    if ((node.driver === 'file' && name !== 'r-file') || node.size % CLUSTER !== 0) return undefined;
    if ((cluster + 1) * CLUSTER > node.size) return 0;
    const own = this.#own.get(name)?.get(cluster);
    switch (node.driver) {
      case 'null-co':
        return 0;
      case 'qbm': {
        if (own !== undefined) return own;
        const below = node.children.get('backing');
        return below === undefined ? 0 : this.read(graph, below, cluster);
      }
      case 'raw':
        return this.read(graph, node.children.get('file')!, cluster + node.offset / CLUSTER);
      default:
        return own ?? 0;
    }
  }

  write(graph: ReadonlyMap<string, Shown>, name: string, cluster: number, byte: number): void {
    const node = graph.get(name)!;
    if (node.driver === 'null-co') return;
    if (node.driver === 'raw') {
      this.write(graph, node.children.get('file')!, cluster + node.offset / CLUSTER, byte);
      return;
    }
    this.#clusters(name).set(cluster, byte);
  }

  /** An image that has another size now: what lay beyond the new end is gone; what is new and has something below is zeros. */
  resized(before: ReadonlyMap<string, Shown>, after: ReadonlyMap<string, Shown>): void {
    for (const [name, { driver, size, children }] of after) {
      const old = before.get(name);
      if (old === undefined || old.size === size || (driver !== 'qbm' && name !== 'r-file')) continue;
      const own = this.#clusters(name);
      for (const cluster of own.keys()) if ((cluster + 1) * CLUSTER > size) own.delete(cluster);
      const below = after.get(children.get('backing') ?? '')?.size ?? 0;
      for (let at = old.size; at < Math.min(size, below); at += CLUSTER) own.set(at / CLUSTER, 0);
    }
  }

  /** Images that a step made, under names that had nothing before. */
  made(name: string): void {
    this.#own.delete(name);
  }

  #clusters(name: string): Map<number, number> {
    const own = this.#own.get(name) ?? new Map<number, number>();
    this.#own.set(name, own);
    return own;
  }
}

/** The named nodes, from the replies of the two commands. */
export function shownGraph(nodes: Json, graph: Json): Map<string, Shown> {
  const objects = (value: Json | undefined): JsonObject[] =>
    Array.isArray(value) ? value.filter((item): item is JsonObject => isJsonObject(item)) : [];
  const { nodes: listed, edges } = graph as JsonObject;
  const ids = new Map(objects(listed).map(({ id, name }) => [id as number, String(name)]));
  const shown = new Map<string, Shown>();
  for (const node of objects(nodes)) {
    const name = String(node['node-name']);
    const own = objects(edges).filter(({ parent }) => ids.get(parent as number) === name);
    const offset = /^json:\{"driver": "raw", "offset": (\d+)/.exec(String(node.file))?.[1];
    shown.set(name, {
      driver: String(node.drv),
      size: Number((node.image as JsonObject)['virtual-size']),
      offset: Number(offset ?? 0),
      children: new Map(own.map((edge) => [String(edge.name), ids.get(edge.child as number)!])),
    });
  }
  return shown;
}

/** Plays a history of the graph on a machine and looks after every step for what must not be. Only tests import this. */
import type { Node } from '../../block/node.js';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { QmpError } from '../errors.js';
import { Machine } from '../machine.js';
import { CLUSTER, DISK, IMAGES, resolveStep, SPARE, type Step } from './graph-history-for-tests.js';
import { ContentModel, shownGraph } from './graph-model-for-tests.js';

/** 'ok', or the refusal: its id and its text. */
export type Verdict = 'ok' | { readonly id: string; readonly text: string };

/** What can be seen of a machine. */
interface Seen {
  readonly graph: ReturnType<typeof shownGraph>;
  readonly text: string;
}

export class GraphRun {
  readonly storage = new MemoryStorage();
  machine = this.#machine();
  readonly #model = new ContentModel();
  #seen: Seen;
  /** how many steps were not refused, by command */
  readonly done = new Map<string, number>();

  constructor() {
    for (const name of [...IMAGES, ...SPARE])
      createImage(this.storage, `${name}.img`, { size: DISK, allocation: true, makeHash: nodeSha256 });
    this.storage.put('r.raw', DISK);
    this.#seen = this.#look();
  }

  #machine(): Machine {
    return new Machine({ storage: this.storage, makeHash: nodeSha256 });
  }

  /** @throws Error that says what is wrong */
  play(history: Step): Verdict {
    const step = this.resolve(history);
    const before = this.#seen;
    const verdict = step.kind === 'qmp' ? this.#execute(step) : this.#write(step, before.graph);
    const wrong = this.machine.verify();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
    const after = this.#look();
    this.#seen = after;
    if (verdict === 'ok') {
      for (const name of after.graph.keys())
        if (name.startsWith('s') && !before.graph.has(name)) this.#model.made(name);
      this.#model.resized(before.graph, after.graph);
      if (step.kind === 'qmp') this.done.set(step.name, (this.done.get(step.name) ?? 0) + 1);
    } else if (after.text !== before.text) {
      throw new Error(`${verdict.id} has changed something: ${difference(before.text, after.text)}`);
    }
    this.#checkContent(after.graph);
    return verdict;
  }

  /** The step with the names of nodes that are there. */
  resolve(step: Step): Step {
    const named = this.machine.graph.nodes.filter(({ name }) => !name.startsWith('#'));
    const images = named.filter(({ driver }) => driver.name === 'qbm');
    const names = (nodes: readonly Node[]): string[] => nodes.map(({ name }) => name).sort();
    return resolveStep(step, names(named), names(images));
  }

  /** An orderly end, after which every image opens again with the bitmaps that it had stored. @throws Error */
  end(): void {
    const stored = new Map(
      this.machine.graph.nodes
        .filter(({ name }) => (IMAGES as readonly string[]).includes(name))
        .map((node) => [
          node.name,
          node.bitmaps.filter(({ persistent }) => persistent).map(({ name, count }) => `${name} ${count}`),
        ]),
    );
    this.machine.shutDown();
    this.machine = this.#machine();
    for (const [name, bitmaps] of stored) {
      const file = jsonObject({ driver: 'file', filename: `${name}.img` });
      const args = jsonObject({ driver: 'qbm', 'node-name': name, file, backing: null });
      this.machine.execute({ name: 'blockdev-add', arguments: args });
      const found = this.machine.graph.find(name)!.bitmaps.map((bitmap) => `${bitmap.name} ${bitmap.count}`);
      if (found.sort().join() !== bitmaps.sort().join())
        throw new Error(`${name} had the bitmaps ${bitmaps.join()} and has ${found.join()}`);
    }
    this.machine.shutDown();
  }

  #execute({ name, args }: Extract<Step, { kind: 'qmp' }>): Verdict {
    try {
      this.machine.execute({ name, arguments: args });
      return 'ok';
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      return { id: error.id, text: error.desc };
    }
  }

  #write(step: Extract<Step, { kind: 'write' }>, graph: Seen['graph']): Verdict {
    const { node, cluster, byte } = step;
    if (!graph.has(node)) return { id: 'ENODEV', text: '' };
    // What a guest writes to the file of an image makes another image of it: nothing can be said of that.
    if (this.#model.read(graph, node, 0) === undefined) return { id: 'EPERM', text: '' };
    const bytes = new Uint8Array(CLUSTER).fill(byte);
    const errno = this.machine.io(node, { op: 'write', offset: cluster * CLUSTER, bytes });
    if (typeof errno === 'string') return { id: errno, text: '' };
    this.#model.write(graph, node, cluster, byte);
    return 'ok';
  }

  #checkContent(graph: Seen['graph']): void {
    for (const name of graph.keys()) {
      if (name.startsWith('#')) continue;
      for (let cluster = 0; cluster < 6; cluster++) {
        const expected = this.#model.read(graph, name, cluster);
        if (expected === undefined || (cluster + 1) * CLUSTER > graph.get(name)!.size) continue;
        const offset = cluster * CLUSTER;
        const bytes = this.machine.io(name, { op: 'read', offset, length: 1 });
        if (typeof bytes === 'string' || bytes[0] !== expected)
          throw new Error(`${name} reads as ${String(bytes)} at ${offset}, not as ${expected}`);
      }
    }
  }

  /**
   * All that somebody who gave the names can see. A bitmap that is to be stored may be stored sooner, in a file of its own,
   * so these files and the nodes of a format's own are left out.
   */
  #look(): Seen {
    const graph = this.#query('x-debug-query-block-graph');
    const listed = this.#query('query-named-block-nodes');
    const { nodes, edges } = graph as { [name: string]: JsonObject[] };
    const names = new Map(nodes!.map(({ id, name }) => [id, String(name)]));
    const isNamed = (name: Json | undefined): boolean => !String(name).startsWith('#');
    const uses = edges!.map((edge) => ({
      ...edge,
      parent: names.get(edge.parent!),
      child: names.get(edge.child!),
    }));
    const lines = [
      ...(listed as JsonObject[]).filter((node) => isNamed(node['node-name'])),
      ...uses.filter(({ parent, child }) => isNamed(parent) && isNamed(child)),
    ].map((one) => JSON.stringify(one));
    const files = this.storage.files().map(([name]) => name);
    const text = [...lines, ...files.filter((name) => !name.endsWith('.dirty.bitmap')).sort()].join('\n');
    return { graph: shownGraph(listed, graph), text };
  }

  #query(name: string): Json {
    return this.machine.execute({ name, arguments: undefined });
  }
}

function difference(before: string, after: string): string {
  const lines = new Set(before.split('\n'));
  const gone = before.split('\n').filter((line) => !after.split('\n').includes(line));
  const come = after.split('\n').filter((line) => !lines.has(line));
  return `\n- ${gone.join('\n- ')}\n+ ${come.join('\n+ ')}`;
}

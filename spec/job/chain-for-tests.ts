/**
 * A chain of images in memory with random content, for the laws of jobs that change chains: what a guest sees on top, and a
 * job that is run, paused, cancelled or let fail between its writes. Only tests import this.
 */
import fc from 'fast-check';
import type { Node } from '../block/node.js';
import { type Errno, RequestError } from '../block/request-error.js';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, jsonObject } from '../json/value.js';
import { createImage } from '../qbm/create.js';
import { imageRef } from '../qbm/descriptor.js';
import { Machine } from '../qmp/machine.js';
import { MemoryStorage } from '../storage/memory-storage.js';

export const CLUSTER = 65536;

export interface Write {
  readonly op: 'write' | 'zero';
  readonly offset: number;
  readonly length: number;
  readonly pattern: number;
}

/** @param size bytes that it is about at most; it may have to be cut */
export function writes(size: number): fc.Arbitrary<Write> {
  return fc
    .record({
      op: fc.constantFrom('write' as const, 'write' as const, 'zero' as const),
      offset: fc.oneof(
        fc.nat(size - 1),
        fc.nat(Math.floor((size - 1) / CLUSTER)).map((index) => index * CLUSTER),
      ),
      length: fc.constantFrom(1, 512, 4096, CLUSTER, 3 * CLUSTER),
      pattern: fc.integer({ min: 1, max: 255 }),
    })
    .map((one) => ({ ...one, length: Math.min(one.length, size - one.offset) }));
}

/** An image of the chain: bytes, and what is written to it before the next one is put over it. */
export interface Layer {
  readonly size: number;
  readonly content: readonly Write[];
}

/** Around clusters, and with a tail that is none. */
const SIZES = [2 * CLUSTER + 512, 5 * CLUSTER, 9 * CLUSTER + 1536];
export const LARGEST = Math.max(...SIZES);

export const layer: fc.Arbitrary<Layer> = fc.record({
  size: fc.constantFrom(...SIZES),
  content: fc.array(writes(LARGEST), { maxLength: 4 }),
});

const ENDS = ['finalize', 'cancel', 'cancel early', 'quit'] as const;

/** What is the same in a story of any job on a chain. */
export interface ChainStory {
  readonly layers: readonly Layer[];
  readonly rounds: readonly { readonly steps: number; readonly write: Write }[];
  readonly end: (typeof ENDS)[number];
  /** a cluster at which a request of the job fails, once; null: none */
  readonly fault: number | null;
  readonly onError: 'report' | 'ignore' | 'stop';
}

/** @param least how many images a chain has at least */
export function chainStories(least: number): {
  [member in keyof ChainStory]: fc.Arbitrary<ChainStory[member]>;
} {
  return {
    layers: fc.array(layer, { minLength: least, maxLength: 5 }),
    rounds: fc.array(fc.record({ steps: fc.nat(3), write: writes(LARGEST) }), { maxLength: 5 }),
    end: fc.constantFrom(...ENDS, 'finalize' as const),
    fault: fc.option(fc.nat(4)),
    onError: fc.constantFrom('report' as const, 'ignore' as const, 'stop' as const),
  };
}

/** One request of a node that touches a cluster fails, once, while a job is at work. */
export class Fault {
  #isArmed = false;
  #cluster: number | null;

  /** @param hook the requests that are meant */
  constructor({ driver }: Node, hook: 'read' | 'write', errno: Errno, cluster: number | null) {
    this.#cluster = cluster;
    const request = driver[hook].bind(driver);
    driver[hook] = (offset, bytes) => {
      this.#meet(offset, bytes.length, errno);
      request(offset, bytes);
    };
  }

  during(action: () => void): void {
    this.#isArmed = true;
    action();
    this.#isArmed = false;
  }

  #meet(offset: number, length: number, errno: Errno): void {
    if (this.#cluster === null || !this.#isArmed) return;
    const place = this.#cluster * CLUSTER;
    if (place < offset || place >= offset + length) return;
    this.#cluster = null;
    throw new RequestError(errno, 'a fault');
  }
}

export class ImageChain {
  readonly storage = new MemoryStorage();
  machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });
  readonly names: readonly string[];

  /** Images n0 (the lowest) to nK, each over the one before it, all open, nK with a bitmap b0. */
  constructor(layers: readonly Layer[]) {
    this.names = layers.map((_, index) => `n${index}`);
    for (const [index, { size, content }] of layers.entries()) {
      const backing = index === 0 ? null : imageRef(`n${index - 1}.qbm`, 'qbm');
      createImage(this.storage, `n${index}.qbm`, { size, backing, allocation: true, makeHash: nodeSha256 });
      this.open(index, index === 0 ? null : `n${index - 1}`);
      for (const one of content) this.request(`n${index}`, one);
    }
    this.execute('block-dirty-bitmap-add', { node: this.top, name: 'b0', granularity: 4096 });
  }

  get top(): string {
    return this.names.at(-1)!;
  }

  /** @param backing undefined: what the image says */
  open(index: number, backing?: string | null): void {
    const below = backing === undefined ? {} : { backing };
    const file = jsonObject({ driver: 'file', filename: `n${index}.qbm` });
    this.execute('blockdev-add', { driver: 'qbm', 'node-name': `n${index}`, file, ...below });
  }

  /** What is beyond the end of the node is left out. */
  request(node: string, { op, offset, length, pattern }: Write): void {
    const { size } = this.machine.graph.find(node)!;
    const inside = Math.min(length, size - offset);
    if (inside <= 0) return;
    const bytes = new Uint8Array(inside).fill(pattern);
    const request = op === 'write' ? { op, offset, bytes } : { op, offset, length: inside };
    const result = this.machine.io(node, request);
    if (typeof result === 'string') throw new Error(`${op} ${offset} ${length}: ${result}`);
  }

  read(node: string): Uint8Array {
    const length = this.machine.graph.find(node)!.size;
    const bytes = this.machine.io(node, { op: 'read', offset: 0, length });
    if (typeof bytes === 'string') throw new Error(bytes);
    return bytes;
  }

  execute(name: string, args: { readonly [argument: string]: Json }): Json {
    return this.machine.execute({ name, arguments: jsonObject(args) });
  }

  /** @throws Error if anything is as it must never be */
  verify(): void {
    const wrong = this.machine.verify();
    if (wrong.length > 0) throw new Error(wrong.join('; '));
  }

  /** The program ends, another one begins, and opens the top as its image says. */
  restart(): void {
    this.machine.shutDown();
    this.machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });
    this.open(this.names.length - 1);
  }
}

/** @throws Error naming the first byte that differs */
export function same(what: string, expected: Uint8Array, found: Uint8Array): void {
  if (Buffer.compare(expected, found) === 0) return;
  const at = expected.findIndex((byte, index) => byte !== found[index]);
  throw new Error(`${what}: at ${at} is ${found[at]}, not ${expected[at]} (${found.length} bytes)`);
}

/** A chain on which a job runs, and the same one without any: a guest who writes to both sees no difference. */
export class Twins {
  readonly chain: ImageChain;
  readonly #other: ImageChain;

  constructor(layers: readonly Layer[]) {
    this.chain = new ImageChain(layers);
    this.#other = new ImageChain(layers);
  }

  /** A guest's write to the top, or through `node`, which is above it. */
  write(one: Write, node = this.chain.top): void {
    this.chain.request(node, one);
    this.#other.request(this.#other.top, one);
    this.check('after a write');
  }

  /** @throws Error if the job can be seen from above, or anything is as it must never be */
  check(when: string): void {
    this.chain.verify();
    same(when, this.#other.read(this.#other.top), this.chain.read(this.chain.top));
  }

  /** @throws Error if `node` does not read as the guest sees the top */
  checkReads(node: string): void {
    same(`${node} as the top`, this.#other.read(this.#other.top), this.chain.read(node));
  }

  /** The bitmap of the top has what the guest wrote, no more and no less. */
  checkBitmap(): void {
    const [mine, others] = [this.chain, this.#other].map(
      ({ machine, top }) => machine.graph.find(top)!.bitmap('b0')!.bits,
    );
    if (!mine!.equals(others!)) throw new Error('the bitmap has more or less than the guest wrote');
  }

  /** What the job did stays when the program has ended. */
  restart(): void {
    this.chain.restart();
    this.check('after the end of the program');
  }
}

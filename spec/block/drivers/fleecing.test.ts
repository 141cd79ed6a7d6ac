/** copy-before-write and snapshot-access over random histories. FLEECING.md, REF-120 to REF-125. */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, jsonObject } from '../../json/value.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { statusInChain } from '../status.js';

const CLUSTER = 65536;
const SIZE = 5 * CLUSTER + 512;

type Step =
  | { readonly do: 'write'; readonly offset: number; readonly length: number; readonly pattern: number }
  | {
      readonly do: 'zero' | 'discard' | 'read' | 'give-up';
      readonly offset: number;
      readonly length: number;
    };

/** Ranges whose ends lie at and beside the edges of clusters. */
const range = fc
  .tuple(fc.nat(6), fc.integer({ min: -2, max: 2 }), fc.nat(6), fc.integer({ min: -2, max: 2 }))
  .map(([first, before, last, after]) => {
    const [start, end] = [first * CLUSTER + before, last * CLUSTER + after].sort((a, b) => a - b);
    const offset = Math.min(Math.max(start!, 0), SIZE);
    return { offset, length: Math.min(Math.max(end!, 0), SIZE) - offset };
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc
      .record({ do: fc.constant('write' as const), pattern: fc.integer({ min: 1, max: 255 }) })
      .chain((write) => range.map((where) => ({ ...write, ...where }))),
  },
  {
    weight: 5,
    arbitrary: fc
      .constantFrom('zero' as const, 'discard' as const, 'read' as const)
      .chain((verb) => range.map((where) => ({ do: verb, ...where }))),
  },
  { weight: 1, arbitrary: range.map((where) => ({ do: 'give-up' as const, ...where })) },
);

class Fleecing {
  readonly machine: Machine;
  readonly before: Uint8Array;
  /** clusters that were given up, or never were a part of it */
  readonly missing: Set<number>;

  constructor(before: Uint8Array, dirty: readonly number[] | null) {
    const storage = new MemoryStorage();
    storage.put('source', before.slice());
    storage.put('target', SIZE);
    this.machine = new Machine({ storage, makeHash: nodeSha256 });
    this.before = before;
    const clusters = Array.from({ length: 6 }, (_, index) => index);
    this.missing = new Set(dirty === null ? [] : clusters.filter((index) => !dirty.includes(index)));
    for (const name of ['source', 'target']) this.add({ driver: 'file', 'node-name': name, filename: name });
    const bitmap = jsonObject({ node: 'source', name: 'b0' });
    this.execute('block-dirty-bitmap-add', { ...bitmap, granularity: 512 });
    for (const index of dirty ?? [])
      this.machine.graph
        .find('source')!
        .bitmap('b0')!
        .mark(index * CLUSTER, 1);
    const chosen = dirty === null ? {} : { bitmap };
    this.add({
      driver: 'copy-before-write',
      'node-name': 'filter',
      discard: 'unmap',
      file: 'source',
      target: 'target',
      ...chosen,
    });
    this.add({ driver: 'snapshot-access', 'node-name': 'moment', discard: 'unmap', file: 'filter' });
  }

  execute(name: string, args: { readonly [argument: string]: Json }): void {
    this.machine.execute({ name, arguments: jsonObject(args) });
  }

  add(options: { readonly [option: string]: Json }): void {
    this.execute('blockdev-add', options);
  }

  /** What is wrong after the step, or null. */
  perform(step: Step): string | null {
    const { offset, length } = step;
    if (step.do === 'write') {
      const bytes = new Uint8Array(length).fill(step.pattern);
      return this.#answer(this.machine.io('filter', { op: 'write', offset, bytes }));
    }
    if (step.do === 'give-up') return this.#giveUp(offset, length);
    if (step.do === 'read') return this.read(offset, length);
    return this.#answer(this.machine.io('filter', { op: step.do, offset, length }));
  }

  #answer(result: Uint8Array | string): string | null {
    return typeof result === 'string' ? result : null;
  }

  #giveUp(offset: number, length: number): string | null {
    const last = offset + length === SIZE ? 6 : Math.floor((offset + length) / CLUSTER);
    for (let index = Math.ceil(offset / CLUSTER); index < last; index++) this.missing.add(index);
    return this.#answer(this.machine.io('moment', { op: 'discard', offset, length }));
  }

  /** The snapshot in one read, and in pieces of its block status: that nothing is zero which was not. */
  read(offset: number, length: number): string | null {
    const result = this.machine.io('moment', { op: 'read', offset, length });
    const touched = [...this.missing].some(
      (index) => length > 0 && offset < (index + 1) * CLUSTER && offset + length > index * CLUSTER,
    );
    if (typeof result === 'string') return touched && result === 'EINVAL' ? null : `read: ${result}`;
    if (touched) return 'read what is not there';
    if (Buffer.compare(result, this.before.subarray(offset, offset + length)) !== 0)
      return 'the moment changed';
    const moment = this.machine.graph.find('moment')!;
    for (let at = offset; at < offset + length; ) {
      const found = statusInChain(moment, at, offset + length - at);
      const part = this.before.subarray(at, at + found.length);
      if (found.isZero && part.some((byte) => byte !== 0)) return `zeros at ${at}, where there was something`;
      at += found.length;
    }
    return null;
  }
}

t.test('whatever a guest does, what is read is what was there (REF-121, REF-122, REF-125)', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(3), { minLength: 11, maxLength: 11 }),
      fc.option(fc.uniqueArray(fc.nat(5))),
      fc.array(step, { minLength: 1, maxLength: 20 }),
      (content, dirty, steps) => {
        const before = new Uint8Array(SIZE);
        for (const [index, byte] of content.entries()) before.fill(byte, index * 32768, (index + 1) * 32768);
        const fleecing = new Fleecing(before, dirty);
        for (const one of [...steps, { do: 'read', offset: 0, length: SIZE } as const]) {
          const wrong = fleecing.perform(one);
          if (wrong !== null) throw new Error(`${JSON.stringify(one)}: ${wrong}`);
          const contradictions = fleecing.machine.verify();
          if (contradictions.length > 0) throw new Error(contradictions.join('; '));
        }
      },
    ),
    { numRuns: 300, seed: 2013 },
  );
  t.end();
});

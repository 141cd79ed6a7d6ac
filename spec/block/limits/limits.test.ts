/** Stacks of nodes that widen requests and cut them: a guest sees nothing of it, and bitmaps below miss nothing. FILTERS.md, REF-096. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { jsonObject } from '../../json/value.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import type { GuestRequest } from '../guest.js';

/** No power of two, but a multiple of every block here. */
const SIZE = 3 * 16384;

const block = fc.constantFrom(1, 512, 4096, 16384);

/** Limits that go together, also with those of any node below: each is a multiple of the largest block. */
const limits = fc.record({
  align: block,
  'max-transfer': fc.constantFrom(0, 16384, 32768),
  'opt-write-zero': fc.constantFrom(0, 16384),
  'max-write-zero': fc.constantFrom(0, 16384, 49152),
  'opt-discard': fc.constantFrom(0, 16384),
  'max-discard': fc.constantFrom(0, 16384),
});

const step = fc
  .tuple(
    fc.constantFrom('read' as const, 'write' as const, 'zero' as const),
    fc.nat(SIZE),
    fc.nat(SIZE),
    fc.nat(255),
  )
  .map(([op, a, b, pattern]) => ({ op, offset: Math.min(a, b), length: Math.abs(a - b), pattern }));

/** Of long arrays, which a test of their members would take long for. */
function assertSame(actual: Uint8Array | string, expected: Uint8Array | string): void {
  if (typeof actual === 'string' || typeof expected === 'string') assert.equal(actual, expected);
  else assert.ok(Buffer.from(actual).equals(expected));
}

type Step = Parameters<Parameters<typeof step.filter>[0]>[0];

function requestOf({ op, offset, length, pattern }: Step): GuestRequest {
  return op === 'write'
    ? { op, offset, bytes: new Uint8Array(length).fill(pattern) }
    : { op, offset, length };
}

/** `node0` is a file, and the others have the limits; each has a bitmap as fine as can be. */
function stackOf(all: readonly { readonly [name: string]: number }[]): Machine {
  const storage = new MemoryStorage();
  storage.put('disk', new Uint8Array(SIZE).fill(0x11));
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const add = (options: Parameters<typeof jsonObject>[0]): void => {
    machine.execute({ name: 'blockdev-add', arguments: jsonObject({ discard: 'unmap', ...options }) });
    const bitmap = jsonObject({ node: options!['node-name']!, name: 'b', granularity: 512 });
    machine.execute({ name: 'block-dirty-bitmap-add', arguments: bitmap });
  };
  add({ driver: 'file', 'node-name': 'node0', filename: 'disk' });
  for (const [index, one] of all.entries())
    add({ driver: 'blkdebug', 'node-name': `node${index + 1}`, image: `node${index}`, ...one });
  return machine;
}

t.test('what is read through them is what was written, and bitmaps have at least that', async () => {
  fc.assert(
    fc.property(
      fc.array(limits, { minLength: 1, maxLength: 3 }),
      fc.array(step, { maxLength: 12 }),
      (all, steps) => {
        const machine = stackOf(all);
        const plain = stackOf([]);
        for (const one of steps) {
          const request = requestOf(one);
          assertSame(machine.io(`node${all.length}`, request), plain.io('node0', request));
        }
        const whole: GuestRequest = { op: 'read', offset: 0, length: SIZE };
        assertSame(machine.io(`node${all.length}`, whole), plain.io('node0', whole));
        const [exact] = plain.graph.find('node0')!.bitmaps;
        for (const node of machine.graph.nodes) {
          for (let at = 0; at < SIZE; at += 512) {
            if (exact!.nextDirty(at, at + 512) < 0) continue;
            if (node.bitmaps[0]!.nextDirty(at, at + 512) < 0) throw new Error(`${node.name} misses ${at}`);
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

t.test('a discard gives up the whole blocks that it has, and marks all that it names', async () => {
  fc.assert(
    fc.property(limits, fc.nat(SIZE), fc.nat(SIZE), (one, a, b) => {
      const machine = stackOf([one]);
      const [offset, length] = [Math.min(a, b), Math.abs(a - b)];
      assertSame(machine.io('node1', { op: 'discard', offset, length }), new Uint8Array(0));
      const start = Math.ceil(offset / one.align) * one.align;
      const end = Math.max(start, Math.floor((offset + length) / one.align) * one.align);
      const expected = new Uint8Array(SIZE).fill(0x11).fill(0, start, end);
      assertSame(machine.io('node0', { op: 'read', offset: 0, length: SIZE }), expected);
      const marked = length === 0 ? 0 : Math.ceil((offset + length) / 512) - Math.floor(offset / 512);
      assert.equal(machine.graph.find('node1')!.bitmaps[0]!.count, marked * 512);
    }),
    { numRuns: 200 },
  );
});

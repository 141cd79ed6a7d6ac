import fc from 'fast-check';
import t from 'tap';
import { machineWith } from '../chain/chain-for-tests.js';
import type { Node } from '../node.js';
import { read } from '../request.js';
import { copy } from './copy.js';

const G = 65536;

function content(node: Node): Uint8Array {
  const bytes = new Uint8Array(node.size);
  read(node, 0, bytes);
  return bytes;
}

t.test('REF-065: a sparse source takes as many pieces as it has content', (t) => {
  const { create, io } = machineWith();
  const from = create('from', { size: 2 ** 40 });
  io(from, { op: 'write', offset: 5 * 2 ** 30, bytes: new Uint8Array(2 ** 20).fill(1) });
  const to = create('to', { size: 2 ** 40 });
  t.equal([...copy({ from, to, zeroFrom: 0 })].length, 3);
  t.same(to.driver.clusters?.(), from.driver.clusters?.());
  t.end();
});

t.test('REF-065: above a base only what is allocated above it is copied', (t) => {
  const { create, io } = machineWith();
  const base = create('base', { size: 4 * G });
  io(base, { op: 'write', offset: 0, bytes: new Uint8Array(4 * G).fill(1) });
  const mid = create('mid', { size: 4 * G, backing: base });
  io(mid, { op: 'write', offset: G, bytes: new Uint8Array(G).fill(2) });
  const top = create('top', { size: 4 * G, backing: mid });
  io(top, { op: 'zero', offset: 2 * G, length: G });
  const to = create('to', { size: 4 * G });
  for (const _ of copy({ from: top, to, above: base }));
  t.same(
    [0, 1, 2, 3].map((granule) => content(to)[granule * G]),
    [0, 2, 0, 0],
  );
  t.same(to.driver.clusters?.(), { total: 4, allocated: 2 });
  t.end();
});

t.test('REF-066: zeros in data', (t) => {
  const { create, io } = machineWith();
  const from = create('from', { size: 3 * 4096, clusterSize: 4096 });
  const bytes = new Uint8Array(3 * 4096);
  bytes[2 * 4096 - 1] = 1;
  io(from, { op: 'write', offset: 0, bytes });
  const to = create('to', { size: 3 * 4096, clusterSize: 4096 });
  for (const _ of copy({ from, to, sparse: 4096, zeroFrom: 0 }));
  t.same(to.driver.clusters?.(), { total: 3, allocated: 1 });
  t.same(content(to), content(from));
  t.end();
});

t.test('REF-065: whatever the chain, the target reads as the source', (t) => {
  const write = fc.record({
    layer: fc.nat(2),
    kind: fc.constantFrom('write' as const, 'zero' as const, 'discard' as const),
    offset: fc.nat(40 * 512),
    length: fc.integer({ min: 1, max: 12 * 512 }),
    byte: fc.integer({ min: 0, max: 255 }),
  });
  fc.assert(
    fc.property(
      fc.array(write, { maxLength: 25 }),
      fc.tuple(
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
        fc.integer({ min: 1, max: 60 }),
      ),
      fc.constantFrom(0, 512, 4096),
      fc.integer({ min: 0, max: 60 }),
      (writes, sizes, sparse, sectors) => {
        const zeroFrom = sectors * 512;
        const { create, io } = machineWith();
        const base = create('base', { size: sizes[0] * 512, clusterSize: 512 });
        const mid = create('mid', { size: sizes[1] * 512, backing: base, clusterSize: 4096 });
        const top = create('top', { size: sizes[2] * 512, backing: mid, clusterSize: 1024 });
        for (const { layer, kind, offset, length, byte } of writes) {
          const node = [base, mid, top][layer]!;
          if (offset >= node.size) continue;
          const inside = Math.min(length, node.size - offset);
          if (kind === 'write') io(node, { op: 'write', offset, bytes: new Uint8Array(inside).fill(byte) });
          else io(node, { op: kind, offset, length: inside });
        }
        const to = create('to', { size: top.size, clusterSize: 2048 });
        const old = new Uint8Array(Math.min(to.size, zeroFrom)).fill(9);
        io(to, { op: 'write', offset: 0, bytes: old });
        const before = content(top);
        let last = 0;
        for (const done of copy({ from: top, to, sparse, zeroFrom })) {
          if (done <= last) return false;
          last = done;
        }
        return last === top.size && equal(content(to), before) && equal(content(top), before);
      },
    ),
    { numRuns: 300 },
  );
  t.end();
});

t.test('REF-065: an error says on which side, and where', (t) => {
  const { create, io } = machineWith();
  const from = create('from', { size: 4 * G });
  io(from, { op: 'write', offset: 0, bytes: new Uint8Array(4 * G).fill(1) });
  const to = create('to', { size: 4 * G });
  const failing = (what: 'read' | 'write', from: number) => ({
    value: (offset: number) => {
      if (offset >= from) throw new Error(`no ${what}`);
    },
  });
  Object.defineProperty(to.driver, 'write', failing('write', 0));
  t.throws(() => [...copy({ from, to })], { name: 'CopyError', side: 'writing', offset: 0 });
  Object.defineProperty(from.driver, 'read', failing('read', 0));
  t.throws(() => [...copy({ from, to })], { name: 'CopyError', side: 'reading', offset: 0 });
  t.end();
});

function equal(one: Uint8Array, two: Uint8Array): boolean {
  return one.length === two.length && one.every((byte, at) => byte === two[at]);
}

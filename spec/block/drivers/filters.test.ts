/** Stacks of filters over an overlay: nothing of the content changes but what was written, and no bitmap misses that. FILTERS.md. */
import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type Json, jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { imageRef } from '../../qbm/descriptor.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { ThrottleGroup } from './throttle-group.js';

const SIZE = 262144 + 512;
const FILTERS = ['copy-on-read', 'throttle', 'blkdebug', 'raw'] as const;
type Filter = (typeof FILTERS)[number];

interface Step {
  readonly do: 'read' | 'write' | 'zero';
  readonly offset: number;
  readonly length: number;
  readonly pattern: number;
}

const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.constantFrom('read' as const, 'write' as const, 'zero' as const),
    fc.nat(SIZE),
    fc.nat(SIZE),
    fc.integer({ min: 1, max: 255 }),
  )
  .map(([verb, a, b, pattern]) => ({ do: verb, offset: Math.min(a, b), length: Math.abs(a - b), pattern }));

/** Each as a node `filterN` over the one before; the first is over the overlay `top`. */
function stack(filters: readonly Filter[], fault: number): Machine {
  const storage = new MemoryStorage();
  storage.put('base', new Uint8Array(SIZE).fill(0x11));
  createImage(storage, 'top.qbm', { size: SIZE, backing: imageRef('base', 'raw'), makeHash: nodeSha256 });
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const add = (options: { readonly [option: string]: Json }): void => {
    machine.execute({ name: 'blockdev-add', arguments: jsonObject(options) });
  };
  machine.execute({
    name: 'object-add',
    arguments: jsonObject({
      'qom-type': 'throttle-group',
      id: 'g',
      limits: jsonObject({ 'bps-total': 1000 }),
    }),
  });
  add({ driver: 'qbm', 'node-name': 'top', file: jsonObject({ driver: 'file', filename: 'top.qbm' }) });
  let below = 'top';
  for (const [index, driver] of filters.entries()) {
    const name = `filter${index}`;
    const rule = jsonObject({ event: 'none', iotype: 'write', sector: fault });
    if (driver === 'blkdebug') add({ driver, 'node-name': name, image: below, 'inject-error': [rule] });
    else
      add({
        driver,
        'node-name': name,
        file: below,
        ...(driver === 'throttle' ? { 'throttle-group': 'g' } : {}),
      });
    below = name;
  }
  for (const node of machine.graph.nodes) {
    if (!node.name.startsWith('filter') && node.name !== 'top') continue;
    const args = jsonObject({ node: node.name, name: 'b0', granularity: 512 });
    machine.execute({ name: 'block-dirty-bitmap-add', arguments: args });
  }
  return machine;
}

t.test('content, faults and bitmaps of random stacks (REF-080, REF-081, REF-083, REF-087)', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...FILTERS), { minLength: 1, maxLength: 4 }),
      fc.nat(SIZE / 512 - 1),
      fc.array(step, { maxLength: 12 }),
      (filters, fault, steps) => {
        const machine = stack(filters, fault);
        const guest = `filter${filters.length - 1}`;
        const model = new Uint8Array(SIZE).fill(0x11);
        const written = new Uint8Array(SIZE / 512);
        const isFaulty = filters.includes('blkdebug');
        for (const { do: op, offset, length, pattern } of steps) {
          if (op === 'read') {
            const bytes = machine.io(guest, { op, offset, length });
            // Copying up writes through what is below: that may fail, and then so does the read.
            if (
              isFaulty &&
              bytes === 'EIO' &&
              filters.lastIndexOf('copy-on-read') > filters.indexOf('blkdebug')
            )
              continue;
            const same =
              typeof bytes !== 'string' &&
              Buffer.compare(bytes, model.subarray(offset, offset + length)) === 0;
            if (!same) throw new Error(`read ${offset}+${length} is wrong`);
            continue;
          }
          const fails =
            isFaulty &&
            op === 'write' &&
            length > 0 &&
            offset <= fault * 512 &&
            fault * 512 < offset + length;
          const bytes = new Uint8Array(length).fill(pattern);
          const result =
            op === 'write'
              ? machine.io(guest, { op, offset, bytes })
              : machine.io(guest, { op, offset, length });
          if ((typeof result === 'string') !== fails)
            throw new Error(`${op} ${offset}+${length}: ${String(result)}`);
          if (fails) continue;
          model.fill(op === 'write' ? pattern : 0, offset, offset + length);
          if (length > 0) written.fill(1, Math.floor(offset / 512), Math.ceil((offset + length) / 512));
        }
        for (const name of ['top', ...filters.map((_, index) => `filter${index}`)]) {
          const bitmap = machine.graph.find(name)!.bitmap('b0')!;
          const missed = written.findIndex(
            (is, index) => is === 1 && bitmap.nextDirty(index * 512, index * 512 + 1) < 0,
          );
          if (missed >= 0) throw new Error(`${name} missed the write at ${missed * 512}`);
        }
        const contradictions = machine.verify();
        if (contradictions.length > 0) throw new Error(contradictions.join('; '));
      },
    ),
    { numRuns: 300, seed: 81 },
  );
  t.end();
});

t.test('a request waits until what went before is paid for (REF-083)', (t) => {
  const group = new ThrottleGroup(
    'g',
    new Map([
      ['bps-total', 1000],
      ['iops-write', 10],
    ]),
  );
  group.admit('write', 500);
  t.equal(group.waited, 0, 'the first one goes');
  group.admit('read', 1);
  t.equal(group.waited, 5, 'half a second for 500 bytes');
  group.admit('write', 0);
  t.equal(group.waited, 6);
  group.admit('write', 0);
  t.equal(group.waited, 7, 'ten requests a second');
  t.end();
});

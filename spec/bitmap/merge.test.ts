/** Merging, successors and their laws. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { DirtyBitmap } from './dirty-bitmap.js';
import type { BitmapErrorId } from './errors.js';
import { merge, mergeAll } from './merge.js';
import { abdicate, createSuccessor, reclaim } from './successor.js';

/** What t.throws compares an error with. */
const refusal = (id: BitmapErrorId, message: string | RegExp = /./) => ({ name: 'BitmapError', id, message });

const make = (size: number, granularity: number) => new DirtyBitmap({ name: 'b0', size, granularity });
const granularity = fc.constantFrom(512, 1024, 4096, 16_384);
const size = fc.integer({ min: 1, max: 40_000 });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const writes = fc.array(fc.tuple(fraction, fraction), { maxLength: 6 });

function write(bitmap: DirtyBitmap, ranges: [number, number][]): DirtyBitmap {
  for (const [a, b] of ranges) {
    const start = Math.floor(Math.min(a, b) * bitmap.size);
    bitmap.record(start, Math.floor(Math.max(a, b) * bitmap.size) - start);
  }
  return bitmap;
}

function state({ name, persistent, enabled, busy, successor }: DirtyBitmap) {
  return { name, persistent, enabled, busy, successor };
}

function copy(bitmap: DirtyBitmap): DirtyBitmap {
  const other = make(bitmap.size, bitmap.granularity);
  other.restore(bitmap.save());
  return other;
}

/** Whether granule `index` of `target` overlaps a dirty granule of `source`, found byte range by byte range. */
function overlaps(target: DirtyBitmap, index: number, source: DirtyBitmap): boolean {
  const start = index * target.granularity;
  const end = start + target.granularity;
  for (let bit = 0; bit < source.bits.length; bit++) {
    if (source.bits.get(bit) && bit * source.granularity < end && (bit + 1) * source.granularity > start)
      return true;
  }
  return false;
}

t.test('merge marks every overlapped granule and no other, in both directions of granularity', (t) => {
  fc.assert(
    fc.property(size, granularity, granularity, writes, writes, (size, g1, g2, w1, w2) => {
      const target = write(make(size, g1), w1);
      const source = write(make(size, g2), w2);
      const before = copy(target);
      const sourceBefore = source.bits.clone();
      merge(target, source);
      let count = 0;
      for (let bit = 0; bit < target.bits.length; bit++) {
        const expected = before.bits.get(bit) || overlaps(target, bit, source);
        if (target.bits.get(bit) !== expected) assert.fail(`granule ${bit}`);
        if (expected) count++;
      }
      assert.equal(target.bits.count, count, 'the count is exact');
      assert.ok(source.bits.equals(sourceBefore), 'the source is unchanged');
      const once = target.bits.clone();
      merge(target, source);
      assert.ok(target.bits.equals(once), 'idempotent');
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('merging several is the same in any order, and one by one', (t) => {
  fc.assert(
    fc.property(
      size,
      granularity,
      fc.array(fc.tuple(granularity, writes), { maxLength: 4 }),
      (size, g, list) => {
        const sources = list.map(([own, ranges]) => write(make(size, own), ranges));
        const [all, reversed, each] = [make(size, g), make(size, g), make(size, g)];
        mergeAll(all, sources);
        mergeAll(reversed, [...sources].reverse());
        for (const source of sources) merge(each, source);
        assert.ok(all.bits.equals(reversed.bits));
        assert.ok(all.bits.equals(each.bits));
      },
    ),
  );
  t.pass('the law holds');
  t.end();
});

t.test('the tail: 512 bytes at the end of 1 MiB + 512, both ways', (t) => {
  const fine = make(1_049_088, 512);
  fine.mark(1_048_576, 512);
  const coarse = make(1_049_088, 65_536);
  merge(coarse, fine);
  t.same([...coarse.dirtyAreas()], [{ offset: 1_048_576, length: 512 }]);
  t.equal(coarse.count, 65_536);
  const back = make(1_049_088, 512);
  merge(back, coarse);
  t.ok(back.bits.equals(fine.bits), 'no bit beyond the end of the disk');
  t.end();
});

t.test('runs that begin where a granule of a coarse target begins', (t) => {
  const fine = make(40_960, 512);
  for (const granule of [0, 8, 16, 23, 24, 40]) fine.mark(granule * 512, 1);
  const coarse = make(40_960, 4096);
  merge(coarse, fine);
  t.same(
    [...coarse.bits.areas()],
    [
      { start: 0, end: 4 },
      { start: 5, end: 6 },
    ],
  );
  t.end();
});

t.test('merging across granularities beyond 2^32 bits', (t) => {
  const fine = make(2 ** 42 + 512, 512);
  fine.mark(2 ** 41 + 4096, 1);
  fine.mark(2 ** 42, 512);
  const coarse = make(2 ** 42 + 512, 2 ** 31);
  merge(coarse, fine);
  t.same(
    [...coarse.bits.areas()].map(({ start }) => start),
    [1024, 2048],
  );
  merge(fine, coarse);
  t.equal(fine.count, 2 ** 31 + 512);
  t.end();
});

t.test('a failing merge leaves the target as it was', (t) => {
  const target = make(4096, 512);
  target.mark(0, 1);
  const before = target.bits.clone();
  const good = make(4096, 1024);
  good.mark(2048, 1);
  const other = make(8192, 512);
  t.throws(
    () => mergeAll(target, [good, other]),
    refusal(
      'BMP-E-SIZE',
      "Bitmaps are of different sizes (destination size is 4096, source size is 8192) and can't be merged",
    ),
  );
  t.ok(target.bits.equals(before));

  const busy = make(4096, 512);
  busy.busy = true;
  t.throws(() => mergeAll(target, [good, busy]), refusal('BMP-E-BUSY'));
  const lookup = function* () {
    yield good;
    throw new Error('Dirty bitmap not found');
  };
  t.throws(() => mergeAll(target, lookup()), { message: 'Dirty bitmap not found' });
  t.ok(target.bits.equals(before));
  mergeAll(target, [good, target, good]);
  t.equal(target.count, 512 + 1024, 'into itself, and twice the same');
  t.end();
});

t.test('merge checks the target, then the source, then the sizes, source by source', (t) => {
  const target = make(4096, 512);
  const source = make(8192, 512);
  source.readonly = true;
  t.throws(() => merge(target, source), refusal('BMP-E-SIZE'), 'a readonly source is no hindrance');
  source.inconsistent = true;
  t.throws(() => merge(target, source), refusal('BMP-E-INCONSISTENT'));
  target.readonly = true;
  t.throws(() => merge(target, source), refusal('BMP-E-READONLY'));
  target.enabled = false;
  mergeAll(target, []);
  t.pass('without sources nothing is checked');
  t.end();
});

t.test('merging into a disabled bitmap works', (t) => {
  const target = new DirtyBitmap({ name: 'b0', size: 4096, granularity: 512, enabled: false });
  const source = make(4096, 512);
  source.mark(512, 1);
  merge(target, source);
  t.equal(target.count, 512);
  t.notOk(target.enabled);
  t.end();
});

t.test('a successor freezes its parent (BMP-015, BMP-031)', (t) => {
  for (const enabled of [true, false]) {
    const parent = new DirtyBitmap({ name: 'b0', size: 4096, granularity: 1024, enabled, persistent: true });
    const successor = createSuccessor(parent);
    t.equal(parent.recording, enabled, 'seen from outside it records as before');
    t.match(parent, { enabled: false, busy: true, name: 'b0' });
    t.match(successor, {
      name: null,
      enabled,
      busy: false,
      persistent: false,
      size: 4096,
      granularity: 1024,
      count: 0,
    });
    t.throws(() => createSuccessor(parent), refusal('BMP-E-BUSY'));
    parent.busy = false;
    t.throws(() => createSuccessor(parent), refusal('BMP-E-SUCCESSOR'));
  }
  t.throws(() => abdicate(make(512, 512)), refusal('BMP-E-ABDICATE'));
  t.throws(() => reclaim(make(512, 512)), refusal('BMP-E-RECLAIM'));
  t.end();
});

t.test('abdicate keeps the writes since, reclaim the union (BMP-016, BMP-017)', (t) => {
  fc.assert(
    fc.property(size, granularity, writes, writes, fc.boolean(), (size, g, before, since, success) => {
      const parent = write(new DirtyBitmap({ name: 'b0', size, granularity: g, persistent: true }), before);
      const node = [parent, createSuccessor(parent)];
      for (const bitmap of node) write(bitmap, since);
      const expected = write(make(size, g), success ? since : [...before, ...since]);
      const left = success ? abdicate(parent) : parent;
      if (!success) assert.equal(reclaim(parent), node[1]);
      assert.equal(left, success ? node[1] : parent);
      assert.ok(left.bits.equals(expected.bits));
      assert.deepEqual(state(left), {
        name: 'b0',
        persistent: true,
        enabled: true,
        busy: false,
        successor: null,
      });
      if (success) assert.deepEqual([parent.name, parent.persistent, parent.busy], [null, false, false]);
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('enabling state goes from the successor to what is left', (t) => {
  for (const end of [abdicate, reclaim]) {
    const parent = make(4096, 512);
    const successor = createSuccessor(parent);
    successor.enabled = false;
    t.notOk(parent.recording);
    end(parent);
    t.notOk((end === abdicate ? successor : parent).enabled);
  }
  t.end();
});

t.test('parent and successor are resized as two bitmaps of the node (BMP-025)', (t) => {
  const parent = make(4096, 512);
  parent.mark(0, 1);
  const successor = createSuccessor(parent);
  for (const bitmap of [parent, successor]) bitmap.resize(8192);
  successor.record(8191, 1);
  reclaim(parent);
  t.same(
    [...parent.dirtyAreas()],
    [
      { offset: 0, length: 512 },
      { offset: 7680, length: 512 },
    ],
  );
  t.end();
});

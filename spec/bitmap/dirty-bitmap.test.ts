/** Dirty bitmaps against a model that keeps one boolean a granule. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { bitmapUsable, CHANGE, FREEZE, KEEP, REMOVE } from './check.js';
import { DirtyBitmap } from './dirty-bitmap.js';
import type { BitmapErrorId } from './errors.js';
import { checkGranularity, defaultGranularity, isGranularity } from './granularity.js';
import { checkNameGiven, checkNameLength } from './name.js';

/** What t.throws compares an error with. */
const refusal = (id: BitmapErrorId, message: string | RegExp = /./) => ({ name: 'BitmapError', id, message });

const make = (size: number, granularity: number) => new DirtyBitmap({ name: 'b0', size, granularity });
const geometry = fc.record({
  size: fc.integer({ min: 0, max: 20_000 }),
  granularity: fc.constantFrom(512, 1024, 4096),
});
const fraction = fc.double({ min: 0, max: 1, noNaN: true });

/** A range of the disk from two fractions. */
function range(size: number, a: number, b: number): [offset: number, length: number] {
  const start = Math.floor(Math.min(a, b) * size);
  return [start, Math.floor(Math.max(a, b) * size) - start];
}

/** One boolean a granule, from a bitmap. */
function granules(bitmap: DirtyBitmap): boolean[] {
  return Array.from({ length: bitmap.bits.length }, (_, bit) => bitmap.bits.get(bit));
}

t.test(
  'marking rounds outwards, clearing inwards; the tail counts in full (BMP-005, BMP-006, BMP-008)',
  (t) => {
    const op = fc.record({ mark: fc.boolean(), a: fraction, b: fraction });
    fc.assert(
      fc.property(geometry, fc.array(op, { maxLength: 12 }), ({ size, granularity }, ops) => {
        const bitmap = make(size, granularity);
        const model = new Array<boolean>(Math.ceil(size / granularity)).fill(false);
        for (const { mark, a, b } of ops) {
          const [offset, length] = range(size, a, b);
          mark ? bitmap.mark(offset, length) : bitmap.unmark(offset, length);
          for (const index of model.keys()) {
            const start = index * granularity;
            const end = Math.min(start + granularity, size);
            const touched = length > 0 && start < offset + length && end > offset;
            const inside = offset <= start && end <= offset + length;
            if (mark && touched) model[index] = true;
            if (!mark && inside) model[index] = false;
          }
        }
        assert.deepEqual(granules(bitmap), model);
        assert.equal(bitmap.count, model.filter(Boolean).length * granularity);
      }),
    );
    t.pass('the law holds');
    t.end();
  },
);

t.test('clearing a part of a granule, and the tail (BMP-008)', (t) => {
  const bitmap = make(1_049_088, 65_536);
  bitmap.mark(0, 1_049_088);
  t.equal(bitmap.count, 17 * 65_536);
  bitmap.unmark(1, 131_071);
  t.equal(bitmap.count, 16 * 65_536, 'the first granule is touched in part and stays');
  bitmap.unmark(1_048_576, 511);
  t.equal(bitmap.count, 16 * 65_536, 'one byte of the tail is missing');
  bitmap.unmark(1_048_576, 512);
  t.equal(bitmap.count, 15 * 65_536, 'the tail reaches the end of the disk');
  bitmap.unmark(1_048_577, 511);
  bitmap.unmark(1_049_088, 0);
  t.equal(bitmap.count, 15 * 65_536, 'nothing lies inside these');
  t.end();
});

t.test('areas and nextDirty/nextClean agree with a walk over the bytes', (t) => {
  const marks = fc.array(fc.tuple(fraction, fraction), { maxLength: 5 });
  fc.assert(
    fc.property(geometry, marks, fraction, fraction, ({ size, granularity }, ranges, a, b) => {
      const bitmap = make(size, granularity);
      for (const [x, y] of ranges) bitmap.mark(...range(size, x, y));
      const dirtyAt = (byte: number) => bitmap.bits.get(Math.floor(byte / granularity));
      const areas = [...bitmap.dirtyAreas()];
      let end = -1;
      for (const { offset, length } of areas) {
        assert.ok(length > 0 && offset > end && offset + length <= size, 'ascending, apart, on the disk');
        assert.ok(offset === 0 || !dirtyAt(offset - 1), 'maximal to the left');
        assert.ok(offset + length === size || !dirtyAt(offset + length), 'maximal to the right');
        end = offset + length;
      }
      const dirtyBytes = granules(bitmap).reduce(
        (sum, set, index) => sum + (set ? Math.min(granularity, size - index * granularity) : 0),
        0,
      );
      assert.equal(
        areas.reduce((sum, { length }) => sum + length, 0),
        dirtyBytes,
      );

      const [from, length] = range(size, a, b);
      const find = (want: boolean) => {
        for (let byte = from; byte < from + length; byte++) if (dirtyAt(byte) === want) return byte;
        return -1;
      };
      assert.equal(bitmap.nextDirty(from, from + length), find(true));
      assert.equal(bitmap.nextClean(from, from + length), find(false));
      const area = bitmap.nextDirtyArea(from, from + length, 700);
      assert.equal(area?.offset ?? -1, find(true));
      if (area !== null) {
        const stop = bitmap.nextClean(area.offset, from + length);
        assert.equal(area.length, Math.min(700, (stop < 0 ? from + length : stop) - area.offset));
      }
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('resize keeps what is left, drops what is cut off, adds clean granules (BMP-023)', (t) => {
  const sizes = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(geometry, sizes, fraction, fraction, ({ size, granularity }, to, a, b) => {
      const bitmap = make(size, granularity);
      bitmap.mark(...range(size, a, b));
      let model = granules(bitmap);
      for (const next of to) {
        bitmap.resize(next);
        model = Array.from({ length: Math.ceil(next / granularity) }, (_, index) => model[index] ?? false);
        assert.deepEqual(granules(bitmap), model);
        assert.equal(bitmap.size, next);
      }
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('a tail granule that is only cut shorter stays dirty', (t) => {
  const bitmap = make(1_049_088, 65_536);
  bitmap.mark(1_000_000, 40_000);
  bitmap.resize(999_936);
  t.same([...bitmap.dirtyAreas()], [{ offset: 983_040, length: 16_896 }]);
  bitmap.resize(1_100_800);
  t.same([...bitmap.dirtyAreas()], [{ offset: 983_040, length: 65_536 }]);
  bitmap.resize(983_040);
  t.equal(bitmap.count, 0);
  bitmap.resize(1_100_800);
  t.equal(bitmap.count, 0, 'it does not come back');
  t.end();
});

t.test('only an enabled bitmap records; mark works on any (BMP-009)', (t) => {
  const bitmap = new DirtyBitmap({ name: 'b0', size: 2048, granularity: 512, enabled: false });
  bitmap.record(0, 1);
  t.equal(bitmap.count, 0);
  t.notOk(bitmap.recording);
  bitmap.mark(0, 1);
  t.equal(bitmap.count, 512);
  bitmap.enabled = true;
  bitmap.record(2047, 1);
  t.equal(bitmap.count, 1024);
  t.ok(bitmap.recording);
  t.end();
});

t.test('saved content comes back, whatever happened since and however often', (t) => {
  const bitmap = make(1_049_088, 512);
  bitmap.mark(1_048_576, 512);
  const before = bitmap.bits.clone();
  const saved = bitmap.save();
  for (const disturb of [() => bitmap.clear(), () => bitmap.mark(0, 1_000_000)]) {
    disturb();
    t.notOk(bitmap.bits.equals(before));
    bitmap.restore(saved);
    t.ok(bitmap.bits.equals(before));
  }
  bitmap.resize(4096);
  t.throws(() => bitmap.restore(saved), RangeError);
  t.end();
});

t.test('disks whose granules pass 2^31 and 2^32', (t) => {
  const size = 2 ** 42 + 100;
  const bitmap = make(size, 512);
  bitmap.mark(2 ** 40 - 1, 2);
  bitmap.mark(2 ** 41, 1);
  bitmap.mark(size - 1, 1);
  t.same(
    [...bitmap.dirtyAreas()],
    [
      { offset: 2 ** 40 - 512, length: 1024 },
      { offset: 2 ** 41, length: 512 },
      { offset: 2 ** 42, length: 100 },
    ],
  );
  t.equal(bitmap.count, 4 * 512);
  bitmap.unmark(2 ** 41, size - 2 ** 41);
  t.equal(bitmap.nextDirty(2 ** 40 + 1), 2 ** 40 + 1);
  t.equal(bitmap.nextDirty(2 ** 40 + 512), -1);
  t.end();
});

t.test('ranges that leave the disk, and disks that are too large', (t) => {
  const bitmap = make(1000, 512);
  for (const [offset, length] of [
    [0, 1001],
    [1001, 0],
    [-1, 1],
    [0, 0.5],
    [2 ** 53, 1],
  ] as const) {
    t.throws(() => bitmap.mark(offset, length), RangeError);
    t.throws(() => bitmap.unmark(offset, length), RangeError);
  }
  t.throws(() => make(2 ** 50, 512), refusal('BMP-E-TOO-LARGE'));
  t.throws(() => bitmap.resize(2 ** 50), refusal('BMP-E-TOO-LARGE'));
  t.equal(bitmap.size, 1000, 'a refused resize changes nothing');
  t.throws(() => make(-1, 512), RangeError);
  t.end();
});

t.test('granularities', (t) => {
  for (let power = 0; power <= 40; power++) t.equal(isGranularity(2 ** power), power >= 9 && power <= 31);
  for (const bytes of [0, 1, 511, 513, 768, 65_537, 2 ** 31 - 1, -512, 512.5, Number.NaN]) {
    t.throws(
      () => checkGranularity(bytes),
      refusal('BMP-E-GRANULARITY', 'Granularity must be power of 2 and at least 512'),
    );
  }
  const defaults = [null, 0, 512, 2048, 4096, 8192, 65_536, 131_072, 2 ** 21].map(defaultGranularity);
  t.same(defaults, [65_536, 65_536, 4096, 4096, 4096, 8192, 65_536, 65_536, 65_536]);
  t.end();
});

t.test('names are 1 to 1023 bytes of UTF-8', (t) => {
  t.throws(() => checkNameGiven(''), refusal('BMP-E-NAME-EMPTY'));
  checkNameGiven(' ');
  checkNameLength('x'.repeat(1023));
  checkNameLength(`${'é'.repeat(511)}x`);
  t.throws(() => checkNameLength('é'.repeat(512)), refusal('BMP-E-NAME-LONG'));
  t.throws(() => checkNameLength('y'.repeat(1024)), { message: `Bitmap name too long: ${'y'.repeat(1024)}` });
  t.end();
});

t.test(
  'states: what refuses what, busy before readonly before inconsistent (BMP-011 BMP-012 BMP-013 BMP-014)',
  (t) => {
    const outcome = (states: readonly string[], refused: typeof CHANGE): string => {
      const bitmap = make(512, 512);
      bitmap.busy = states.includes('busy');
      bitmap.readonly = states.includes('readonly');
      bitmap.inconsistent = states.includes('inconsistent');
      try {
        bitmapUsable(bitmap, refused);
        return 'ok';
      } catch (error) {
        return (error as { id: string }).id;
      }
    };
    const table: [states: string[], change: string, keep: string, remove: string, freeze: string][] = [
      [[], 'ok', 'ok', 'ok', 'ok'],
      [['busy'], 'BUSY', 'BUSY', 'BUSY', 'BUSY'],
      [['readonly'], 'READONLY', 'ok', 'READONLY', 'ok'],
      [['inconsistent'], 'INCONSISTENT', 'INCONSISTENT', 'ok', 'ok'],
      [['busy', 'readonly'], 'BUSY', 'BUSY', 'BUSY', 'BUSY'],
      [['busy', 'inconsistent'], 'BUSY', 'BUSY', 'BUSY', 'BUSY'],
      [['readonly', 'inconsistent'], 'READONLY', 'INCONSISTENT', 'READONLY', 'ok'],
      [['busy', 'readonly', 'inconsistent'], 'BUSY', 'BUSY', 'BUSY', 'BUSY'],
    ];
    for (const [states, ...expected] of table) {
      const got = [CHANGE, KEEP, REMOVE, FREEZE].map((refused) =>
        outcome(states, refused).replace('BMP-E-', ''),
      );
      t.same(got, expected, states.join('+') || 'no state');
    }
    t.end();
  },
);

/** The bit vector against a Set of bit numbers, and its memory by accounting. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import t from 'tap';
import { BitVector, MAX_BITS } from './bits.js';
import { PAGE_BITS } from './page.js';

/** A naive vector: the numbers of the set bits. */
class Model {
  length: number;
  set = new Set<number>();
  constructor(length: number) {
    this.length = length;
  }
  fill(start: number, end: number, value: boolean): void {
    for (let bit = start; bit < end; bit++) value ? this.set.add(bit) : this.set.delete(bit);
  }
  resize(length: number): void {
    for (const bit of this.set) if (bit >= length) this.set.delete(bit);
    this.length = length;
  }
  next(from: number, end: number, value: boolean): number {
    for (let bit = from; bit < end; bit++) if (this.set.has(bit) === value) return bit;
    return -1;
  }
  areas(): { start: number; end: number }[] {
    const areas: { start: number; end: number }[] = [];
    for (let bit = 0; bit < this.length; bit++) {
      if (!this.set.has(bit)) continue;
      const last = areas.at(-1);
      if (last?.end === bit) areas[areas.length - 1] = { start: last.start, end: bit + 1 };
      else areas.push({ start: bit, end: bit + 1 });
    }
    return areas;
  }
}

type Step = { kind: 'set' | 'clear' | 'resize'; a: number; b: number };

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ kind: fc.constantFrom('set', 'set', 'clear', 'resize'), a: fraction, b: fraction }),
  { maxLength: 20 },
);

/** Applies the steps to both; a and b are fractions of what is allowed, so every history is legal. */
function play(length: number, history: Step[], longest: number): { vector: BitVector; model: Model } {
  const vector = new BitVector(length);
  const model = new Model(length);
  for (const { kind, a, b } of history) {
    if (kind === 'resize') {
      const to = Math.floor(a * longest);
      vector.resize(to);
      model.resize(to);
      continue;
    }
    const [low, high] = [Math.min(a, b), Math.max(a, b)];
    const start = Math.floor(low * model.length);
    const end = Math.floor(high * model.length);
    kind === 'set' ? vector.setRange(start, end) : vector.clearRange(start, end);
    model.fill(start, end, kind === 'set');
  }
  return { vector, model };
}

t.test('any history of set, clear and resize leaves what a set of numbers holds', (t) => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 300 }), steps, fraction, fraction, (length, history, a, b) => {
      const { vector, model } = play(length, history, 300);
      assert.equal(vector.length, model.length);
      assert.equal(vector.count, model.set.size);
      assert.deepEqual([...vector.areas()], model.areas());
      const from = Math.floor(Math.min(a, b) * model.length);
      const end = Math.floor(Math.max(a, b) * model.length);
      assert.equal(vector.nextSet(from, end), model.next(from, end, true));
      assert.equal(vector.nextClear(from, end), model.next(from, end, false));
      for (let bit = 0; bit < model.length; bit++)
        if (vector.get(bit) !== model.set.has(bit)) assert.fail(`bit ${bit}`);
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('the same around the border of two pages', (t) => {
  // The vector's window of 400 bits lies across the border; the model counts from the start of the window.
  const base = PAGE_BITS - 200;
  fc.assert(
    fc.property(steps, (history) => {
      const vector = new BitVector(base + 400);
      const model = new Model(400);
      for (const { kind, a, b } of history) {
        const [start, end] = [Math.min(a, b), Math.max(a, b)].map((f) => Math.floor(f * model.length)) as [
          number,
          number,
        ];
        if (kind === 'resize') {
          vector.resize(base + end);
          model.resize(end);
        } else {
          kind === 'set'
            ? vector.setRange(base + start, base + end)
            : vector.clearRange(base + start, base + end);
          model.fill(start, end, kind === 'set');
        }
      }
      assert.equal(vector.count, model.set.size);
      assert.deepEqual(
        [...vector.areas()].map(({ start, end }) => ({ start: start - base, end: end - base })),
        model.areas(),
      );
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('or is the union, and equals and clone mean what they say', (t) => {
  fc.assert(
    fc.property(steps, steps, (one, two) => {
      const noResize = (history: Step[]) => history.filter(({ kind }) => kind !== 'resize');
      const a = play(300, noResize(one), 300);
      const b = play(300, noResize(two), 300);
      const union = a.vector.clone();
      union.or(b.vector);
      const expected = new Set([...a.model.set, ...b.model.set]);
      assert.equal(union.count, expected.size);
      for (const bit of expected) if (!union.get(bit)) assert.fail(`bit ${bit}`);
      assert.equal(a.vector.count, a.model.set.size, 'the clone was changed, not the vector');
      const other = b.vector.clone();
      other.or(a.vector);
      assert.ok(other.equals(union), 'or commutes');
      union.or(union);
      assert.ok(other.equals(union), 'or is idempotent');
      const same =
        a.model.set.size === b.model.set.size && [...a.model.set].every((bit) => b.model.set.has(bit));
      assert.equal(a.vector.equals(b.vector), same);
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('bit numbers beyond 2^31 and 2^32', (t) => {
  for (const centre of [2 ** 31, 2 ** 32, 2 ** 33 + 5, MAX_BITS - 40]) {
    const vector = new BitVector(MAX_BITS);
    vector.setRange(centre - 33, centre + 34);
    t.equal(vector.count, 67);
    t.same([...vector.areas()], [{ start: centre - 33, end: centre + 34 }]);
    t.equal(vector.nextSet(0), centre - 33);
    t.equal(vector.nextClear(centre - 33), centre + 34);
    t.ok(vector.get(centre));
    if (centre >= 2 ** 32) t.notOk(vector.get(centre % 2 ** 32), 'not the bit of that number modulo 2^32');
    vector.clearRange(centre, centre + 1);
    t.same(
      [...vector.areas()],
      [
        { start: centre - 33, end: centre },
        { start: centre + 1, end: centre + 34 },
      ],
    );
    vector.resize(centre);
    t.equal(vector.count, 33);
    vector.resize(MAX_BITS);
    t.equal(vector.count, 33, 'what was cut off does not come back');
  }
  t.end();
});

t.test('memory, by accounting', (t) => {
  const bits = 2 ** 28;
  const full = new BitVector(bits);
  full.setRange(0, bits);
  t.equal(full.count, bits);
  t.ok(full.memoryBytes >= bits / 8);
  t.ok(full.memoryBytes <= (1.05 * bits) / 8, `${full.memoryBytes} bytes for ${bits / 8} bytes of bits`);
  t.equal(full.nextClear(0), -1);
  full.clearRange(1, bits - 1);
  t.equal(full.count, 2);
  t.ok(full.memoryBytes < 200_000, 'pages that became empty are freed');

  const sparse = new BitVector(2 ** 31);
  for (let bit = 0; bit < 2 ** 31; bit += 2 ** 28) sparse.setRange(bit, bit + 1);
  t.ok(sparse.memoryBytes < 2 ** 31 / 8 / 100, 'a sparse one takes less than a hundredth');

  const tiny = new BitVector(17);
  tiny.setRange(0, 17);
  t.ok(tiny.memoryBytes < 400, 'a short vector has a short page');
  t.end();
});

t.test('serialised bytes: least significant bit first', (t) => {
  const vector = new BitVector(70);
  vector.setRange(0, 1);
  vector.setRange(9, 11);
  vector.setRange(69, 70);
  t.same(
    [...vector.bytes()].map((chunk) => [...chunk]),
    [[1, 6, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0]],
  );
  const copy = new BitVector(70);
  copy.load(0, Uint8Array.of(1));
  copy.load(1, Uint8Array.of(6, 0, 0, 0, 0, 0, 0, 32));
  t.ok(copy.equals(vector));
  copy.load(1, Uint8Array.of(0));
  t.equal(copy.count, 2, 'loading replaces');
  t.throws(() => copy.load(8, Uint8Array.of(64)), RangeError, 'a bit beyond the end');
  t.throws(() => copy.load(8, Uint8Array.of(0, 0)), RangeError, 'a byte beyond the end');
  t.end();
});

t.test('what is not a range of the vector is refused', (t) => {
  const vector = new BitVector(10);
  for (const [start, end] of [
    [-1, 2],
    [0, 11],
    [5, 4],
    [0.5, 2],
    [0, Number.NaN],
  ] as const) {
    t.throws(() => vector.setRange(start, end), RangeError);
    t.throws(() => vector.clearRange(start, end), RangeError);
  }
  t.throws(() => vector.get(10), RangeError);
  t.throws(() => vector.or(new BitVector(11)), RangeError);
  for (const length of [-1, 1.5, MAX_BITS + 1]) t.throws(() => new BitVector(length), RangeError);
  vector.setRange(10, 10);
  t.equal(vector.count, 0, 'an empty range at the end is one');
  t.end();
});

import fc from 'fast-check';
import t from 'tap';
import { median, pairwise, spread } from './stats.js';

t.test('the median is the middle, or the mean of the two in the middle', (t) => {
  t.equal(median([3]), 3);
  t.equal(median([10, 9, 100]), 10, 'by value, not as text');
  t.equal(median([4, 1, 3, 2]), 2.5);
  t.throws(() => median([]), RangeError);
  const values = [3, 1, 2];
  median(values);
  t.same(values, [3, 1, 2], 'the values stay as they are');
  t.end();
});

t.test('a spread holds all values', (t) => {
  const values = fc.array(fc.double({ noNaN: true, min: -1e9, max: 1e9 }), { minLength: 1 });
  fc.assert(
    fc.property(values, (values) => {
      const { min, median, max } = spread(values);
      return min <= median && median <= max && values.every((value) => min <= value && value <= max);
    }),
  );
  t.end();
});

t.test('ratios are taken pair by pair, and not of two medians', (t) => {
  // The machine got ten times slower in the middle: each pair still says 2.
  const pairs = [1, 1, 10, 10, 10].map((slow) => ({ first: 2 * slow, second: slow }));
  t.same(pairwise(pairs), { median: 2, min: 2, max: 2 });
  const mixed = [
    { first: 1, second: 10 },
    { first: 20, second: 10 },
    { first: 100, second: 1 },
  ];
  t.same(pairwise(mixed), { median: 2, min: 0.1, max: 100 }, 'the medians alone, 20 and 10, also say 2');
  const apart = [
    { first: 1, second: 1 },
    { first: 2, second: 8 },
    { first: 9, second: 9 },
  ];
  t.equal(pairwise(apart).median, 1, 'the medians alone would say 2 / 8');
  t.throws(() => pairwise([]), RangeError);
  t.end();
});

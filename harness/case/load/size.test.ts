import fc from 'fast-check';
import t from 'tap';
import { parseSize } from './size.js';

t.test('sizes in binary units', (t) => {
  t.equal(parseSize('0'), 0);
  t.equal(parseSize('64K'), 65536);
  t.equal(parseSize('1M+512'), 1049088);
  t.equal(parseSize('2G-1'), 2147483647);
  t.equal(parseSize('16T'), 17592186044416);
  t.equal(parseSize('8P-1'), null, '8P itself is beyond 2^53-1');
  t.end();
});

t.test('what is no size', (t) => {
  for (const text of [
    '',
    '-1',
    '1k',
    '1KiB',
    '1.5M',
    '1-2',
    '1M-2M',
    ' 1',
    '1e3',
    '9007199254740993',
    '9007199254740992-1',
  ]) {
    t.equal(parseSize(text), null, text);
  }
  t.end();
});

t.test('a size is the sum of its parts', (t) => {
  const unit = fc.constantFrom(['', 1], ['K', 1024], ['M', 1024 ** 2], ['G', 1024 ** 3]) as fc.Arbitrary<
    [string, number]
  >;
  fc.assert(
    fc.property(fc.nat(1e6), unit, fc.nat(1e6), unit, (a, [ua, fa], b, [ub, fb]) => {
      return parseSize(`${a}${ua}+${b}${ub}`) === a * fa + b * fb;
    }),
  );
  t.end();
});

import t from 'tap';
import { comparison, type Section } from './bench.js';
import { duration, figure, sectionText, size } from './print.js';

t.test('figures have three digits that count, and a unit that suits', (t) => {
  t.same([0, 0.0123, 0.9994, 0.9996, 9.994, 9.996, 99.96, 9999.4, 12_345, 999_600, 1.5e9].map(figure), [
    '0.000',
    '0.012',
    '0.999',
    '1.00',
    '9.99',
    '10.0',
    '100',
    '9999',
    '12.3k',
    '1.00M',
    '1.50G',
  ]);
  t.same([1500, 12, 0.05, 0.000004].map(duration), ['1.50 s', '12.0 ms', '50.0 µs', '4.00 ns']);
  t.same([1, 2048, 3 * 2 ** 20].map(size), ['1 B', '2.00 KiB', '3.00 MiB']);
  t.end();
});

t.test('a section is a table of at most 100 columns, and says whether a bar is met', (t) => {
  const pairs = [
    { first: 20, second: 10 },
    { first: 30, second: 10 },
    { first: 10, second: 10 },
  ];
  const section: Section = {
    title: 'a title',
    sides: ['here', 'there'],
    rows: [
      comparison('met', pairs, { bar: { at: 'most', value: 2 } }),
      comparison('missed', pairs, { bar: { at: 'least', value: 10 } }),
      { ...comparison('apart', pairs), second: null, ratio: null },
    ],
    measured: 'words '.repeat(40).trim(),
    why: 'because',
  };
  const text = sectionText(section);
  t.ok(text.split('\n').every((line) => line.length <= 100));
  t.match(text, 'a title\n             here    there  ratio    min–max  times  bar\n');
  t.match(text, '  met     20.0 ms  10.0 ms   2.00  1.00–3.00      3  ≤ 2: met\n');
  t.match(text, '  missed  20.0 ms  10.0 ms   2.00  1.00–3.00      3  ≥ 10: MISSED\n');
  t.match(text, '  apart   20.0 ms        -      -          -      3\n');
  t.end();
});

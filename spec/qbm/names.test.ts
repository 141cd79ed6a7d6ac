import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { refusalOf } from './image-for-tests.js';
import {
  bitmapFileName,
  dataFileName,
  escapeName,
  partsOfBitmapFile,
  prefixOf,
  temporaryName,
  unescapeName,
} from './names.js';
import { bytesOf, faultOfReference } from './reference.js';

const name = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/\p{Surrogate}/u.test(text)),
  fc.string({ unit: fc.constantFrom(...'aA%.~/2e5_-é'), minLength: 1, maxLength: 6 }),
  fc.string({ unit: 'grapheme', minLength: 90, maxLength: 400 }),
);
const type = fc.constantFrom('dirty' as const, 'allocation' as const);
const attempt = fc.integer({ min: 1, max: 99 });
const made = fc.record({ name, type, attempt });
const fileOf = (from: { name: string; type: 'dirty' | 'allocation'; attempt: number }): string =>
  bitmapFileName('vm/disk.v2.qbm', from.name, from.type, nodeSha256, from.attempt);

t.test('QBM-023: data files', (t) => {
  t.equal(dataFileName('vm/disk.qbm'), 'disk.data');
  t.equal(dataFileName('disk'), 'disk.data');
  t.equal(dataFileName('vm.d/disk.v2.qbm'), 'disk.v2.data');
  t.equal(prefixOf('.qbm'), '');
  t.equal(temporaryName('vm/disk.qbm'), 'vm/disk.qbm.new');
  t.equal(
    refusalOf(() => dataFileName('C:disk.qbm')),
    'QBM-E-FILE',
  );
  t.equal(
    refusalOf(() => dataFileName(`${'x'.repeat(252)}.qbm`)),
    'QBM-E-FILE',
  );
  t.end();
});

t.test('QBM-024, QBM-025, QBM-026: the examples of the prose', (t) => {
  const of = (bitmap: string, n = 1): string => bitmapFileName('disk.qbm', bitmap, 'dirty', nodeSha256, n);
  t.equal(of('b0'), 'disk.b0.dirty.bitmap');
  t.equal(of('b0', 2), 'disk.b0~2.dirty.bitmap');
  t.equal(
    of('x'.repeat(1023)),
    'disk.%%97c9d367e67d0cff2f99f4c97ddff45250552d880b0d2c57caf78b1483da8c56.dirty.bitmap',
  );
  t.same(['Daily 1', '../x', 'é'].map(escapeName), ['%44aily%201', '%2e%2e%2fx', '%c3%a9']);
  t.end();
});

t.test('QBM-025: a name is told back from its escaped form, and nothing else is taken for one', (t) => {
  fc.assert(fc.property(name, (text) => unescapeName(escapeName(text)) === text));
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'aA%4192ce.~') }), (text) => {
      const back = unescapeName(text);
      return back === null || escapeName(back) === text;
    }),
  );
  t.end();
});

t.test('QBM-024: a derived name stays in the directory, fits, and says what it is', (t) => {
  fc.assert(
    fc.property(made, (from) => {
      const file = fileOf(from);
      const parts = partsOfBitmapFile(file);
      return (
        faultOfReference(file, 'stranger') === null &&
        !file.includes('/') &&
        bytesOf(file) <= 255 &&
        parts?.prefix === 'disk.v2' &&
        parts.type === from.type &&
        parts.attempt === from.attempt &&
        (parts.name === from.name || parts.name === null)
      );
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('QBM-025: two bitmaps never share a file, not even where case and Unicode forms are folded', (t) => {
  const folded = (file: string): string => file.normalize('NFKC').toLowerCase();
  fc.assert(
    fc.property(made, made, (a, b) => {
      const same = a.name === b.name && a.type === b.type && a.attempt === b.attempt;
      return (folded(fileOf(a)) === folded(fileOf(b))) === same;
    }),
    { numRuns: 500 },
  );
  t.not(
    folded(fileOf({ name: 'a', type: 'dirty', attempt: 1 })),
    folded(fileOf({ name: 'A', type: 'dirty', attempt: 1 })),
  );
  t.not(
    bitmapFileName('a.qbm', 'b.c', 'dirty', nodeSha256),
    bitmapFileName('a.b.qbm', 'c', 'dirty', nodeSha256),
    'nor do bitmaps of two images',
  );
  t.end();
});

t.test('other files are no bitmap files', (t) => {
  for (const file of [
    'disk.data',
    'disk.b0.dirty',
    'b0.dirty.bitmap',
    'disk.B0.dirty.bitmap',
    'disk.%%12.dirty.bitmap',
  ])
    t.equal(partsOfBitmapFile(file), null, file);
  t.end();
});

import fc from 'fast-check';
import t from 'tap';
import { type Json, JsonReal, jsonObject } from '../json/value.js';
import {
  type BitmapEntry,
  bitmapEntry,
  type Descriptor,
  descriptor,
  type ImageRef,
  imageRef,
  type SoftExtensions,
} from './descriptor.js';
import { QbmError } from './errors.js';
import { faultOfName } from './read-bitmap.js';
import { looksLikeQbm, type ReadOptions, readDescriptor } from './read-descriptor.js';
import { writeDescriptor } from './write-descriptor.js';

const OPTIONS: ReadOptions = { trust: 'local', file: 'disk.qbm' };

const json: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(null, true, 7, 2n ** 64n, new JsonReal('1.50'), [], [1, 'a', []]),
  fc.string({ unit: 'binary' }).filter((text) => !/\p{Surrogate}/u.test(text)),
  fc.dictionary(fc.string(), fc.integer(), { maxKeys: 3 }).map((members) => jsonObject(members)),
);
const extensions: fc.Arbitrary<SoftExtensions> = fc
  .array(fc.tuple(fc.string({ unit: 'grapheme-ascii' }), json), { maxLength: 2 })
  .map(
    (some) => new Map(some.map(([key, value]): [string, Json] => [`ext-soft-x-${key}`, value]).sort(byName)),
  );
const byName = ([a]: [string, Json], [b]: [string, Json]): number => (a < b ? -1 : 1);
const checksum = fc.constantFrom(null, `sha256:${'0f'.repeat(32)}`);
const image = (file: string): fc.Arbitrary<ImageRef> =>
  fc
    .record({ format: fc.constantFrom('raw', 'qbm', 'qcow2'), checksum, extensions })
    .map(({ format, ...more }) => imageRef(file, format, more));
const name = fc
  .oneof(fc.constantFrom('7', '07', '__proto__', 'ext-hard-x', '"', '../b'), fc.string({ unit: 'binary' }))
  .filter((text) => faultOfName(text) === null);

/** Dirty bitmaps, the first of which may become an allocation bitmap. */
const bitmaps: fc.Arbitrary<BitmapEntry[]> = fc.uniqueArray(name, { maxLength: 4 }).chain((names) =>
  fc.tuple(
    ...names.map((one, index) =>
      fc
        .record({
          recording: fc.boolean(),
          inconsistent: fc.boolean(),
          checksum,
          extensions,
          backing: fc.option(image('base')),
          allocation: fc.boolean(),
          shift: fc.integer({ min: 9, max: 31 }),
        })
        .map(({ allocation, backing, shift, recording, inconsistent, ...more }) =>
          bitmapEntry(
            one,
            `bitmaps/${index}`,
            2 ** shift,
            allocation && index === 0
              ? { type: 'allocation', backing, ...more }
              : { recording, inconsistent, ...more },
          ),
        ),
    ),
  ),
);
const anyDescriptor: fc.Arbitrary<Descriptor> = fc
  .record({
    image: image('disk.data'),
    bitmaps,
    extensions,
    inUse: fc.option(
      fc.record({
        policy: fc.constantFrom('writeback' as const, 'writethrough' as const),
        writer: fc.string(),
      }),
    ),
  })
  .map((made) => descriptor(made.image, made.bitmaps, made));

t.test('QBM-012, QBM-013: what was written is read back as it was, and written again the same', (t) => {
  fc.assert(
    fc.property(anyDescriptor, (made) => {
      const text = writeDescriptor(made, 'disk.qbm');
      const read = readDescriptor(new TextEncoder().encode(text), OPTIONS);
      t.same(read, made, { at: null } as never);
      t.equal(looksLikeQbm(new TextEncoder().encode(text)), true);
      return writeDescriptor(read, 'disk.qbm') === text;
    }),
    { numRuns: 150 },
  );
  t.end();
});

t.test('the order of members and white space mean nothing', (t) => {
  const [a, b] = [
    '{"QBM":{"bitmaps":{"b":{"type":"dirty","granularity-bytes":512,"file":"f"},"7":{"file":"g","granularity-bytes":512,"type":"dirty"}},"version":1,"image":{"format":"raw","file":"d"}}}',
    ' {"QBM" : {"version":1,"image":{"file":"d","format":"raw"},"bitmaps":{"7":{"file":"g","type":"dirty","granularity-bytes":512},\r\n\t"b":{"file":"f","type":"dirty","granularity-bytes":512}}}}\n',
  ].map((text) => writeDescriptor(readDescriptor(text, OPTIONS), 'disk.qbm'));
  t.equal(a, b);
  t.end();
});

const faultOf = (text: string | Uint8Array, options: Partial<ReadOptions> = {}): string => {
  try {
    readDescriptor(text, { ...OPTIONS, trust: 'stranger', ...options });
    return 'ok';
  } catch (error) {
    if (!(error instanceof QbmError)) throw error;
    return `${error.id} ${error.place?.line}:${error.place?.column}`;
  }
};

t.test('QBM-004: errors name the line and column of the offending key or value', (t) => {
  const lines = (...body: string[]): string => `{"QBM": {"version": 1,\n${body.join('\n')}\n}}`;
  const good = '"image": {"file": "d", "format": "raw"},';
  const cases: [string, string][] = [
    [lines(good, '"bitmaps": {}, "x": 1'), 'QBM-E-KEY 3:16'],
    [lines(good, '"bitmaps": {}, "ext-hard-x": 1'), 'QBM-E-EXT-HARD 3:16'],
    [lines(good, '"bitmaps": []'), 'QBM-E-TYPE 3:12'],
    [lines('"image": {"file": "d"}, "bitmaps": {}'), 'QBM-E-MISSING 2:10'],
    [lines('"image": {"file": 1, "format": "raw"}, "bitmaps": {}'), 'QBM-E-TYPE 2:19'],
    [lines('"image": {"file": "../d", "format": "raw"}, "bitmaps": {}'), 'QBM-E-FILE 2:19'],
    [lines('"image": {"file": "/d", "format": "raw"}, "bitmaps": {}'), 'QBM-E-TRUST 2:19'],
    [lines('"image": {"file": "d", "format": "qcow2"}, "bitmaps": {}'), 'QBM-E-FORMAT 2:34'],
    [
      lines(good, '"bitmaps": {"b": {"file": "d",', '"granularity-bytes": 512, "type": "dirty"}}'),
      'QBM-E-FILE-TWICE 3:27',
    ],
    [
      lines(good, '"bitmaps": {"b": {"file": "f",', '"granularity-bytes": 513, "type": "dirty"}}'),
      'QBM-E-GRANULARITY 4:22',
    ],
    [
      lines(good, '"bitmaps": {"b": {"file": "f",', '"granularity-bytes": 512.0, "type": "dirty"}}'),
      'QBM-E-TYPE 4:22',
    ],
    [
      lines(good, '"bitmaps": {"b": {"file": "f",', '"granularity-bytes": 512, "type": "clean"}}'),
      'QBM-E-BITMAP-TYPE 4:35',
    ],
    [lines(good, '"bitmaps": {"": {}}'), 'QBM-E-NAME 3:13'],
    [
      lines(good, '"bitmaps": {}, "ext-hard-qbm-in-use": {"policy": "no", "writer": ""}'),
      'QBM-E-EXTENSION 3:50',
    ],
    ['{"QBM": {"version": 1.0}}', 'QBM-E-TYPE 1:21'],
    ['{"QBM": {"version": 1, "version": 1}}', 'QBM-E-JSON 1:24'],
    ['\ufeff{}', 'QBM-E-JSON 1:1'],
    ['[]', 'QBM-E-NOT-QBM 1:1'],
    ['{"QBM": {}, "é😀": 1}', 'QBM-E-NOT-QBM 1:13'],
    ['{"QBM": 1}', 'QBM-E-TYPE 1:9'],
  ];
  for (const [text, expected] of cases) t.equal(faultOf(text), expected, text);
  t.end();
});

t.test('QBM-004: what is not UTF-8 is refused where it begins', (t) => {
  const bytes = (text: string, ...more: number[]): Uint8Array =>
    Uint8Array.of(...new TextEncoder().encode(text), ...more, 0x22);
  t.equal(faultOf(bytes('{"é\n', 0xff)), 'QBM-E-ENCODING 2:1');
  t.equal(faultOf(bytes('{"', 0xc0, 0x80)), 'QBM-E-ENCODING 1:3', 'overlong');
  t.equal(faultOf(bytes('{"', 0xed, 0xa0, 0x80)), 'QBM-E-ENCODING 1:3', 'a surrogate');
  t.equal(faultOf(Uint8Array.of(0x7b, 0xe2, 0x82)), 'QBM-E-ENCODING 1:2', 'cut short');
  t.end();
});

t.test('QBM-015, QBM-040: who vouches for a descriptor may name more', (t) => {
  const text = (file: string, format: string): string =>
    JSON.stringify({ QBM: { version: 1, image: { file, format }, bitmaps: {} } });
  t.equal(faultOf(text('/dev/vg/lv', 'raw'), { trust: 'local' }), 'ok');
  t.equal(faultOf(text('d', 'qcow2'), { trust: 'local' }), 'ok');
  t.equal(faultOf(text('d', 'qcow2'), { formats: new Set(['qcow2']) }), 'ok');
  t.equal(faultOf(text('d', 'raw'), { formats: new Set(['qcow2']) }), 'QBM-E-FORMAT 1:50');
  t.equal(faultOf(text('../d', 'raw'), { trust: 'local' }), 'QBM-E-FILE 1:37');
  t.end();
});

t.test('QBM-006: the probe', (t) => {
  const looks = (text: string): boolean => looksLikeQbm(new TextEncoder().encode(text));
  t.ok(looks(' \n{ "QBM"\t:'));
  for (const text of ['', '{}', '{"qbm":', '{"QBM"', 'x{"QBM":', '{"\\u0051BM":']) t.notOk(looks(text), text);
  t.end();
});

t.test(
  'whatever the bytes: a descriptor or a refusal, and a descriptor that is taken can be written',
  (t) => {
    const text = writeDescriptor(
      descriptor(imageRef('disk.data', 'raw'), [
        bitmapEntry('b0', 'b0', 512),
        bitmapEntry('a', 'a', 65536, { type: 'allocation', backing: imageRef('base', 'raw') }),
      ]),
      'disk.qbm',
    );
    const bytes = new TextEncoder().encode(text);
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.nat(bytes.length - 1),
            fc.oneof(fc.nat(255), fc.constantFrom(...'"{}[]:,0\\'.split('').map((c) => c.charCodeAt(0)))),
          ),
          { minLength: 1, maxLength: 3 },
        ),
        fc.nat(bytes.length),
        (edits, length) => {
          const mutated = bytes.slice(0, length % 4 === 0 ? length : bytes.length);
          for (const [at, byte] of edits) if (at < mutated.length) mutated[at] = byte;
          try {
            const read = readDescriptor(mutated, OPTIONS);
            t.same(readDescriptor(writeDescriptor(read, 'disk.qbm'), OPTIONS), read);
          } catch (error) {
            if (!(error instanceof QbmError) || error.place === null) throw error;
          }
        },
      ),
      { numRuns: 3000 },
    );
    t.end();
  },
);

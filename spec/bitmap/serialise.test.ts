/** Serialisation and its hash. The digests were taken from x-debug-block-dirty-bitmap-sha256 of QEMU 7.2.22. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import t from 'tap';
import { DirtyBitmap } from './dirty-bitmap.js';
import type { BitmapErrorId } from './errors.js';

/** What t.throws compares an error with. */
const refusal = (id: BitmapErrorId, message: string | RegExp = /./) => ({ name: 'BitmapError', id, message });

import {
  deserialise,
  type Sha256,
  serialise,
  serialisedLength,
  serialisePadded,
  sha256,
} from './serialise.js';

const makeHash = (): Sha256 => {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digestHex: () => hash.digest('hex') };
};
const make = (size: number, granularity: number) => new DirtyBitmap({ name: 'b0', size, granularity });
const joined = (chunks: Iterable<Uint8Array>) => [...chunks].flatMap((chunk) => [...chunk]);

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const bitmap = fc
  .tuple(fc.integer({ min: 0, max: 200_000 }), fc.array(fc.tuple(fraction, fraction), { maxLength: 8 }))
  .map(([size, ranges]) => {
    const made = make(size, 512);
    for (const [a, b] of ranges) {
      const start = Math.floor(Math.min(a, b) * size);
      made.mark(start, Math.floor(Math.max(a, b) * size) - start);
    }
    return made;
  });

t.test('deserialise undoes serialise, however the bytes are cut (BMP-027)', (t) => {
  fc.assert(
    fc.property(bitmap, fc.integer({ min: 1, max: 70 }), (bitmap, step) => {
      const bytes = Uint8Array.from(joined(serialise(bitmap)));
      assert.equal(bytes.length, serialisedLength(bitmap.bits.length));
      const pieces: Uint8Array[] = [];
      for (let at = 0; at < bytes.length; at += step) pieces.push(bytes.subarray(at, at + step));
      const { size, granularity } = bitmap;
      const back = deserialise(pieces, { name: 'b1', size, granularity });
      assert.ok(back.bits.equals(bitmap.bits));
      assert.equal(back.count, bitmap.count);
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('bit n of byte m is granule 8m + n; the padding is zero', (t) => {
  fc.assert(
    fc.property(bitmap, (bitmap) => {
      const bytes = joined(serialise(bitmap));
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const set = ((bytes[Math.floor(bit / 8)]! >> (bit % 8)) & 1) === 1;
        if (set !== (bit < bitmap.bits.length && bitmap.bits.get(bit))) assert.fail(`bit ${bit}`);
      }
      const padded = joined(serialisePadded(bitmap));
      assert.equal(padded.length, Math.max(8, Math.ceil(bytes.length / 8) * 8));
      assert.deepEqual(padded.slice(0, bytes.length), bytes);
      assert.ok(padded.slice(bytes.length).every((byte) => byte === 0));
    }),
  );
  t.pass('the law holds');
  t.end();
});

t.test('the hash is the one QEMU gives', (t) => {
  const clean = 'af5570f5a1810b7af78caf4bc70a660f0df51e42baf91d4de5b2328de0e83dfc';
  t.equal(sha256(make(0, 65_536), makeHash), clean, 'an empty disk');
  t.equal(sha256(make(1_049_088, 65_536), makeHash), clean, '17 granules');
  const one = make(1_049_088, 65_536);
  one.mark(1_000_000, 40_000);
  t.equal(sha256(one, makeHash), 'b54b1a339e9f1b672af88b397362d05c99e30d790835dbfd74fc9117a6de76d3');
  t.end();
});

t.test('wrong lengths and bits after the end are refused', (t) => {
  const from = { name: 'b1', size: 1_049_088, granularity: 65_536 }; // 17 granules, 3 bytes
  const load = (...bytes: number[]) => deserialise([Uint8Array.from(bytes)], from);
  t.equal(load(0, 0, 1).count, 65_536);
  t.throws(
    () => load(0, 0),
    refusal('BMP-E-CONTENT-LENGTH', 'Serialised bitmap has 2 bytes, its geometry needs 3'),
  );
  t.throws(() => load(0, 0, 0, 0), refusal('BMP-E-CONTENT-LENGTH'));
  t.throws(() => deserialise([], from), refusal('BMP-E-CONTENT-LENGTH'));
  t.throws(
    () => load(0, 0, 2),
    refusal('BMP-E-CONTENT-TAIL', 'Serialised bitmap has a bit set beyond the last granule, 16'),
  );
  t.equal(deserialise([], { ...from, size: 0 }).count, 0);
  t.end();
});

t.test('a huge sparse bitmap is serialised from one page of zeros', (t) => {
  const size = 2 ** 46; // 64 TiB at 64 KiB: 2^30 bits, 128 MiB
  const bitmap = make(size, 65_536);
  bitmap.mark(size - 1, 1);
  const memory = new Set<ArrayBufferLike>();
  let length = 0;
  let last = 0;
  for (const chunk of serialisePadded(bitmap)) {
    memory.add(chunk.buffer);
    length += chunk.length;
    last = chunk.at(-1)!;
  }
  t.equal(length, 2 ** 27);
  t.equal(last, 128);
  t.equal(memory.size, 2, 'the page of zeros, and the last page');
  t.end();
});

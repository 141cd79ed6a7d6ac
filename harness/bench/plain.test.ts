import fc from 'fast-check';
import t from 'tap';
import { sha256 } from '../../spec/bitmap/serialise.js';
import { nodeSha256 } from '../../spec/host/sha256.js';
import { countPlain, mergePlain, setPlain, sha256Plain, walkPlain } from './plain.js';
import { bitsOf, type Geometry, makeBitmap, makePlain, SCATTERED, scattered } from './subject.js';

const SMALL: Geometry = { name: 'small', size: 2 ** 24, granularity: 512 };

t.test('the plain loops do what they say', (t) => {
  const bits = fc.array(fc.nat(127), { maxLength: 60 });
  fc.assert(
    fc.property(bits, bits, (here, there) => {
      const [into, from] = [new Uint8Array(16), new Uint8Array(16)];
      for (const bit of here) setPlain(into, bit);
      for (const bit of there) setPlain(from, bit);
      mergePlain(into, from);
      const set = new Set([...here, ...there]);
      const areas = [...set].filter((bit) => !set.has(bit - 1)).length;
      t.equal(countPlain(into), set.size);
      t.same(walkPlain(into), { areas, bits: set.size });
    }),
  );
  t.same(walkPlain(new Uint8Array(3).fill(255)), { areas: 1, bits: 24 });
  t.end();
});

t.test('the bitmap and the plain bytes that are compared have the same content', (t) => {
  t.equal(new Set(scattered(SMALL)).size, SCATTERED);
  for (const fill of ['sparse', 'full'] as const) {
    const bitmap = makeBitmap(SMALL, fill);
    t.equal(bitmap.count / SMALL.granularity, fill === 'full' ? bitsOf(SMALL) : SCATTERED);
    t.equal(sha256Plain(makePlain(SMALL, fill)), sha256(bitmap, nodeSha256));
  }
  t.end();
});

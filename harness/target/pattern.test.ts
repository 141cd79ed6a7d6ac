import fc from 'fast-check';
import t from 'tap';
import { MemoryFile } from '../../spec/storage/memory.js';
import { firstOther, PatternFile, patternBytes } from './pattern.js';

const ROOM = 65536 * 3;

t.test('a file that knows patterns holds what any other file does', (t) => {
  const write = fc.record({
    offset: fc.integer({ min: 0, max: 140_000 }),
    length: fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 60_000, max: 140_000 })),
    pattern: fc.integer({ min: 0, max: 255 }),
    /** of the bytes: those from here on are written; past the room that patterns have at first */
    from: fc.integer({ min: 0, max: 500 }),
    isOwn: fc.boolean(),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
      const [known, plain] = [new PatternFile(0), new MemoryFile(0)];
      for (const { offset, length, pattern, from, isOwn } of writes) {
        const bytes = patternBytes(pattern, from + length).subarray(from);
        known.write(offset, isOwn ? bytes.slice() : bytes);
        plain.write(offset, new Uint8Array(length).fill(pattern));
      }
      const [one, other] = [new Uint8Array(2 * ROOM), new Uint8Array(2 * ROOM)];
      known.read(0, one);
      plain.read(0, other);
      return known.size === plain.size && Buffer.compare(one, other) === 0;
    }),
  );
  t.end();
});

t.test('the first byte that is another one', (t) => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 5000 }),
      fc.array(fc.nat(4999), { maxLength: 3 }),
      (pattern, length, others) => {
        const bytes = new Uint8Array(length).fill(pattern);
        for (const at of others) if (at < length) bytes[at] = pattern ^ 1;
        return firstOther(bytes, pattern) === bytes.findIndex((byte) => byte !== pattern);
      },
    ),
  );
  t.end();
});

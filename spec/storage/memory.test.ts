import fc from 'fast-check';
import t from 'tap';
import { MemoryFile, MemoryStorage } from './memory.js';

/** Around the border of a page, where mistakes would be. */
const LENGTH = 65536 * 2 + 700;
const offset = fc.oneof(fc.integer({ min: 0, max: LENGTH }), fc.integer({ min: 65530, max: 65542 }));
const length = fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 60000, max: 70000 }));
const step = fc.oneof(
  fc.record({ op: fc.constant('write' as const), offset, length, fill: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ op: fc.constant('zero' as const), offset, length }),
  fc.record({ op: fc.constant('truncate' as const), size: offset }),
);

t.test('a file in memory is an array of bytes', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const file = new MemoryFile(1000);
      let model = new Uint8Array(1000);
      const grow = (size: number): void => {
        const longer = new Uint8Array(size);
        longer.set(model.subarray(0, size));
        model = longer;
      };
      for (const one of steps) {
        if (one.op === 'truncate') {
          grow(one.size);
          file.truncate(one.size);
        } else if (one.op === 'zero') {
          model.fill(0, one.offset, one.offset + one.length);
          file.zero(one.offset, one.length);
        } else {
          const bytes = new Uint8Array(one.length).fill(one.fill);
          if (one.length > 0 && one.offset + one.length > model.length) grow(one.offset + one.length);
          model.set(bytes, one.length > 0 ? one.offset : 0);
          file.write(one.offset, bytes);
        }
      }
      const read = new Uint8Array(LENGTH * 2);
      file.read(0, read);
      const expected = new Uint8Array(LENGTH * 2);
      expected.set(model);
      return file.size === model.length && Buffer.compare(read, expected) === 0;
    }),
  );
  t.end();
});

t.test('a directory in memory', (t) => {
  const storage = new MemoryStorage();
  t.equal(storage.open('f'), 'ENOENT');
  const file = storage.create('f', 512);
  t.equal(storage.open('f'), file);
  t.end();
});

import fc from 'fast-check';
import t from 'tap';
import { MemoryFile } from './memory.js';
import { MemoryStorage } from './memory-storage.js';
import type { StorageError } from './storage.js';

/** Around the border of a page, where mistakes would be. */
const LENGTH = 65536 * 2 + 700;
const offset = fc.oneof(fc.integer({ min: 0, max: LENGTH }), fc.integer({ min: 65530, max: 65542 }));
const length = fc.oneof(fc.integer({ min: 0, max: 2000 }), fc.integer({ min: 60000, max: 70000 }));
const step = fc.oneof(
  fc.record({
    op: fc.constantFrom('write', 'fill'),
    offset,
    length: fc.oneof(length, fc.constant(LENGTH)),
    byte: fc.integer({ min: 0, max: 255 }),
  }),
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
          const bytes = new Uint8Array(one.length).fill(one.byte);
          if (one.length > 0 && one.offset + one.length > model.length) grow(one.offset + one.length);
          model.set(bytes, one.length > 0 ? one.offset : 0);
          if (one.op === 'fill') file.fill(one.offset, one.length, one.byte);
          else file.write(one.offset, bytes);
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

const errno = (use: () => void): string => {
  try {
    use();
    return 'ok';
  } catch (error) {
    return (error as StorageError).errno;
  }
};

t.test('a tree of files in memory', (t) => {
  const storage = new MemoryStorage();
  t.equal(
    errno(() => storage.open('d/f')),
    'ENOENT',
  );
  storage.put('d/f', new Uint8Array([1, 2, 3]));
  t.equal(storage.open('./d//x/../f').size, 3, 'one file, one name');
  t.equal(
    errno(() => storage.open('d')),
    'EISDIR',
  );
  t.equal(
    errno(() => storage.create('d/f')),
    'EEXIST',
  );
  t.equal(
    errno(() => storage.open('d/f').write(0, new Uint8Array(1))),
    'EROFS',
  );
  storage.rename('d/f', 'd/g');
  t.same([storage.kind('d/f'), storage.kind('d/g'), storage.kind('d')], [null, 'file', 'directory']);
  t.equal(storage.resolve('d/g', 'h'), 'd/h');
  t.equal(storage.resolve('d/g', '/h'), '/h');
  storage.remove('d/g');
  t.equal(storage.kind('d'), null);
  t.end();
});

t.test('a lock keeps others out until the file is closed', (t) => {
  const storage = new MemoryStorage();
  storage.put('f', 0);
  const [one, two] = [storage.open('f', { lock: 'shared' }), storage.open('f', { lock: 'shared' })];
  t.equal(
    errno(() => storage.open('f', { lock: 'exclusive' })),
    'EAGAIN',
  );
  one.close();
  one.close();
  t.equal(
    errno(() => storage.open('f', { lock: 'exclusive' })),
    'EAGAIN',
  );
  two.close();
  const writer = storage.open('f', { write: true, lock: 'exclusive' });
  t.equal(
    errno(() => storage.open('f', { lock: 'shared' })),
    'EAGAIN',
  );
  writer.close();
  t.equal(
    errno(() => storage.open('f', { lock: 'shared' })),
    'ok',
  );
  t.end();
});

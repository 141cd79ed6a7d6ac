import fc from 'fast-check';
import t from 'tap';
import { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import { createSuccessor } from '../bitmap/successor.js';
import { MemoryFile } from '../storage/memory.js';
import type { StorageFile } from '../storage/storage.js';
import {
  bitmapFileSize,
  bitsOf,
  checkBitmapFile,
  cutBitmapFile,
  type Geometry,
  loadBitmap,
  storeAllDirty,
  storeBitmap,
  storeBitmapRange,
} from './bitmap-file.js';
import { refusalOf } from './image-for-tests.js';

const geometry = (imageSize: number | bigint, granularityBytes = 65536): Geometry => ({
  name: 'b0',
  file: 'b0',
  imageSize,
  granularityBytes,
});
/** A file in memory that counts the bytes that were read. */
class Counted extends MemoryFile implements StorageFile {
  bytesRead = 0;
  override read(offset: number, into: Uint8Array): void {
    this.bytesRead += into.length;
    super.read(offset, into);
  }
  flush(): void {}
  close(): void {}
}
const fileOf = (...bytes: number[]): Counted => {
  const file = new Counted(0);
  file.write(0, Uint8Array.from(bytes));
  return file;
};
const contentOf = (file: StorageFile): Uint8Array => {
  const bytes = new Uint8Array(file.size);
  file.read(0, bytes);
  return bytes;
};

t.test('QBM-021: how long a bitmap file is', (t) => {
  for (const [size, granularity, expected] of [
    [0, 512, 0],
    [1, 512, 1],
    [512, 512, 1],
    [4096, 512, 1],
    [4097, 512, 2],
    [655360, 65536, 2],
    [Number.MAX_SAFE_INTEGER, 2 ** 31, 2 ** 19],
    [2 ** 49, 512, 2 ** 37],
  ] as const)
    t.equal(bitmapFileSize(geometry(size, granularity)), expected, `${size} / ${granularity}`);
  t.equal(
    refusalOf(() => bitsOf(geometry(2 ** 49 + 1, 512))),
    'QBM-E-BITS',
  );
  t.equal(
    refusalOf(() => bitsOf(geometry(2n ** 53n))),
    'QBM-E-IMAGE-SIZE',
  );
  fc.assert(
    fc.property(fc.nat(2 ** 30), fc.integer({ min: 9, max: 31 }), (size, shift) => {
      const rounded = Math.ceil(size / 512) * 512;
      return bitsOf(geometry(size, 2 ** shift)) === bitsOf(geometry(rounded, 2 ** shift));
    }),
  );
  t.end();
});

t.test('QBM-021, QBM-037: size and tail', (t) => {
  const check = (excess: boolean, ...bytes: number[]): string =>
    refusalOf(() => checkBitmapFile(fileOf(...bytes), geometry(655360), excess));
  t.equal(check(false, 0x05, 0x02), 'ok');
  t.equal(check(false, 0x05), 'QBM-E-BITMAP-SIZE');
  t.equal(check(false, 0x05, 0x02, 0), 'QBM-E-BITMAP-SIZE');
  t.equal(check(false, 0x05, 0x06), 'QBM-E-TAIL');
  t.equal(check(true, 0x05), 'QBM-E-BITMAP-SIZE');
  t.equal(check(true, 0x05, 0xfe, 0xff), 'ok');
  const loaded = loadBitmap(fileOf(0x05, 0xfe, 0xff), geometry(655360), {}, true);
  t.same(
    [...loaded.dirtyAreas()].map(({ offset }) => offset / 65536),
    [0, 2, 9],
  );
  t.end();
});

const GRANULARITY = 512;
/** Bits around the border of the chunks in which a file is read and written. */
const disk = fc
  .integer({ min: 0, max: 2 ** 19 * 2 + 100 })
  .map((bits) => Math.max(0, bits * GRANULARITY - 100));
const marks = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(2 ** 20)), {
  maxLength: 5,
});
const bitmapOf = (size: number, where: readonly (readonly [number, number])[]): DirtyBitmap => {
  const bitmap = new DirtyBitmap({ name: 'b0', size, granularity: GRANULARITY });
  for (const [at, length] of where) {
    const offset = Math.floor(at * size);
    bitmap.mark(offset, Math.min(length, size - offset));
  }
  return bitmap;
};

t.test('QBM-021: what was stored is loaded, and no byte is read twice', (t) => {
  fc.assert(
    fc.property(disk, marks, fc.integer({ min: 0, max: 200000 }), (size, where, before) => {
      const bitmap = bitmapOf(size, where);
      const file = new Counted(before);
      file.write(0, new Uint8Array(before).fill(0xff));
      storeBitmap(file, bitmap);
      const loaded = loadBitmap(file, geometry(size, GRANULARITY));
      return loaded.bits.equals(bitmap.bits) && file.bytesRead <= file.size + 1;
    }),
  );
  t.end();
});

t.test('QBM-034: a range that is stored is that of the whole', (t) => {
  fc.assert(
    fc.property(
      disk,
      marks,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(100000),
      (size, where, at, length) => {
        const bitmap = bitmapOf(size, where);
        const whole = new Counted(0);
        storeBitmap(whole, bitmap);
        const part = new Counted(whole.size);
        const start = Math.floor(at * whole.size);
        const end = Math.min(whole.size, start + length);
        storeBitmapRange(part, bitmap, start, end);
        const expected = contentOf(whole).fill(0, 0, start).fill(0, end);
        return Buffer.compare(contentOf(part), expected) === 0;
      },
    ),
  );
  const bitmap = bitmapOf(655360, []);
  t.throws(() => storeBitmapRange(new Counted(0), bitmap, 0, 1000), RangeError);
  t.end();
});

t.test('QBM-031: stored are the bits of the bitmap and of its successor', (t) => {
  const bitmap = new DirtyBitmap({ name: 'b0', size: 655360, granularity: 65536 });
  bitmap.mark(0, 2 * 65536);
  createSuccessor(bitmap);
  bitmap.successor!.mark(5 * 65536, 1);
  const file = new Counted(0);
  storeBitmap(file, bitmap);
  t.same([...contentOf(file)], [0x23, 0]);
  const part = new Counted(2);
  storeBitmapRange(part, bitmap, 0, 2);
  t.same([...contentOf(part)], [0x23, 0]);
  t.end();
});

t.test('QBM-043: all dirty, and cut', (t) => {
  const file = fileOf(1, 2, 3, 4);
  storeAllDirty(file, geometry(655360));
  t.same([...contentOf(file)], [0xff, 0x03]);
  const long = fileOf(0x05, 0xfe, 0xff);
  cutBitmapFile(long, geometry(655360));
  t.same([...contentOf(long)], [0x05, 0x02]);
  const none = fileOf(1);
  storeAllDirty(none, geometry(0));
  cutBitmapFile(none, geometry(0));
  t.equal(none.size, 0);
  t.end();
});

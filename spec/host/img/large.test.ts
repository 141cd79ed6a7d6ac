/** Images of 1 and 16 TiB with little in them: what is read and written is what is there. IMG-015 */
import t from 'tap';
import { MemoryStorage } from '../../storage/memory-storage.js';
import type { OpenMode, StorageFile } from '../../storage/storage.js';
import { Images } from './memory-for-tests.js';

const MiB = 2 ** 20;
const TiB = 2 ** 40;

/** Counts bytes of data files that pass. */
class Counting extends MemoryStorage {
  read = 0;
  written = 0;

  override open(name: string, mode?: OpenMode): StorageFile {
    const file = super.open(name, mode);
    if (!/\.(data|raw)$/.test(name)) return file;
    const [read, write] = [file.read.bind(file), file.write.bind(file)];
    return Object.assign(file, {
      read: (offset: number, into: Uint8Array) => {
        this.read += into.length;
        read(offset, into);
      },
      write: (offset: number, bytes: Uint8Array) => {
        this.written += bytes.length;
        write(offset, bytes);
      },
    });
  }
}

function sparse(images: Images, name: string, size: number): void {
  images.run('create', '-q', '-f', name.endsWith('.raw') ? 'raw' : 'qbm', name, String(size));
  for (const part of [0, 0.1, 0.5, 0.9]) images.write(name, (size * Math.round(part * 1024)) / 1024, MiB, 7);
}

t.test('IMG-015: 1 TiB is converted, compared, committed and rebased by what it has', (t) => {
  const storage = new Counting();
  const images = new Images(storage);
  const moved = (...argv: string[]): { read: number; written: number } => {
    Object.assign(storage, { read: 0, written: 0 });
    images.run(...argv);
    return { read: storage.read / MiB, written: storage.written / MiB };
  };
  sparse(images, 'disk', TiB);
  t.same(moved('convert', '-O', 'qbm', 'disk', 'copy'), { read: 4, written: 4 });
  t.same(moved('convert', '-O', 'raw', 'disk', 'copy.raw'), { read: 4, written: 4 });
  t.same(moved('convert', '-f', 'raw', '-O', 'qbm', 'copy.raw', 'back'), { read: 4, written: 4 });
  t.same(moved('compare', 'disk', 'back'), { read: 8, written: 0 });
  images.run('create', '-q', '-f', 'qbm', '-b', 'copy.raw', '-F', 'raw', 'top');
  images.write('top', TiB - 2 * MiB, MiB, 8);
  t.same(moved('rebase', '-b', 'back', '-F', 'qbm', 'top'), { read: 8, written: 0 });
  t.same(moved('commit', 'top'), { read: 1, written: 1 });
  t.end();
});

t.test('IMG-015: 16 TiB', (t) => {
  const images = new Images(new MemoryStorage());
  const before = process.memoryUsage().rss;
  for (const name of ['one', 'two']) sparse(images, name, 16 * TiB);
  t.match(images.run('compare', 'one', 'two'), /identical/);
  t.match(images.run('check', 'one'), /No errors were found on the image.\n64\/268435456 = 0.00% allocated/);
  const rows = images.run('map', 'one').trim().split('\n');
  t.equal(rows.length, 5);
  t.equal(rows[4], '0xe6800000000   0x100000        0xe6800000000   one.data');
  // The bits of an allocation bitmap are 32 MiB; those of its file are not kept, but read.
  t.ok(process.memoryUsage().rss - before < 500 * MiB);
  t.end();
});

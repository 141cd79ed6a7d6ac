/**
 * Files that somebody sent to do harm, as real files: each is refused by blockdev-add, for reading and for writing, with a
 * clear error; nothing but descriptors was opened, nothing was written, nobody waited. FORMAT.md, QBM-040 and QBM-041.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type OpenMode, StorageError, type StorageFile } from '../../storage/storage.js';
import { DirectoryStorage, directoryFor, Image, NoWrites } from './image-for-tests.js';

/** Notes what is opened and how much of it is read; opening for writing, or any change, is a mistake. */
class Watched extends NoWrites {
  bytes = 0;
  /** files that are larger than any file system here allows */
  readonly huge = new Set<string>();

  override open(name: string, mode: OpenMode = {}): StorageFile {
    const file = super.open(name, mode);
    if (this.huge.has(name)) {
      file.close();
      throw new StorageError('EFBIG', name); // as DirectoryStorage says it
    }
    const read = file.read.bind(file);
    file.read = (offset, into) => {
      this.bytes += into.length;
      read(offset, into);
    };
    return file;
  }
}

const IMAGE = { file: 'disk.data', format: 'raw' };
const BITMAP = { file: 'b0', 'granularity-bytes': 65536, type: 'dirty' };
const text = (image: object = IMAGE, bitmaps: object = { b0: BITMAP }): string =>
  JSON.stringify({ QBM: { version: 1, image, bitmaps } });
const dataIn = (file: string): string => text({ file, format: 'raw' });
const bitmapIn = (file: string): string => text(IMAGE, { b0: { ...BITMAP, file } });
const backed = (file: string, format: string): string =>
  text(IMAGE, { b0: { ...BITMAP, type: 'allocation', backing: { file, format } } });

interface Row {
  readonly what: string;
  readonly expected: string;
  readonly descriptor?: string;
  /** more files: called in the directory of the image */
  readonly make?: (at: (name: string) => string) => void;
  readonly trusted?: true;
  readonly huge?: string;
  /** what a look may have to open besides descriptors */
  readonly opens?: readonly string[];
}

const fifo = (name: string) => (at: (name: string) => string) => void execFileSync('mkfifo', [at(name)]);
const link = (to: string, name: string) => (at: (name: string) => string) => symlinkSync(to, at(name));

const ROWS: readonly Row[] = [
  { what: '../ in the name of the data image', expected: 'QBM-E-FILE', descriptor: dataIn('../secret') },
  { what: '../ further on', expected: 'QBM-E-FILE', descriptor: dataIn('sub/../../secret') },
  { what: '../ in that of a bitmap', expected: 'QBM-E-FILE', descriptor: bitmapIn('../secret') },
  { what: '../ from a local caller', expected: 'QBM-E-FILE', descriptor: dataIn('../secret'), trusted: true },
  { what: 'an absolute name', expected: 'QBM-E-TRUST', descriptor: dataIn('/etc/passwd') },
  { what: 'an absolute name of a bitmap', expected: 'QBM-E-TRUST', descriptor: bitmapIn('/etc/passwd') },
  { what: 'a protocol', expected: 'QBM-E-FILE', descriptor: dataIn('nbd:localhost:10809') },
  {
    what: 'a symbolic link',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: dataIn('link'),
    make: link('../secret', 'link'),
  },
  {
    what: 'a symbolic link as a bitmap',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: bitmapIn('link'),
    make: link('../secret', 'link'),
  },
  {
    what: 'a symbolic link on the way',
    expected: 'QBM-E-TRUST',
    descriptor: dataIn('up/secret'),
    make: link('..', 'up'),
  },
  { what: 'a FIFO', expected: 'QBM-E-NOT-REGULAR', descriptor: dataIn('fifo'), make: fifo('fifo') },
  {
    what: 'a FIFO as a bitmap',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: bitmapIn('fifo'),
    make: fifo('fifo'),
  },
  {
    what: 'a FIFO from a local caller',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: dataIn('fifo'),
    make: fifo('fifo'),
    trusted: true,
  },
  {
    what: 'a FIFO as a backing file',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: backed('fifo', 'raw'),
    make: fifo('fifo'),
  },
  {
    what: 'a FIFO as a descriptor within',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: backed('fifo', 'qbm'),
    make: fifo('fifo'),
  },
  { what: 'a device', expected: 'QBM-E-TRUST', descriptor: dataIn('/dev/zero') },
  {
    what: 'a device from a local caller',
    expected: 'QBM-E-NOT-REGULAR',
    descriptor: dataIn('/dev/zero'),
    trusted: true,
  },
  {
    what: 'a link to a device, as a bitmap, from a local caller',
    expected: 'QBM-E-STORAGE',
    descriptor: bitmapIn('zero'),
    make: link('/dev/zero', 'zero'),
    trusted: true,
    opens: ['disk.data', 'zero'],
  },
  { what: 'a directory', expected: 'QBM-E-NOT-REGULAR', descriptor: dataIn('sub') },
  { what: 'a file used twice', expected: 'QBM-E-FILE-TWICE', descriptor: bitmapIn('disk.data') },
  { what: 'the descriptor itself', expected: 'QBM-E-FILE-TWICE', descriptor: dataIn('disk.qbm') },
  { what: 'the next descriptor', expected: 'QBM-E-FILE-TWICE', descriptor: bitmapIn('disk.qbm.new') },
  {
    what: 'a file used twice, by a hard link',
    expected: 'QBM-E-FILE-TWICE',
    descriptor: bitmapIn('again'),
    make: (at) => linkSync(at('disk.data'), at('again')),
  },
  {
    what: 'a file used twice, by a symbolic link, from a local caller',
    expected: 'QBM-E-FILE-TWICE',
    descriptor: bitmapIn('again'),
    make: link('disk.data', 'again'),
    trusted: true,
  },
  {
    what: 'a backing loop',
    expected: 'QBM-E-LOOP',
    descriptor: backed('other.qbm', 'qbm'),
    make: (at) =>
      writeFileSync(
        at('other.qbm'),
        backed('disk.qbm', 'qbm').replace('disk.data', 'd1').replaceAll('"b0"', '"b1"'),
      ),
  },
  {
    what: 'a backing loop below',
    expected: 'QBM-E-LOOP',
    descriptor: text({ file: 'one.qbm', format: 'qbm' }, {}),
    make: (at) => {
      writeFileSync(at('one.qbm'), text({ file: 'two.qbm', format: 'qbm' }, {}));
      writeFileSync(at('two.qbm'), text({ file: 'one.qbm', format: 'qbm' }, {}));
    },
  },
  {
    what: 'granularity 2^63',
    expected: 'QBM-E-GRANULARITY',
    descriptor: text().replace('65536', '9223372036854775808'),
  },
  {
    what: 'a data image of more than 2^53 bytes',
    expected: 'QBM-E-IMAGE-SIZE',
    huge: 'disk.data',
    opens: ['disk.data'],
  },
  {
    what: 'a bitmap of 2^53 bytes over a small disk',
    expected: 'QBM-E-STORAGE',
    huge: 'b0',
    opens: ['disk.data', 'b0'],
  },
  {
    what: '10,000 nested brackets',
    expected: 'QBM-E-JSON',
    descriptor: text().replace(/}}$/, `, "ext-soft-a": ${'['.repeat(10_000)}${']'.repeat(10_000)}}}`),
  },
  {
    what: 'a descriptor of 2 GiB',
    expected: 'QBM-E-TOO-LONG',
    make: (at) => truncateSync(at('disk.qbm'), 2 ** 31),
  },
  {
    what: 'a descriptor of 2 GiB within',
    expected: 'QBM-E-TOO-LONG',
    descriptor: backed('large.qbm', 'qbm'),
    make: (at) => {
      writeFileSync(at('large.qbm'), '{');
      truncateSync(at('large.qbm'), 2 ** 31);
    },
  },
  {
    what: 'a bitmap name with a control character',
    expected: 'QBM-E-NAME',
    descriptor: text(IMAGE, { 'a\n': BITMAP }),
  },
  {
    what: 'another format',
    expected: 'QBM-E-FORMAT',
    descriptor: text({ file: 'disk.data', format: 'qcow2' }),
  },
];

/** Every name below, and what is there. A lock comes and goes, so that the times of directories change. */
function snapshot(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const stats = lstatSync(join(directory, name));
      if (!stats.isFile()) return `${name} ${stats.mode}`;
      const content = stats.size < 2 ** 20 ? readFileSync(join(directory, name)) : '';
      return `${name} ${stats.mode} ${stats.size} ${stats.mtimeMs} ${createHash('sha256').update(content).digest('hex')}`;
    });
}

function sceneFor(
  test: Parameters<typeof directoryFor>[0],
  { descriptor = text(), make }: Partial<Row>,
): string {
  const top = directoryFor(test);
  const at = (name: string): string => join(top, 'in', name);
  mkdirSync(at('sub'), { recursive: true });
  writeFileSync(join(top, 'secret'), 'x'.repeat(655360));
  for (const name of ['disk.data', 'sub/disk.data', 'd1']) writeFileSync(at(name), new Uint8Array(655360));
  for (const name of ['b0', 'b1']) writeFileSync(at(name), new Uint8Array(2));
  writeFileSync(at('disk.qbm'), descriptor);
  make?.(at);
  return top;
}

t.test('QBM-040, QBM-041: what somebody sent to do harm', (t) => {
  for (const row of ROWS) {
    const top = sceneFor(t, row);
    const before = snapshot(top);
    for (const readOnly of [true, false]) {
      const storage = new Watched(
        new DirectoryStorage(join(top, 'in'), { followLinks: row.trusted ?? false }),
      );
      if (row.huge !== undefined) storage.huge.add(row.huge);
      const what = `${row.what}${readOnly ? '' : ', for writing'}`;
      const image = new Image(storage);
      const id = image.ask('blockdev-add', {
        ...{ driver: 'qbm', 'node-name': 'disk', 'read-only': readOnly, trusted: row.trusted ?? false },
        file: { driver: 'file', filename: 'disk.qbm' },
      });
      t.equal(id, row.expected, what);
      t.same(image.machine.graph.nodes, [], `${what}: no node is left`);
      const allowed = [...(row.opens ?? []), 'disk.qbm', 'one.qbm', 'two.qbm', 'other.qbm', 'large.qbm'];
      t.same(
        storage.opened.filter((name) => !allowed.includes(name)),
        [],
        `${what}: nothing else was opened`,
      );
      t.ok(storage.bytes < 100_000, `${what}: ${storage.bytes} bytes were read`);
    }
    t.same(snapshot(top), before, `${row.what}: nothing was written`);
  }
  t.end();
});

t.test('QBM-032, QBM-041: a descriptor that is no regular file', (t) => {
  const places: [string, string, (path: string, top: string) => void][] = [
    ['a FIFO', 'REF-E-OPEN|QBM-E-NOT-REGULAR', (path) => void execFileSync('mkfifo', [path])],
    ['a symbolic link', 'REF-E-OPEN|QBM-E-NOT-REGULAR', (path) => symlinkSync('disk.qbm', path)],
    ['a directory', 'REF-E-OPEN|QBM-E-NOT-REGULAR', (path) => mkdirSync(path)],
  ];
  for (const [what, expected, make] of places) {
    const top = sceneFor(t, {});
    make(join(top, 'in', 'odd.qbm'), top);
    const storage = new Watched(new DirectoryStorage(join(top, 'in'), { followLinks: true }));
    const file = { driver: 'file', filename: 'odd.qbm' };
    const id = new Image(storage).ask('blockdev-add', { driver: 'qbm', 'node-name': 'disk', file });
    t.match(id, new RegExp(`^(${expected})$`), what);
    t.same(storage.opened, [], `${what}: it was not opened`);
  }
  t.end();
});

t.test(
  'QBM-018, QBM-025: a bitmap name that is a path is a name, and its file stays in the directory',
  (t) => {
    const name = '../../etc/passwd';
    const top = sceneFor(t, { descriptor: text(IMAGE, { [name]: BITMAP }) });
    const outside = readdirSync(top);
    const storage = new DirectoryStorage(join(top, 'in'));
    const image = new Image(storage).open({ policy: 'writethrough' });
    t.same(
      image.node.bitmaps.map((bitmap) => bitmap.name),
      [name],
    );
    t.equal(image.add('../x'), 'ok');
    image.close();
    t.ok(readdirSync(join(top, 'in')).includes('disk.%2e%2e%2fx.dirty.bitmap'));
    t.same(readdirSync(top), outside, 'nothing beside it');
    t.end();
  },
);

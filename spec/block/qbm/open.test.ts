/** Opening an image by its descriptor: locks, refusals that leave nothing, trust. FORMAT.md, QBM-016, QBM-017, QBM-032, QBM-040, QBM-041. */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { OpenMode, StorageFile } from '../../storage/storage.js';
import {
  contentOf,
  DirectoryStorage,
  directoryFor,
  files,
  GRANULE,
  Image,
  NoWrites,
} from './image-for-tests.js';

const DISK = { driver: 'qbm', 'node-name': 'disk', file: { driver: 'file', filename: 'disk.qbm' } };

/** Takes no change. The node of the descriptor is opened as its options say, which is for writing; nothing is written by it. */
class Looking extends NoWrites {
  override open(name: string, mode: OpenMode = {}): StorageFile {
    return super.open(name, name === 'disk.qbm' ? { ...mode, write: false } : mode);
  }
}

/** Everything in a storage. */
function snapshot(storage: ReturnType<typeof files>): unknown {
  return storage.files().map(([name]) => [name, contentOf(storage, name)]);
}

t.test('QBM-032: one writer or many readers', (t) => {
  const storage = files({ bitmaps: ['b0'] });
  const readOnly = { 'read-only': true };
  const writer = new Image(storage).open();
  const before = snapshot(storage);
  const other = new Image(storage);
  for (const more of [{}, readOnly]) {
    t.equal(other.ask('blockdev-add', { ...DISK, ...more }), 'QBM-E-LOCKED');
    t.same(other.machine.graph.nodes, [], 'no node is left');
  }
  t.equal(
    writer.ask('blockdev-add', { ...DISK, 'node-name': 'again' }),
    'QBM-E-LOCKED',
    'nor the same machine',
  );
  t.same(snapshot(storage), before, 'and nothing has changed');
  t.equal(writer.add('b1'), 'ok', 'the lock outlives replacements of the descriptor');
  t.equal(other.ask('blockdev-add', { ...DISK, ...readOnly }), 'QBM-E-LOCKED');
  writer.close();
  const readers = [new Image(storage).open(readOnly), new Image(storage).open(readOnly)];
  t.equal(other.ask('blockdev-add', DISK), 'QBM-E-LOCKED');
  for (const reader of readers) reader.close();
  t.equal(other.ask('blockdev-add', DISK), 'ok', 'no lock is left behind');
  other.close();
  t.end();
});

t.test('QBM-041: a refusal has written nothing, and leaves no node and no lock', (t) => {
  const cases: [string, (storage: ReturnType<typeof files>) => void, object?][] = [
    ['QBM-E-NO-FILE', (storage) => storage.remove('disk.data')],
    ['QBM-E-NO-FILE', (storage) => storage.remove('disk.b1.dirty.bitmap')],
    ['QBM-E-BITMAP-SIZE', (storage) => storage.put('disk.b1.dirty.bitmap', 7)],
    ['QBM-E-TAIL', (storage) => storage.put('disk.b1.dirty.bitmap', Uint8Array.of(0, 0, 0, 0, 0, 2))],
    ['QBM-E-JSON', (storage) => storage.put('disk.qbm', new Uint8Array(3))],
    ['REF-E-NAME-TAKEN', () => {}, { 'node-name': 'taken' }],
    ['REF-E-QBM-BOTH', () => {}, { image: 'taken' }],
  ];
  for (const [expected, spoil, more] of cases) {
    const storage = files({ bitmaps: ['b0', 'b1'] });
    spoil(storage);
    const before = snapshot(storage);
    const image = new Image(new Looking(storage));
    image.addNode({ driver: 'null-co', 'node-name': 'taken' });
    t.equal(image.ask('blockdev-add', { ...DISK, ...more }), expected);
    t.same(
      image.machine.graph.nodes.map(({ name }) => name),
      ['taken'],
    );
    t.same(snapshot(storage), before);
    const lock = storage.open('disk.qbm', { lock: 'exclusive' });
    lock.close();
  }
  t.end();
});

t.test('QBM-016, QBM-017, QBM-040: what a stranger’s descriptor may not name', (t) => {
  const text = (file: string, more = ''): string =>
    `{"QBM": {"version": 1, "image": {"file": ${JSON.stringify(file)}, "format": "raw"}, "bitmaps": {${more}}}}`;
  const directory = directoryFor(t);
  const at = (name: string): string => join(directory, name);
  mkdirSync(at('in'));
  writeFileSync(at('secret'), 'x'.repeat(512));
  writeFileSync(at('in/real'), new Uint8Array(512));
  writeFileSync(at('in/b'), new Uint8Array(1));
  symlinkSync('../secret', at('in/link'));
  symlinkSync('..', at('in/up'));
  execFileSync('mkfifo', [at('in/fifo')]);
  const bitmap = (file: string): string =>
    `"b": {"file": "${file}", "granularity-bytes": 512, "type": "dirty"}`;
  const opened = (descriptor: string, more = {}): string => {
    writeFileSync(at('in/disk.qbm'), descriptor);
    const image = new Image(new DirectoryStorage(at('in'), { followLinks: true }));
    const id = image.ask('blockdev-add', { ...DISK, ...more });
    image.close();
    return id;
  };
  for (const [expected, descriptor] of [
    ['QBM-E-TRUST', text(at('secret'))],
    ['QBM-E-FILE', text('../secret')],
    ['QBM-E-FILE', text('nbd:unix:socket')],
    ['QBM-E-NOT-REGULAR', text('link')],
    ['QBM-E-NOT-REGULAR', text('fifo')],
    ['QBM-E-NOT-REGULAR', text('real', bitmap('fifo'))],
    ['QBM-E-NOT-REGULAR', text('real', bitmap('link'))],
    ['QBM-E-TRUST', text('up/secret')],
    ['QBM-E-FILE-TWICE', text('real', bitmap('real'))],
    ['QBM-E-FILE-TWICE', text('disk.qbm')],
    ['QBM-E-NOT-REGULAR', text('up')],
    ['ok', text('real', bitmap('b'))],
  ] as const) {
    t.equal(opened(descriptor), expected, descriptor);
    if (expected !== 'ok')
      t.equal(readFileSync(at('in/disk.qbm'), 'utf8'), descriptor, 'not even a marker was written');
  }
  t.equal(opened(text('link'), { trusted: true }), 'ok', 'a local caller’s may');
  t.equal(opened(text(at('secret')), { trusted: true }), 'ok');
  t.equal(opened(text('fifo'), { trusted: true }), 'QBM-E-NOT-REGULAR');
  t.equal(readFileSync(at('secret'), 'utf8'), 'x'.repeat(512));
  renameSync(at('in/disk.qbm'), at('in/other.qbm'));
  symlinkSync('other.qbm', at('in/disk.qbm'));
  const image = new Image(new DirectoryStorage(at('in'), { followLinks: true }));
  t.equal(image.ask('blockdev-add', DISK), 'QBM-E-NOT-REGULAR', 'the descriptor');
  rmSync(at('in/disk.qbm'));
  t.same(
    readdirSync(at('in')).filter((name) => name.endsWith('.new')),
    [],
  );
  t.end();
});

t.test('QBM-014, QBM-040: a QBM image within a QBM image', (t) => {
  const storage = files({ bitmaps: ['b0'] });
  const outer = (file: string): Uint8Array =>
    new TextEncoder().encode(
      `{"QBM": {"version": 1, "image": {"file": "${file}", "format": "qbm"}, "bitmaps": {
        "o": {"file": "o", "granularity-bytes": 4096, "type": "dirty"}}}}`,
    );
  storage.put('outer.qbm', outer('disk.qbm'));
  storage.put('o', 6);
  const file = { driver: 'file', filename: 'outer.qbm' };
  const image = new Image(storage).open({ file, policy: 'writethrough' });
  const inner = image.node.children.find(({ role }) => role === 'image')!.child;
  t.equal(inner.driver.name, 'qbm');
  image.write(3 * GRANULE, 1);
  t.equal(image.dirty('o'), '3+1');
  t.same([...inner.bitmap('b0')!.dirtyAreas()], [{ offset: 3 * GRANULE, length: GRANULE }]);
  t.equal(contentOf(storage, 'disk.b0.dirty.bitmap')[0], 8, 'the one within follows the policy');
  t.equal(image.resize(60 * GRANULE), 'ok');
  t.equal(image.ask('block_resize', { 'node-name': inner.name, size: 512 }), 'REF-E-CONFLICT');
  image.write(50 * GRANULE, 1);
  t.same(image.machine.verify(), []);
  image.close();
  const again = new Image(storage).open();
  t.equal(again.dirty('b0'), '3+1 50+1');
  t.equal(
    new Image(storage).ask('blockdev-add', { ...DISK, file }),
    'QBM-E-LOCKED',
    'the one within is open',
  );
  again.close();
  storage.put('/elsewhere/outer.qbm', outer('/disk.qbm'));
  storage.put('/elsewhere/o', 6);
  for (const name of ['disk.qbm', 'disk.data', 'disk.b0.dirty.bitmap'])
    storage.put(`/${name}`, contentOf(storage, name));
  storage.put('/disk.data', 60 * GRANULE);
  const elsewhere = { driver: 'file', filename: '/elsewhere/outer.qbm' };
  t.equal(new Image(storage).ask('blockdev-add', { ...DISK, file: elsewhere }), 'QBM-E-TRUST');
  t.end();
});

t.test(
  'QBM-035, QBM-041: a directory in the place of the next descriptor refuses a writer, who has changed nothing',
  (t) => {
    const storage = files({ bitmaps: ['b0'] });
    const next = 'disk.qbm.new/x';
    storage.put(next, 1);
    const before = snapshot(storage);
    const image = new Image(new Looking(storage));
    t.equal(image.ask('blockdev-add', DISK), 'QBM-E-NOT-REGULAR');
    t.equal(image.ask('blockdev-add', { ...DISK, 'read-only': true }), 'ok', 'a reader needs no such name');
    t.equal(
      image.ask('blockdev-reopen', { options: [DISK] }),
      'QBM-E-NOT-REGULAR',
      'until it becomes the writer',
    );
    t.same(snapshot(storage), before);
    image.close();
    t.end();
  },
);

t.test('QBM-027: a marker that could not be set is not taken back over one that was', (t) => {
  const storage = files({ bitmaps: ['b0'] });
  const image = new Image(storage).open({ 'read-only': true });
  storage.put('disk.qbm.new/x', 1);
  t.equal(image.ask('blockdev-reopen', { options: [DISK] }), 'QBM-E-NOT-REGULAR');
  storage.remove('disk.qbm.new/x');
  t.equal(image.ask('blockdev-reopen', { options: [DISK] }), 'ok');
  t.equal(image.write(0, GRANULE), 'ok');
  const text = new TextDecoder().decode(contentOf(storage, 'disk.qbm'));
  t.match(text, /ext-hard-qbm-in-use/, 'while it is written');
  image.close();
  t.end();
});

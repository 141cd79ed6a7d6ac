import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { MemoryStorage } from '../storage/memory-storage.js';
import { expectSame, type Step, step, storageOf } from '../storage/recording-for-tests.js';
import type { StorageError } from '../storage/storage.js';
import { DirectoryStorage } from './directory-storage.js';
import { directoryFor } from './directory-storage-for-tests.js';

function errno(use: () => unknown): string {
  try {
    use();
    return 'ok';
  } catch (error) {
    return (error as StorageError).errno ?? String(error);
  }
}

/**
 * Memory knows no directories of their own, so nothing is done to `d` itself. And its locks go with the file, those of a
 * directory with the name: not both locks and renames.
 */
function comparable(steps: readonly Step[]): Step[] {
  const moves = (one: Step): boolean => one.op === 'rename' || one.op === 'remove';
  const some = steps.filter((one) => !(moves(one) && 'name' in one && one.name === 'd'));
  const rest = some.filter((one) => !(one.op === 'rename' && one.to === 'd'));
  return rest.some(moves) ? rest.map((one) => (one.op === 'open' ? { ...one, lock: undefined } : one)) : rest;
}

t.test('a directory behaves as memory does', (t) => {
  const root = directoryFor(t);
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }).map(comparable), (steps) => {
      const directory = mkdtempSync(join(root, 'run-'));
      const memory = new MemoryStorage();
      mkdirSync(join(directory, 'd'));
      for (const name of ['a', 'd/b', 'd/keep']) {
        writeFileSync(join(directory, name), name);
        memory.put(name, new TextEncoder().encode(name));
      }
      const [real, expected] = [storageOf(new DirectoryStorage(directory)), storageOf(memory)];
      for (const step of steps) expectSame(real.run(step), expected.run(step));
      expectSame(real.look(), expected.look());
      real.close();
      expectSame(
        readdirSync(directory, { recursive: true }).filter((name) => /lock/.test(String(name))),
        [],
      );
      rmSync(directory, { recursive: true });
    }),
    { numRuns: 150 },
  );
  t.end();
});

t.test('only regular files are opened', async (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  const fifo = join(root, 'fifo');
  if (spawnSync('mkfifo', [fifo]).status === 0) {
    t.equal(
      errno(() => storage.open('fifo')),
      'ENOTREG',
    );
    t.equal(
      errno(() => storage.open('fifo', { write: true, lock: 'exclusive' })),
      'ENOTREG',
    );
    t.equal(storage.kind('fifo'), 'special');
  }
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(root, 'socket'), resolve));
  t.teardown(() => server.close());
  t.equal(
    errno(() => storage.open('socket')),
    'ENOTREG',
  );
  t.equal(
    errno(() => storage.open('/dev/null', { write: true })),
    'ENOTREG',
  );
  t.equal(storage.kind('/dev/null'), 'special');
  mkdirSync(join(root, 'directory'));
  t.equal(
    errno(() => storage.open('directory')),
    'EISDIR',
  );
  t.equal(
    errno(() => storage.open('missing')),
    'ENOENT',
  );
  t.equal(
    errno(() => storage.open('missing/file')),
    'ENOENT',
  );
  t.equal(
    errno(() => storage.open('x'.repeat(300))),
    'ENAMETOOLONG',
  );
  t.equal(
    errno(() => storage.open('a\0b')),
    'ENOENT',
  );
  t.same(
    readdirSync(root).filter((name) => name.includes('lock')),
    [],
    'and nothing is left behind',
  );
});

t.test('symbolic links', (t) => {
  const root = directoryFor(t);
  const [storage, following] = [
    new DirectoryStorage(root),
    new DirectoryStorage(root, { followLinks: true }),
  ];
  writeFileSync(join(root, 'file'), 'x');
  symlinkSync('file', join(root, 'link'));
  symlinkSync('/dev/null', join(root, 'to-device'));
  symlinkSync('loop', join(root, 'loop'));
  symlinkSync('nothing', join(root, 'dangling'));
  t.equal(
    errno(() => storage.open('link')),
    'ELOOP',
  );
  t.equal(storage.kind('link'), 'symlink');
  t.equal(following.kind('link'), 'symlink');
  t.equal(following.open('link').size, 1);
  t.equal(
    errno(() => following.open('to-device')),
    'ENOTREG',
  );
  t.equal(
    errno(() => following.open('loop')),
    'ELOOP',
  );
  t.equal(
    errno(() => following.open('dangling')),
    'ENOENT',
  );
  t.equal(
    errno(() => following.create('dangling')),
    'EEXIST',
    'a new file is never made through a link',
  );
  t.equal(storage.identity('link'), storage.identity('./file'));
  t.equal(storage.identity('new'), join(storage.identity('.'), 'new'));
  linkSync(join(root, 'file'), join(root, 'hard'));
  t.equal(storage.identity('hard'), storage.identity('link'), 'by whatever kind of link');
  const held = following.open('link', { lock: 'exclusive' });
  t.equal(
    errno(() => storage.open('file', { lock: 'shared' })),
    'EAGAIN',
    'a lock is that of the file, not of the link',
  );
  held.close();
  t.end();
});

t.test(
  'a file without the permission',
  { skip: process.getuid?.() === 0 && 'root may do everything' },
  (t) => {
    const root = directoryFor(t);
    const storage = new DirectoryStorage(root);
    writeFileSync(join(root, 'file'), 'x', { mode: 0o444 });
    t.equal(
      errno(() => storage.open('file', { write: true })),
      'EACCES',
    );
    t.equal(
      errno(() => storage.open('file')),
      'ok',
    );
    t.equal(
      errno(() => storage.open('file', { write: true, lock: 'exclusive' })),
      'EACCES',
    );
    t.same(readdirSync(root), ['file'], 'who could not open it keeps no lock');
    if (spawnSync('mkfifo', ['-m', '000', join(root, 'fifo')]).status === 0) {
      t.equal(
        errno(() => storage.open('fifo')),
        'ENOTREG',
        'a FIFO is refused before it is opened',
      );
    }
    chmodSync(root, 0o555);
    t.teardown(() => chmodSync(root, 0o755));
    t.equal(
      errno(() => storage.create('new')),
      'EACCES',
    );
    t.equal(
      errno(() => storage.open('file', { lock: 'exclusive' })),
      'EACCES',
    );
    t.equal(
      errno(() => storage.open('file', { lock: 'shared' })),
      'ok',
      'who only reads needs no place for a lock',
    );
    t.end();
  },
);

t.test('names', (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  mkdirSync(join(root, 'd'));
  storage.create('d/f').close();
  t.equal(storage.kind(join(root, 'd/f')), 'file', 'an absolute name is one');
  t.equal(storage.resolve('d/f', 'g'), 'd/g');
  t.equal(storage.resolve('f', 'g'), 'g');
  t.equal(storage.resolve('d/f', '/g'), '/g');
  t.equal(storage.kind('d/f/g'), null);
  t.equal(
    errno(() => storage.rename('d', 'e')),
    'EISDIR',
  );
  t.equal(
    errno(() => storage.remove('d')),
    'EISDIR',
  );
  storage.flushDirectory('d/whatever');
  t.equal(
    errno(() => storage.flushDirectory('e/whatever')),
    'ENOENT',
  );
  t.throws(() => new DirectoryStorage(join(root, 'missing')), /ENOENT/);
  t.end();
});

t.test('bytes', (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  const file = storage.create('f');
  t.equal(
    errno(() => file.write(Number.MAX_SAFE_INTEGER, new Uint8Array(1))),
    'EFBIG',
  );
  t.equal(
    errno(() => file.read(Number.MAX_SAFE_INTEGER, new Uint8Array(1))),
    'EFBIG',
  );
  t.throws(() => file.truncate(-1), RangeError);
  t.throws(() => file.write(0.5, new Uint8Array(1)), RangeError);
  const pattern = new Uint8Array(3_000_000).fill(5);
  file.write(100, pattern);
  file.zero(1_000_000, 1_500_000);
  file.zero(3_000_000, 10 ** 12);
  t.equal(file.size, 3_000_100, 'zeroing makes no file longer');
  const expected = Buffer.alloc(3_000_100, 5)
    .fill(0, 0, 100)
    .fill(0, 1_000_000, 2_500_000)
    .fill(0, 3_000_000);
  t.equal(Buffer.compare(readFileSync(join(root, 'f')), expected), 0);
  const past = new Uint8Array(200).fill(9);
  file.read(3_000_050, past);
  t.ok(
    past.every((byte) => byte === 0),
    'zeros past the end',
  );
  const other = new DirectoryStorage(root).open('f', { write: true });
  other.truncate(5);
  t.equal(file.size, 5, 'the size is that of the file now, whoever in this process changes it');
  file.write(7, new Uint8Array(2));
  t.equal(other.size, 9);
  truncateSync(join(root, 'f'), 3);
  t.equal(other.size, 9, 'another program is not noticed before the file is closed');
  other.close();
  file.flush();
  file.close();
  file.close();
  t.throws(() => file.read(0, past), /after it was closed/);
  const again = storage.open('f');
  t.equal(again.size, 3);
  again.close();
  t.end();
});

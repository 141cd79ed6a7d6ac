/** `qbm io` where the storage refuses, or somebody else has the image: it says so, goes on, and ends with 1. */
import t from 'tap';
import { createImage } from '../../qbm/create.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { type Storage, type StorageErrno, StorageError } from '../../storage/storage.js';
import { nodeSha256 } from '../sha256.js';
import { runIo } from './io.js';

function run(storage: Storage, argv: readonly string[]) {
  const said = { code: 0, stdout: '', stderr: '' };
  said.code = runIo(argv, {
    storage,
    makeHash: nodeSha256,
    stdout: (text) => {
      said.stdout += text;
    },
    stderr: (text) => {
      said.stderr += text;
    },
    readLine: () => undefined,
    isTerminal: false,
  });
  return said;
}

function commands(...lines: string[]): string[] {
  return lines.flatMap((line) => ['-c', line]);
}

type Operation = 'read' | 'write' | 'zero' | 'truncate' | 'flush';

/** The same files, of which this operation is refused. */
function failing(storage: MemoryStorage, operation: Operation, errno: StorageErrno): Storage {
  return new Proxy(storage, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (name !== 'open') return typeof member === 'function' ? member.bind(target) : member;
      return (...words: Parameters<Storage['open']>) =>
        new Proxy(target.open(...words), {
          get(file, method) {
            const found: unknown = Reflect.get(file, method, file);
            if (method === operation) {
              return () => {
                throw new StorageError(errno, words[0]);
              };
            }
            return typeof found === 'function' ? found.bind(file) : found;
          },
        });
    },
  });
}

function disk(): MemoryStorage {
  const storage = new MemoryStorage();
  storage.put('disk', 65536);
  return storage;
}

t.test('what the storage refuses is the answer to the request, in the words of the C library', (t) => {
  const cases: readonly (readonly [Operation, StorageErrno, string, string])[] = [
    ['write', 'ENOSPC', 'write 0 512', 'write failed: No space left on device\n'],
    ['write', 'EIO', 'writev 0 512', 'writev failed: Input/output error\n'],
    ['read', 'EIO', 'read 0 512', 'read failed: Input/output error\n'],
    ['read', 'EIO', 'readv 0 512', 'readv failed: Input/output error\n'],
    ['zero', 'ENOSPC', 'write -z 0 512', 'write failed: No space left on device\n'],
    ['zero', 'EIO', 'discard 0 512', 'discard failed: Input/output error\n'],
    ['flush', 'EIO', 'write -f 0 512', 'write failed: Input/output error\n'],
    ['flush', 'EIO', 'flush', ''],
  ];
  for (const [operation, errno, line, stdout] of cases) {
    const argv = ['-f', 'raw', ...commands(line, 'length'), 'disk'];
    t.same(
      run(failing(disk(), operation, errno), argv),
      { code: 1, stdout: `${stdout}64 KiB\n`, stderr: '' },
      `${line}, ${errno}`,
    );
  }
  const full = run(failing(disk(), 'truncate', 'ENOSPC'), ['-f', 'raw', ...commands('truncate 1G'), 'disk']);
  t.same(full, { code: 1, stdout: '', stderr: 'qbm io: Could not resize file: No space left on device\n' });
  t.end();
});

t.test('a failed request of aio is told of, and does not make the tool fail', (t) => {
  const argv = ['-f', 'raw', ...commands('aio_write 0 512', 'aio_flush'), 'disk'];
  const said = run(failing(disk(), 'write', 'ENOSPC'), argv);
  t.same(said, { code: 0, stdout: 'aio_write failed: No space left on device\n', stderr: '' });
  t.end();
});

t.test('an image that somebody else has is not opened, and can be when they are gone', (t) => {
  const storage = new MemoryStorage();
  createImage(storage, 'disk.qbm', { size: 65536, backing: null, clusterSize: 65536, makeHash: nodeSha256 });
  const other = storage.open('disk.qbm', { lock: 'exclusive' });
  for (const argv of [['disk.qbm'], ['-r', 'disk.qbm']]) {
    const said = run(storage, [...commands('length'), ...argv]);
    t.match(said, { code: 1, stdout: '', stderr: /^qbm io: can't open device disk\.qbm: .*lock/ });
  }
  other.close();
  t.match(run(storage, [...commands('length'), 'disk.qbm']), { code: 0, stdout: '64 KiB\n', stderr: '' });
  t.end();
});

t.test('an image that cannot be closed in good order is told of', (t) => {
  const storage = new MemoryStorage();
  createImage(storage, 'disk.qbm', { size: 65536, backing: null, clusterSize: 65536, makeHash: nodeSha256 });
  const argv = [...commands('length'), 'disk.qbm'];
  const said = run(failing(storage, 'flush', 'EIO'), argv);
  t.equal(said.code, 1);
  t.match(said.stderr, /^qbm io: .*Input\/output error/);
  t.end();
});

t.test('a reopen that is refused leaves the image open as it was', (t) => {
  const storage = disk();
  const lines = ['reopen -o size=1T', 'length', 'write -q -P 1 0 512', 'read -q -P 1 0 512'];
  const said = run(storage, ['-f', 'raw', ...commands(...lines), 'disk']);
  t.equal(said.code, 1);
  t.equal(said.stdout, '64 KiB\n');
  t.match(said.stderr, /^qbm io: The sum of offset \(0\) and size/);
  t.end();
});

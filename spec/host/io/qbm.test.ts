/** `qbm io` on QBM images: as a qcow2 image of the same content behaves under qemu-io, and what only QBM has. */
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { createImage } from '../../qbm/create.js';
import { imageRef } from '../../qbm/descriptor.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { directoryFor } from '../directory-storage-for-tests.js';
import { nodeSha256 } from '../sha256.js';
import { type IoToolWorld, runIo } from './io.js';
import { comparable, qemuIoVersion } from './io-for-tests.js';

const version = qemuIoVersion();
const skip = version?.startsWith('7.2.') ? false : `qemu-io 7.2 is not in PATH (found: ${version ?? 'none'})`;

/** An overlay of 1 MiB over 512 KiB of the byte 0x11. */
const SIZE = 1048576;
const BASE = new Uint8Array(SIZE / 2).fill(0x11);

function overlay(): MemoryStorage {
  const storage = new MemoryStorage();
  storage.put('base.raw', BASE);
  const backing = imageRef('base.raw', 'raw');
  createImage(storage, 'disk.qbm', { size: SIZE, backing, clusterSize: 65536, makeHash: nodeSha256 });
  return storage;
}

function run(storage: MemoryStorage, argv: readonly string[], more: Partial<IoToolWorld> = {}) {
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
    ...more,
  });
  return { code: said.code, stdout: comparable(said.stdout), stderr: comparable(said.stderr) };
}

function commands(...lines: string[]): string[] {
  return lines.flatMap((line) => ['-c', line]);
}

const LIKE_QCOW2: readonly (readonly string[])[] = [
  ['map', 'alloc 0 1M', 'length'],
  ['write -P 0x22 70000 1', 'map', 'alloc 64k 64k', 'alloc 0 1M', 'alloc 65535 2', 'read -v 69984 32'],
  ['write 0 64k', 'write 128k 64k', 'write 896k 128k', 'map', 'alloc 0 1M', 'alloc 1M 1', 'alloc 100k 1M'],
  ['write 448k 128k', 'read -P 0x11 0 448k', 'read -P 0xcd 448k 128k', 'read -P 0 576k 448k', 'map'],
  [
    'write -P 5 500k 24k',
    'write -P 6 524288 1',
    'read -v 524272 32',
    'read -P 0x11 448k 52k',
    'read -P 0 524289 1k',
    'map',
  ],
  [
    'write -z 64k 64k',
    'read -P 0 64k 64k',
    'read -P 0x11 0 64k',
    'map',
    'write -z 1000 10',
    'read -P 0x11 0 1000',
    'map',
  ],
  ['write 0 1M', 'map', 'alloc 0 1M', 'read 1M 1', 'write 1M 1', 'write 1023k 1025'],
  [
    'aio_write -P 1 0 3k',
    'aio_flush',
    'aio_read -P 1 0 3k',
    'aio_flush',
    'map',
    'writev -P 2 64k 1 1 1',
    'readv -P 2 65536 3',
  ],
  ['reopen -r', 'write 0 1', 'map', 'reopen -w', 'write 0 1', 'map', 'close', 'map'],
];

const request = fc
  .tuple(
    fc.constantFrom(
      'write',
      'write -P 1',
      'write -z',
      'writev',
      'read -v',
      'read -P 17',
      'read -P 0',
      'alloc',
    ),
    // Around the ends of clusters and of the backing file.
    fc.tuple(fc.nat(15), fc.constantFrom(0, 1, 511, 512, 4096, 65024, 65535)),
    fc.constantFrom(1, 2, 512, 513, 4096, 65536, 65537, 200_000),
  )
  .map(([command, [cluster, into], length]) => `${command} ${cluster * 65536 + into} ${length}`);

t.test('an overlay, as qcow2 has it', { skip }, (t) => {
  const directory = directoryFor(t);
  writeFileSync(join(directory, 'base.raw'), BASE);
  const both = (lines: readonly string[]) => {
    const create = ['create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', 'disk.qcow2', String(SIZE)];
    execFileSync('qemu-img', create, { cwd: directory, timeout: 20_000 });
    const argv = [...commands(...lines), 'disk.qcow2'];
    const theirs = spawnSync('qemu-io', argv, {
      cwd: directory,
      encoding: 'utf8',
      timeout: 20_000,
      maxBuffer: 2 ** 26,
    });
    const ours = run(overlay(), [...commands(...lines), 'disk.qbm']);
    const { status: code, stdout, stderr } = theirs;
    t.same(ours, { code, stdout: comparable(stdout), stderr: comparable(stderr) }, lines.join('; '));
    return t.passing();
  };
  for (const lines of LIKE_QCOW2) both(lines);
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 10 }), (lines) =>
      both([...lines, 'read -v 0 1M', 'map', 'alloc 0 1M']),
    ),
    { numRuns: Number(process.env.QBM_IO_RUNS ?? 8), endOnFailure: true },
  );
  t.end();
});

t.test('an image is opened by its descriptor, and what was written is there the next time', (t) => {
  const storage = overlay();
  t.same(run(storage, [...commands('write -P 7 100k 1k', 'info'), 'disk.qbm']), {
    code: 0,
    stdout:
      'wrote 1024/1024 bytes at offset 102400\n1 KiB, 1 ops\nformat name: qbm\ncluster size: 64 KiB\nvm state offset: 0 bytes\n',
    stderr: '',
  });
  const again = run(storage, [
    ...commands('read -q -P 7 100k 1k', 'read -q -P 0x11 0 100k', 'alloc 0 1M'),
    'disk.qbm',
  ]);
  t.same(again, { code: 0, stdout: '65536/1048576 bytes allocated at offset 0 bytes\n', stderr: '' });
  const shared = run(storage, ['-r', ...commands('read -q -P 7 100k 1k', 'write 0 1'), 'disk.qbm']);
  t.same(shared, { code: 1, stdout: '', stderr: 'qbm io: Block node is read-only\n' });
  t.end();
});

t.test('what only formats of QEMU have is not supported', (t) => {
  const lines = ['write -c 0 64k', 'write -b 0 512', 'read -b 0 512'];
  const { code, stdout } = run(overlay(), [...commands(...lines), 'disk.qbm']);
  t.equal(code, 1);
  t.equal(
    stdout,
    `${'write failed: Operation not supported\n'.repeat(2)}read failed: Operation not supported\n`,
  );
  for (const option of ['-s', '-C', '-T', '--object'])
    t.match(run(overlay(), [option, 'x', 'disk.qbm']), { code: 1, stderr: /not supported/ }, option);
  t.end();
});

t.test('a gigantic request is refused before room is made for it', (t) => {
  const storage = new MemoryStorage();
  storage.put('small', 512);
  const before = process.memoryUsage.rss();
  const most = 2147483136;
  const lines = ['read', 'write', 'readv', 'writev', 'aio_read', 'aio_write'].flatMap((command) => [
    `${command} 0 ${most}`,
    `${command} 7E 1`,
    `${command} 0 ${'1G '.repeat(50)}`,
  ]);
  const { code, stdout } = run(storage, ['-f', 'raw', ...commands(...lines), 'small']);
  t.equal(code, 1);
  t.equal(stdout.match(/failed: Input\/output error/g)?.length, 12);
  t.ok(process.memoryUsage.rss() - before < 2 ** 28, 'memory stays where it was');
  t.end();
});

t.test('times come from the world, and are shown as qemu-io shows them', (t) => {
  const storage = new MemoryStorage();
  storage.put('disk', 1572864);
  const shown = (seconds: number, line: string): string => {
    let now = 5;
    let stdout = '';
    run(storage, ['-f', 'raw', '-c', line, 'disk'], {
      now: () => {
        now += seconds;
        return now - seconds;
      },
      stdout: (text) => {
        stdout += text;
      },
    });
    return stdout.split('\n').at(line.includes('-C') ? 0 : 1)!;
  };
  // As measured on qemu-io 7.2.22, but for the last digits, which are those of its clock.
  t.equal(shown(0.125, 'read 0 1000'), '1000 bytes, 1 ops; 00.12 sec (7.812 KiB/sec and 8.0000 ops/sec)');
  t.equal(shown(1.25, 'read 0 1000'), '1000 bytes, 1 ops; 0:00:01.25 (800 bytes/sec and 0.8000 ops/sec)');
  t.equal(shown(1, 'read 0 1536k'), '1.500 MiB, 1 ops; 0:00:01.00 (1.500 MiB/sec and 1.0000 ops/sec)');
  t.equal(shown(0.5, 'read 0 0'), '0 bytes, 1 ops; 00.50 sec (0 bytes/sec and 2.0000 ops/sec)');
  t.equal(shown(3725.5, 'write -C 0 1'), '1,1,1:02:05.50,0.000,0.000');
  t.equal(shown(3, 'read 0 1'), '1 bytes, 1 ops; 0:00:03.00 (0.333333 bytes/sec and 0.3333 ops/sec)');
  t.end();
});

t.test('sleep lets the world sleep, and the answers of aio come before it', (t) => {
  const storage = new MemoryStorage();
  storage.put('disk', 512);
  const order: string[] = [];
  run(storage, ['-f', 'raw', ...commands('aio_read -C 0 1', 'length', 'sleep 0x10'), 'disk'], {
    sleep: (milliseconds) => order.push(`slept ${milliseconds}`),
    stdout: (text) => order.push(text.slice(0, 5)),
  });
  t.same(order, ['512 b', '1,1,0', 'slept 16']);
  t.end();
});

t.test('help names every command, and says more about each', (t) => {
  const { stdout } = run(new MemoryStorage(), commands('help'));
  const names = [...stdout.matchAll(/^([a-z_]+) /gm)].map(([, name]) => name!);
  t.ok(names.length >= 20, 'all are there');
  for (const name of names) {
    const help = run(new MemoryStorage(), commands(`help ${name}`));
    t.ok(help.code === 0 && help.stdout.startsWith(`${name} `), name);
  }
  t.match(run(new MemoryStorage(), ['--help']), { code: 0, stdout: /^Usage: qbm io/ });
  t.same(run(new MemoryStorage(), ['--version'], { version: '1.2.3' }).stdout, 'qbm io version 1.2.3\n');
  t.end();
});

import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Daemon, daemonVersion } from '../qmp/qsd-for-tests.js';
import { DirectoryStorage } from './directory-storage.js';
import { directoryFor, other } from './directory-storage-for-tests.js';
import { knowsLocks } from './file-lock.js';
import { HAS_QEMU_IMG, ours, theirs, worldOf } from './img/beside-for-tests.js';
import { runIo } from './io/io.js';

const skip =
  (!knowsLocks() && 'koffi is not installed, or this is not Linux') ||
  ((daemonVersion() === undefined || !HAS_QEMU_IMG) && 'qemu-storage-daemon or qemu-img is not installed');
type Test = Pick<typeof t, 'equal' | 'match' | 'same'>;

const SIZE = 2 ** 20;

function disks(t: Parameters<typeof directoryFor>[0]): string {
  const directory = directoryFor(t);
  for (const name of ['disk', 'other']) writeFileSync(join(directory, name), Buffer.alloc(SIZE, name[0]));
  spawnSync('qemu-img', ['create', '-f', 'qcow2', 'image', '1M'], { cwd: directory });
  return directory;
}

async function running(...options: string[]): Promise<Daemon> {
  const daemon = new Daemon(...options);
  await daemon.ask('{"execute": "qmp_capabilities"}\n');
  return daemon;
}

/** That each command is refused with this lock, by us and by QEMU, and changes nothing. */
function refused(t: Test, directory: string, name: string, lock: string, commands: string[][]): void {
  const before = readFileSync(join(directory, name));
  for (const argv of commands) {
    const said = [ours, theirs].map((run) => {
      const { code, stderr } = run(directory, argv);
      return { code, stderr: stderr.replace(/^(qbm |qemu-)img: /, '') };
    });
    t.same(said[0], said[1], `ours, theirs: ${argv.join(' ')}`);
    t.match(said[0], {
      code: 1,
      stderr: `Failed to get "${lock}" lock\nIs another process using the image [${name}]?`,
    });
    t.same(readFileSync(join(directory, name)), before, argv.join(' '));
  }
}

function io(directory: string, name: string) {
  const world = worldOf(directory);
  const code = runIo(['-f', 'raw', '-c', 'write 0 512', name], world);
  return { code, stderr: world.err.join('') };
}

t.test('IMG-016: a disk of another program keeps its content and its size', { skip }, async (t) => {
  const directory = disks(t);
  const disk = join(directory, 'disk');
  {
    using _ = await running(
      ...['--blockdev', `file,node-name=f,filename=${disk}`, '--blockdev', 'raw,node-name=r,file=f'],
      ...['--nbd-server', `addr.type=unix,addr.path=${join(directory, 'nbd')}`],
      ...['--export', 'nbd,id=e,node-name=r,writable=on'],
    );
    refused(t, directory, 'disk', 'resize', [
      ['resize', '-f', 'raw', 'disk', '2M'],
      ['resize', '-f', 'raw', '--shrink', 'disk', '64k'],
      ['create', '-f', 'raw', 'disk', '1M'],
      ['convert', '-f', 'raw', '-O', 'raw', 'other', 'disk'],
    ]);
    t.equal(io(directory, 'disk').code, 0, 'an export shares writing');
  }
  t.end();
});

t.test('IMG-016: nobody writes to an image of another program', { skip }, async (t) => {
  const directory = disks(t);
  {
    using _ = await running(
      '--blockdev',
      `qcow2,node-name=q,file.driver=file,file.filename=${join(directory, 'image')}`,
    );
    refused(t, directory, 'image', 'write', [
      ['resize', '-f', 'raw', 'image', '2M'],
      ['create', '-f', 'raw', 'image', '1M'],
      ['convert', '-f', 'raw', '-O', 'raw', 'other', 'image'],
      ['convert', '-n', '-f', 'raw', '-O', 'raw', 'other', 'image'],
    ]);
    t.match(io(directory, 'image'), { code: 1, stderr: 'Failed to get "write" lock' });
    t.equal(ours(directory, ['info', '-f', 'raw', 'image']).code, 0, 'it can be looked at');
  }
  t.end();
});

t.test('IMG-016: QEMU leaves alone what is open here', { skip }, (t) => {
  const directory = disks(t);
  const file = new DirectoryStorage(directory).open('disk', { write: true });
  t.match(theirs(directory, ['resize', '-f', 'raw', 'disk', '2M']), {
    code: 1,
    stderr: 'Failed to get "resize" lock',
  });
  t.match(theirs(directory, ['create', '-f', 'raw', 'disk', '1M']), { code: 1 });
  t.match(theirs(directory, ['convert', '-n', '-f', 'raw', '-O', 'qcow2', 'other', 'disk']), { code: 1 });
  file.truncate(SIZE / 2);
  file.close();
  t.match(theirs(directory, ['resize', '-f', 'raw', 'disk', '2M']), { code: 0 }, 'the lock goes with it');
  t.match(ours(directory, ['resize', '-f', 'raw', 'disk', '3M']), { code: 0 });
  t.end();
});

t.test('IMG-016: what is read as a whole is not written by others meanwhile', { skip }, async (t) => {
  const directory = disks(t);
  const convert = (...options: string[]): string[] => [
    'convert',
    ...options,
    '-f',
    'raw',
    '-O',
    'raw',
    'disk',
    'copy',
  ];
  {
    using daemon = await running(
      ...['--blockdev', `raw,node-name=r,file.driver=file,file.filename=${join(directory, 'disk')}`],
      ...['--nbd-server', `addr.type=unix,addr.path=${join(directory, 'nbd')}`],
      ...['--export', 'nbd,id=e,node-name=r,writable=on'],
    );
    for (const [who, run, format] of [
      ['ours', ours, 'qbm'],
      ['theirs', theirs, 'qcow2'],
    ] as const) {
      const answer = run(directory, convert());
      t.equal(answer.code, 1, who);
      t.match(
        answer.stderr,
        `Could not open 'disk': Failed to get shared "write" lock\nIs another process using the image [disk]?`,
      );
      t.equal(run(directory, convert('-U')).code, 0, `${who}, who takes what comes`);
      for (const argv of [
        ['info', '-f', 'raw', 'disk'],
        ['map', '-f', 'raw', 'disk'],
        ['compare', 'disk', 'disk'],
      ])
        t.equal(run(directory, argv).code, 0, `${who}: ${argv.join(' ')}`);
      run(directory, ['create', '-q', '-f', format, '-b', 'disk', '-F', 'raw', who]);
      t.match(
        run(directory, ['convert', '-f', format, '-O', 'raw', who, 'copy']).stderr,
        `Could not open '${who}': Failed to get shared "write" lock\nIs another process using the image [disk]?`,
        'it is the one below that is in use',
      );
    }
    await daemon.end();
  }
  t.equal(ours(directory, convert()).code, 0);
  t.equal(theirs(directory, ['resize', '-f', 'raw', 'disk', '2M']).code, 0, 'nothing is left of it');
  t.end();
});

/** A program that opens a QBM image by `options` of blockdev-add, and keeps it open until its standard input ends. */
function opened(
  t: Parameters<typeof other>[0],
  directory: string,
  options: object,
): ReturnType<typeof other> {
  const url = (path: string): string => JSON.stringify(new URL(path, import.meta.url).href);
  return other(
    t,
    directory,
    `const { Machine } = await import(${url('../qmp/machine.js')});
    const { nodeSha256 } = await import(${url('./sha256.js')});
    const machine = new Machine({ storage, makeHash: nodeSha256 });
    machine.execute({ name: 'blockdev-add', arguments: ${JSON.stringify(options)} });
    process.stdin.on('end', () => machine.shutDown()).resume();
    console.log('open');`,
  );
}

t.test('IMG-016: the parts of a QBM image are its own while it is open', { skip }, async (t) => {
  const directory = disks(t);
  const run = (argv: string): number => ours(directory, argv.split(' ')).code;
  t.equal(run('create -q -f qbm -b disk -F raw top'), 0);
  const top = { driver: 'qbm', 'node-name': 'top', file: { driver: 'file', filename: 'top' } };
  const write = (name: string) =>
    spawnSync('qemu-io', ['-f', 'raw', '-c', 'write 0 512', name], { cwd: directory, encoding: 'utf8' });
  for (const readOnly of [false, true]) {
    const holder = opened(t, directory, { ...top, 'read-only': readOnly });
    t.equal(await holder.line(), 'open');
    for (const name of ['top.data', 'top.allocation.allocation.bitmap'])
      t.match(write(name), { status: 1, stderr: 'Failed to get "write" lock' }, name);
    t.match(
      theirs(directory, ['convert', '-f', 'raw', '-O', 'raw', 'disk', 'copy']),
      { code: 0 },
      'it can be read',
    );
    await holder.leave();
    t.equal(write('top.data').status, 0, 'the locks go with it');
  }
  {
    using daemon = await running(
      ...['--blockdev', `raw,node-name=r,file.driver=file,file.filename=${join(directory, 'top.data')}`],
      ...['--nbd-server', `addr.type=unix,addr.path=${join(directory, 'nbd')}`],
      ...['--export', 'nbd,id=e,node-name=r,writable=on'],
    );
    t.match(ours(directory, ['check', 'top']), { code: 1, stderr: 'Failed to get shared "write" lock' });
    t.match(ours(directory, ['info', '-U', 'top']), { code: 0 }, 'a look is allowed');
    await daemon.end();
  }
  t.equal(run('check top'), 0);
  t.end();
});

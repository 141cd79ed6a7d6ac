/**
 * `qbm daemon` beside qemu-storage-daemon, through clients that nobody here wrote: for the same disk they print the same. And
 * what only the first has: images of QBM from the command line, whose bitmaps outlive it.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { unless } from '../target/fixtures.js';
import { connected, type DaemonKind, DaemonProcess, inScratch, until } from './daemon-for-tests.js';

const MIB = 1024 * 1024;

const KINDS: readonly DaemonKind[] = ['qbm', 'qsd'];

const DISK = [
  '--blockdev',
  'driver=file,node-name=f,filename=disk',
  '--blockdev',
  'raw,node-name=disk,file=f',
];
const SERVER = ['--nbd-server', 'addr.type=unix,addr.path=nbd'];
const WRITABLE = ['--export', 'type=nbd,id=e0,node-name=disk,name=disk,writable=on,description=a disk'];
const URI = 'nbd+unix:///disk?socket=nbd';

/** 3 MiB + 512 bytes with holes, and some data in it. */
function makeDisk(directory: string): void {
  const file = openSync(join(directory, 'disk'), 'w');
  ftruncateSync(file, 3 * MIB + 512);
  writeSync(file, Buffer.alloc(128 * 1024, 0x5a), 0, 128 * 1024, 128 * 1024);
  const varied = Buffer.from(Array.from({ length: 65536 }, (_, at) => (at * 7) % 251));
  writeSync(file, varied, 0, varied.length, MIB);
  writeSync(file, Buffer.alloc(65536, 1), 0, 65536, 3 * MIB - 65536);
  closeSync(file);
}

/** What each client prints, or makes. */
const CLIENTS: readonly (readonly string[])[] = [
  ['nbdinfo', '--json', URI],
  ['nbdinfo', '--list', 'nbd+unix:///?socket=nbd'],
  ['nbdinfo', '--size', URI],
  ['nbdinfo', '--map', URI],
  ['nbdinfo', '--map', '--totals', URI],
  ['nbdinfo', '--map=qemu:dirty-bitmap:b0', URI],
  ['nbdinfo', '--map=qemu:allocation-depth', URI],
  ['nbdinfo', '--map=no:such', URI],
  ['nbdinfo', 'nbd+unix:///nosuch?socket=nbd'],
  ['nbdcopy', URI, 'copied'],
  ['nbdcopy', '--connections=1', '--requests=1', URI, 'copied-slowly'],
  ['qemu-img', 'convert', '-f', 'raw', '-O', 'raw', URI, 'converted'],
  ['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', URI, 'disk'],
  ['qemu-img', 'map', '-f', 'raw', '--output=json', URI],
  ['qemu-img', 'info', '--output=json', '-f', 'raw', URI],
  [
    ...['qemu-img', 'map', '--output=json', '--image-opts'],
    'driver=nbd,server.type=unix,server.path=nbd,export=disk,x-dirty-bitmap=qemu:dirty-bitmap:b0',
  ],
  [
    'qemu-io',
    '-f',
    'raw',
    '-c',
    'write -P 7 1M 4k',
    '-c',
    'write -z 128k 64k',
    '-c',
    'discard 0 1M',
    '-c',
    'flush',
    URI,
  ],
  ['qemu-img', 'map', '-f', 'raw', '--output=json', URI],
  ['nbdinfo', '--map=qemu:dirty-bitmap:b0', URI],
  ['nbdcopy', URI, 'copied-again'],
  ['nbdcopy', 'copied', URI],
  ['nbdinfo', '--map=qemu:dirty-bitmap:b0', URI],
  ['qemu-img', 'compare', '-f', 'raw', '-F', 'raw', URI, 'copied'],
];

const MADE = ['copied', 'copied-slowly', 'converted', 'copied-again'];

/** All that depends on the run or the host. */
function comparable(text: string, directory: string): string {
  return text
    .replaceAll(directory, '')
    .replace(/; [\d:.]+ sec \(.*\)/g, '')
    .replace(/"actual-size": \d+/, '');
}

/** What the clients print against a daemon of this kind, and what they made. */
async function judged(kind: DaemonKind): Promise<string[]> {
  const said: string[] = [];
  await inScratch(async (directory, started) => {
    makeDisk(directory);
    const daemon = await DaemonProcess.start(kind, directory, ...DISK);
    started.push(daemon);
    await daemon.ask('block-dirty-bitmap-add', { node: 'disk', name: 'b0' });
    const addr = { type: 'unix', data: { path: 'nbd' } };
    await daemon.ask('nbd-server-start', { addr });
    await daemon.ask('block-export-add', {
      ...{ type: 'nbd', id: 'e0', 'node-name': 'disk', writable: true },
      ...{ description: 'a disk', 'allocation-depth': true, bitmaps: ['b0'] },
    });
    for (const words of CLIENTS) {
      const { code, stdout, stderr } = await daemon.client(...words);
      said.push(`$ ${words.join(' ')}\n${comparable(`${stdout}${stderr}`, directory)}exit ${code}`);
    }
    for (const name of MADE) {
      const hash = createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex');
      said.push(`${name}: ${statSync(join(directory, name)).size} bytes, ${hash}`);
    }
    await daemon.ask('nbd-server-stop');
    said.push((await daemon.client('nbdinfo', '--size', URI)).code === 0 ? 'still there' : 'gone');
  });
  return said;
}

const skip = unless('qemu-storage-daemon', 'qemu-img', 'qemu-io') || unless('nbdinfo', 'nbdcopy');

t.test('real clients print the same of both daemons', { skip }, async (t) => {
  const [ours, theirs] = [await judged('qbm'), await judged('qsd')];
  for (const [index, text] of theirs.entries()) t.equal(ours[index], text);
  t.equal(ours.length, theirs.length);
});

t.test(
  'an image of QBM from the command line: its bitmap goes on tracking, and is stored at the end',
  { skip },
  async (t) => {
    await inScratch(async (directory, started) => {
      const image = JSON.stringify({
        driver: 'qbm',
        'node-name': 'disk',
        file: { driver: 'file', filename: 'disk.qbm' },
      });
      const daemon = async (): Promise<DaemonProcess> => {
        const bitmaps = ['--export', 'type=nbd,id=e0,node-name=disk,name=disk,writable=on,bitmaps.0=b0'];
        const one = await DaemonProcess.start('qbm', directory, '--blockdev', image, ...SERVER, ...bitmaps);
        started.push(one);
        return one;
      };
      const map = async (one: DaemonProcess): Promise<string> =>
        (await one.client('nbdinfo', '--map=qemu:dirty-bitmap:b0', URI)).stdout.replace(/ +/g, ' ');
      const write = (one: DaemonProcess, at: string) =>
        one.client('qemu-io', '-f', 'raw', '-c', `write -P 9 ${at} 64k`, URI);
      const maker = await DaemonProcess.start('qbm', directory, '--object', 'throttle-group,id=g0');
      started.push(maker);
      writeFileSync(join(directory, 'disk.qbm'), '');
      await maker.ask('blockdev-add', { driver: 'file', 'node-name': 'new', filename: 'disk.qbm' });
      await maker.ask('blockdev-create', {
        'job-id': 'j',
        options: { driver: 'qbm', file: 'new', size: MIB },
      });
      await until('the image is made', async () =>
        /concluded/.test(JSON.stringify(await maker.ask('query-jobs'))),
      );
      await maker.ask('job-dismiss', { id: 'j' });
      await maker.ask(
        'blockdev-add',
        JSON.parse(image.replace('"file":{"driver":"file","filename":"disk.qbm"}', '"file":"new"')),
      );
      t.same(await maker.ask('block-dirty-bitmap-add', { node: 'disk', name: 'b0', persistent: true }), {});
      t.equal(await maker.end('SIGINT'), 0);

      const first = await daemon();
      await write(first, '0');
      t.equal(await map(first), ' 0 65536 1 dirty\n 65536 983040 0 clean\n');
      t.equal(await first.end('SIGTERM'), 0);

      const second = await daemon();
      t.equal(await map(second), ' 0 65536 1 dirty\n 65536 983040 0 clean\n', 'stored at SIGTERM');
      await write(second, '512k');
      t.match(
        await second.ask('human-monitor-command', { 'command-line': 'qemu-io disk "write 960k 64k"' }),
        '',
      );
      const quit = second.qmp.quit(20_000);
      await quit.catch(() => {});
      await second.child.exited;
      t.equal(second.child.exit!.code, 0);

      const third = await daemon();
      const all =
        ' 0 65536 1 dirty\n 65536 458752 0 clean\n 524288 65536 1 dirty\n 589824 393216 0 clean\n 983040 65536 1 dirty\n';
      t.equal(await map(third), all, 'stored at quit');
      await write(third, '64k');
      await third.end('SIGKILL');

      const plain = ['--blockdev', image, ...SERVER, '--export', 'type=nbd,id=e0,node-name=disk,name=disk'];
      const fourth = await DaemonProcess.start('qbm', directory, ...plain);
      started.push(fourth);
      t.match(
        JSON.stringify(await fourth.ask('query-named-block-nodes')),
        /"name":"b0".*"inconsistent":true/,
      );
      t.equal(
        (await fourth.client('qemu-io', '-f', 'raw', '-r', '-c', 'read -P 9 0 128k', URI)).code,
        0,
        'the data is there',
      );
    });
  },
);

t.test(
  'several monitors at once, and the end at a signal',
  { skip: unless('qemu-storage-daemon') },
  async (t) => {
    for (const kind of KINDS) {
      await inScratch(async (directory, started) => {
        makeDisk(directory);
        const other = ['--chardev', 'socket,id=s,path=qmp,server=on,wait=off', '--monitor', 's'];
        const daemon = await DaemonProcess.start(kind, directory, ...DISK, ...SERVER, ...WRITABLE, ...other);
        started.push(daemon);
        const socket = await connected(join(directory, 'qmp'));
        const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
        // A program that ends may close its socket, or reset it.
        const next = async (): Promise<string> => {
          try {
            return String((await lines.next()).value ?? 'the end');
          } catch {
            return 'the end';
          }
        };
        t.match(await next(), /"QMP"/);
        socket.write('{"execute": "qmp_capabilities"}\n{"execute": "query-block-exports"}\n');
        t.match(await next(), /return/);
        t.match(await next(), /"id": "e0"/);
        await daemon.ask('block-export-del', { id: 'e0' });
        t.match(await next(), /BLOCK_EXPORT_DELETED/, `${kind} tells all monitors`);
        t.equal(await daemon.end('SIGTERM'), 0);
        t.equal(await next(), 'the end');
      });
    }
  },
);

/**
 * Clients that mean harm, against a real `qbm daemon`: whatever they send, the others are served, the memory is bounded,
 * and nothing listens but what was told to.
 */
import { readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { NbdClient } from '../nbd/client.js';
import { nbdString, numbers } from '../nbd/talk.js';
import * as wire from '../nbd/wire.js';
import { connected, DaemonProcess, inScratch, LIMIT_MS, until } from './daemon-for-tests.js';

const MIB = 1024 * 1024;
const SIZE = 64 * MIB;

t.setTimeout(6 * LIMIT_MS);

const OPTIONS = [
  ...['--blockdev', 'driver=file,node-name=f,filename=disk', '--blockdev', 'raw,node-name=disk,file=f'],
  ...['--nbd-server', 'addr.type=unix,addr.path=nbd,max-connections=0'],
  ...['--export', 'type=nbd,id=e0,node-name=disk,name=disk,writable=on'],
  ...['--chardev', 'socket,id=s,path=qmp,server=on,wait=off', '--monitor', 's'],
];

async function withDaemon(work: (daemon: DaemonProcess) => Promise<void>): Promise<void> {
  await inScratch(async (directory, started) => {
    writeFileSync(join(directory, 'disk'), Buffer.alloc(SIZE, 0x5a));
    const daemon = await DaemonProcess.start('qbm', directory, ...OPTIONS);
    started.push(daemon);
    await work(daemon);
  });
}

/** Somebody honest is served as ever, over NBD and QMP. */
async function isWell(daemon: DaemonProcess): Promise<boolean> {
  const nbd = await NbdClient.connect({ path: daemon.socket, exportName: 'disk', limitMs: LIMIT_MS });
  const bytes = await nbd.read(SIZE - 4096, 4096);
  await nbd.close();
  const exports = JSON.stringify(await daemon.ask('query-block-exports'));
  return bytes instanceof Buffer && bytes.every((byte) => byte === 0x5a) && exports.includes('"e0"');
}

const HELLO = numbers([3, 4]);
const option = (number: number, length: number, data: Buffer): Buffer =>
  Buffer.concat([numbers([wire.OPTION_MAGIC, 8], [number, 4], [length, 4]), data]);
const GO = option(wire.OPT_GO, 10, Buffer.concat([nbdString('disk'), Buffer.alloc(2)]));
const request = (flags: number, type: number, offset: bigint, length: number): Buffer =>
  numbers([wire.REQUEST_MAGIC, 4], [flags, 2], [type, 2], [7, 8], [offset, 8], [length, 4]);

/** Sends, and throws away what comes, until the server hangs up or `socket` is destroyed. */
async function send(daemon: DaemonProcess, ...parts: readonly Buffer[]): Promise<Socket> {
  const socket = await connected(daemon.socket);
  socket.resume();
  socket.write(Buffer.concat(parts));
  return socket;
}

const LARGEST = 2 ** 32 - 1;
const length = fc.oneof(fc.nat(64), fc.constantFrom(LARGEST, 2 ** 31, 33 * MIB, 32 * MIB, MIB, MIB + 1));
const bytes = fc.uint8Array({ maxLength: 64 }).map((array) => Buffer.from(array));
const anOption = fc.tuple(fc.oneof(fc.nat(12), fc.nat(LARGEST)), length, bytes).map((all) => option(...all));
const cut = (all: Buffer, at: number): Buffer => all.subarray(0, at % (all.length + 1));
const aRequest = fc
  .tuple(fc.nat(65535), fc.oneof(fc.nat(9), fc.nat(65535)), fc.bigInt(0n, 2n ** 64n - 1n), length)
  .map((all) => request(...all));

t.test('options and requests that are wrong in every field, whole and cut off', async (t) => {
  await withDaemon(async (daemon) => {
    const script = fc.oneof(
      bytes,
      fc.array(anOption, { maxLength: 6 }).map((all) => Buffer.concat([HELLO, ...all])),
      fc.array(fc.oneof(aRequest, bytes), { maxLength: 6 }).map((all) => Buffer.concat([HELLO, GO, ...all])),
    );
    const before = daemon.memory;
    const sockets: Socket[] = [];
    for (const [all, at] of fc.sample(fc.tuple(script, fc.nat(500)), { numRuns: 400, seed: 5 })) {
      sockets.push(await send(daemon, cut(all, at > 250 ? all.length : at)));
    }
    await turn();
    // What they may have written is written anew.
    const nbd = await NbdClient.connect({ path: daemon.socket, exportName: 'disk', limitMs: LIMIT_MS });
    t.equal(await nbd.writePattern(0, SIZE, 0x5a), null);
    await nbd.close();
    t.ok(await isWell(daemon), 'with all of them connected');
    for (const socket of sockets) socket.destroy();
    t.ok(await isWell(daemon), 'and when they have gone');
    t.ok(daemon.memory - before < 300 * MIB, `${(daemon.memory - before) / MIB} MiB more`);
  });
});

t.test('hundreds of connections, with half a request each', async (t) => {
  await withDaemon(async (daemon) => {
    const before = daemon.memory;
    const half = request(0, wire.CMD_READ, 0n, 4096).subarray(0, 20);
    const write = request(0, wire.CMD_WRITE, 0n, 4 * MIB);
    const sockets: Socket[] = [];
    for (let count = 0; count < 300; count++) {
      sockets.push(await send(daemon, HELLO, GO, half));
    }
    for (let count = 0; count < 20; count++) {
      sockets.push(await send(daemon, HELLO, GO, write, Buffer.alloc(MIB)));
    }
    t.ok(await isWell(daemon));
    t.ok(daemon.memory - before < 250 * MIB, `${(daemon.memory - before) / MIB} MiB more`);
    for (const socket of sockets) socket.destroy();
    // Their connections are gone, too: the export is used by nobody.
    await until('nobody uses the export', async () => {
      const reply = await daemon.ask('block-export-del', { id: 'e0', mode: 'safe' });
      return JSON.stringify(reply) === '{}';
    });
  });
});

t.test('clients that ask and never read', async (t) => {
  await withDaemon(async (daemon) => {
    const before = daemon.memory;
    const much = Buffer.concat(Array.from({ length: 200 }, () => request(0, wire.CMD_READ, 0n, 32 * MIB)));
    const small = Buffer.concat(Array.from({ length: 20_000 }, () => request(0, wire.CMD_READ, 0n, 4096)));
    const sockets: Socket[] = [];
    for (const requests of [much, much, much, small, small, small]) {
      const socket = await connected(daemon.socket);
      socket.pause();
      socket.write(Buffer.concat([HELLO, GO, requests]));
      sockets.push(socket);
    }
    t.ok(await isWell(daemon), 'others are served meanwhile');
    t.ok(daemon.memory - before < 350 * MIB, `${(daemon.memory - before) / MIB} MiB more`);
    for (const socket of sockets) socket.destroy();
    t.ok(await isWell(daemon));
  });
});

t.test('a hostile QMP client', async (t) => {
  await withDaemon(async (daemon) => {
    const before = daemon.memory;
    const path = join(daemon.directory, 'qmp');
    const texts = [
      '\0\xff\xfe{]}"'.repeat(1000),
      '['.repeat(2_000_000),
      `{"execute": "${'x'.repeat(5_000_000)}"}\n`,
      '{"a":'.repeat(500_000),
      `{"execute": "qmp_capabilities"}\n${'{"execute": "query-commands"}\n'.repeat(20_000)}`,
      '{"execute": "qmp_capabilities"}{"execute": "nbd-server-stop", "arguments": {"x": 1}}',
      `"${'y'.repeat(80 * MIB)}`,
    ];
    for (const [index, text] of texts.entries()) {
      const socket = await connected(path);
      // The fifth never reads; all say what they have to say and stay a while.
      if (index === 4) socket.pause();
      else socket.resume();
      const said = new Promise<void>((resolve) => {
        socket.once('close', resolve);
        socket.write(text, 'latin1', () => resolve());
      });
      if (index !== 4) await said;
      t.ok(await isWell(daemon), `after text ${index}`);
      socket.destroy();
    }
    t.ok(daemon.memory - before < 400 * MIB, `${(daemon.memory - before) / MIB} MiB more`);
    t.ok(await isWell(daemon));
  });
});

/** The inodes of the sockets that a process has. */
function socketsOf(pid: number): Set<string> {
  const inodes = new Set<string>();
  for (const fd of readdirSync(`/proc/${pid}/fd`)) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // it has just been closed
    }
  }
  return inodes;
}

/** Where a process listens: paths of unix sockets, and hexadecimal addresses with ports of TCP sockets. */
function listens(pid: number): string[] {
  const own = socketsOf(pid);
  const rows = (name: string): string[][] =>
    readFileSync(`/proc/${pid}/net/${name}`, 'utf8')
      .split('\n')
      .slice(1)
      .map((line) => line.trim().split(/\s+/));
  const isListening = 0x10000;
  const unix = rows('unix').filter(
    ([, , , flags = '0', , , inode = '']) =>
      own.has(inode) && (Number.parseInt(flags, 16) & isListening) !== 0,
  );
  const tcp = ['tcp', 'tcp6'].flatMap(rows).filter((row) => row[3] === '0A' && own.has(row[9] ?? ''));
  return [...unix.map((row) => row[7] ?? ''), ...tcp.map((row) => row[1] ?? '')].sort();
}

t.test('it listens where it was told and nowhere else, for its user alone', async (t) => {
  await withDaemon(async (daemon) => {
    t.same(listens(daemon.child.pid), ['nbd', 'qmp']);
    for (const name of ['nbd', 'qmp']) t.equal(statSync(join(daemon.directory, name)).mode & 0o077, 0);
    await daemon.ask('nbd-server-stop');
    t.same(listens(daemon.child.pid), ['qmp']);
    const addr = { type: 'inet', data: { host: '127.0.0.1', port: '0' } };
    t.same(await daemon.ask('nbd-server-start', { addr }), {});
    const [tcp, ...unix] = listens(daemon.child.pid);
    t.match(tcp, /^0100007F:/, 'the loopback alone');
    t.same(unix, ['qmp']);
    await daemon.ask('nbd-server-stop');
    t.same(listens(daemon.child.pid), ['qmp']);
  });
});

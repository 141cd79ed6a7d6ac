/** Requests of clients that a breakpoint holds. NBD.md, NBD-029. */
import { once } from 'node:events';
import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t from 'tap';
import { runDaemon } from '../host/daemon/run.js';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, jsonObject } from '../json/value.js';
import { Machine } from '../qmp/machine.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import * as client from './client-for-tests.js';
import type { NbdConnection } from './connection.js';
import * as nbd from './constants.js';

const HELLO = Buffer.concat([
  client.hello(nbd.FLAG_FIXED_NEWSTYLE | nbd.FLAG_NO_ZEROES),
  client.option(nbd.OPT_GO, client.infoData('e')),
]);

function write(sector: number, pattern: number): Uint8Array {
  const data = new Uint8Array(512).fill(pattern);
  return client.request({ command: nbd.CMD_WRITE, offset: sector * 512, length: 512, data });
}

const WRITTEN = `simple ok cookie ${nbd.CMD_WRITE * 7 + 1}`;
const FLUSHED = `simple ok cookie ${nbd.CMD_FLUSH * 7 + 1}`;

/** An export of a disk that has blkdebug below it. */
class Bench {
  readonly machine: Machine;

  constructor() {
    const storage = new MemoryStorage();
    storage.put('f', 65536);
    this.machine = new Machine({ storage, makeHash: nodeSha256 });
    const image = jsonObject({ driver: 'file', filename: 'f' });
    this.qmp('blockdev-add', { driver: 'blkdebug', 'node-name': 'dbg', image });
    this.qmp('blockdev-add', { driver: 'raw', 'node-name': 'disk', file: 'dbg' });
    this.qmp('block-dirty-bitmap-add', { node: 'disk', name: 'b0', granularity: 512 });
    const addr = jsonObject({ type: 'unix', data: jsonObject({ path: 'unused' }) });
    this.qmp('nbd-server-start', { addr });
    this.qmp('block-export-add', { type: 'nbd', id: 'e', 'node-name': 'disk', name: 'e', writable: true });
  }

  qmp(name: string, args: { readonly [argument: string]: Json }): Json {
    return this.machine.execute({ name, arguments: jsonObject(args) });
  }

  io(command: string): void {
    this.qmp('human-monitor-command', { 'command-line': `qemu-io disk "${command}"` });
  }

  /** How many sectors are dirty. */
  get dirty(): number {
    return this.machine.graph.find('disk')!.bitmap('b0')!.count / 512;
  }

  connect(released = (): void => {}): NbdConnection {
    const connection = this.machine.exports.connect(undefined, released);
    say(connection, HELLO);
    return connection;
  }
}

/** Sends something, and gives what came back. */
function say(connection: NbdConnection, bytes: Uint8Array = new Uint8Array(0)): Uint8Array {
  const got: Uint8Array[] = [];
  connection.push(bytes);
  for (let some = connection.pull(); some.length > 0; some = connection.pull()) got.push(...some);
  return Buffer.concat(got);
}

t.test('a held request holds up its own connection, and no other (NBD-029)', (t) => {
  const bench = new Bench();
  let released = 0;
  const [one, other] = [bench.connect(() => (released += 1)), bench.connect()];
  bench.io('break write_aio A');
  const both = Buffer.concat([write(0, 1), client.request({ command: nbd.CMD_FLUSH })]);
  t.same(client.replies(say(one, both), 0), []);
  t.equal(one.isWaiting, true);
  t.same(client.replies(say(other, write(0, 2)), 0), [WRITTEN], 'it overtakes, also to the same place');
  t.equal(bench.dirty, 1);
  bench.qmp('block-dirty-bitmap-clear', { node: 'disk', name: 'b0' });
  t.same(client.replies(say(one), 0), [], 'it still waits');
  bench.io('resume A');
  t.equal(released, 1);
  t.same(client.replies(say(one), 0), [WRITTEN, FLUSHED]);
  t.equal(one.isWaiting, false);
  t.equal(bench.dirty, 1);
  t.same(bench.machine.io('disk', { op: 'read', offset: 0, length: 1 }), new Uint8Array([1]));
  t.same(bench.machine.verify(), []);
  t.end();
});

t.test('a client that goes leaves its request as it is (NBD-029)', (t) => {
  const bench = new Bench();
  const one = bench.connect();
  bench.io('break write_aio A');
  say(one, write(3, 1));
  bench.machine.exports.disconnect(one);
  t.equal(bench.machine.settle().length, 1);
  bench.io('resume A');
  t.equal(bench.dirty, 1);
  t.same(bench.machine.settle(), []);
  t.end();
});

t.test('an export that goes takes its requests along (NBD-029, REF-094)', (t) => {
  for (const end of ['block-export-del', 'nbd-server-stop'] as const) {
    const bench = new Bench();
    const one = bench.connect();
    bench.io('break write_aio A');
    say(one, write(3, 1));
    bench.qmp(end, end === 'block-export-del' ? { id: 'e', mode: 'hard' } : {});
    t.same(bench.machine.settle(), [], end);
    t.same(bench.machine.verify(), []);
    bench.qmp('blockdev-del', { 'node-name': 'disk' });
    bench.qmp('blockdev-del', { 'node-name': 'dbg' });
    t.equal(one.isClosed, true);
  }
  t.end();
});

t.test('on sockets: a client waits until the request goes, and others are served meanwhile', async (t) => {
  const home = await mkdtemp(join(tmpdir(), 'qbm-held-'));
  t.teardown(() => rm(home, { recursive: true }));
  await writeFile(join(home, 'f'), '');
  await truncate(join(home, 'f'), 65536);
  const [stdin, stdout, stop] = [new PassThrough(), new PassThrough(), new AbortController()];
  const path = join(home, 'nbd.sock');
  const file = `file.driver=blkdebug,file.image.driver=file,file.image.filename=${join(home, 'f')}`;
  const argv = ['--blockdev', `raw,node-name=disk,${file}`];
  argv.push('--nbd-server', `addr.type=unix,addr.path=${path}`);
  argv.push('--export', 'nbd,id=e,node-name=disk,name=e,writable=on');
  argv.push('--chardev', 'stdio,id=c', '--monitor', 'c');
  const ended = runDaemon(argv, {
    stdin,
    stdout,
    stderr: (text) => t.comment(text),
    version: '1',
    stop: stop.signal,
  });
  const lines = stdout.setEncoding('utf8')[Symbol.asyncIterator]();
  await lines.next();
  const ask = async (execute: string, args: object = {}): Promise<string> => {
    stdin.write(`${JSON.stringify({ execute, arguments: args })}\n`);
    return String((await lines.next()).value);
  };
  const io = (command: string) =>
    ask('human-monitor-command', { 'command-line': `qemu-io disk "${command}"` });
  await ask('qmp_capabilities');
  const [one, other] = [await Peer.connect(path), await Peer.connect(path)];
  await io('break write_aio A');
  // When the flush is answered the write has been looked at, too.
  one.send(Buffer.concat([client.request({ command: nbd.CMD_FLUSH }), write(0, 1)]));
  t.same(await one.reply(), [FLUSHED]);
  other.send(write(1, 2));
  t.same(await other.reply(), [WRITTEN]);
  t.equal(one.waiting, 0);
  await io('resume A');
  t.same(await one.reply(), [WRITTEN]);
  stop.abort();
  await ended;
  t.end();
});

/** A client on a socket, which has chosen the export. */
class Peer {
  readonly #socket: Socket;
  #got = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (bytes) => {
      this.#got = Buffer.concat([this.#got, bytes]);
    });
  }

  static async connect(path: string): Promise<Peer> {
    const peer = new Peer(createConnection(path));
    peer.send(HELLO);
    await peer.take(18 + 32 + 34 + 20); // the greeting, what the export is, its block sizes, and that it was chosen
    return peer;
  }

  send(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** bytes that nobody has taken */
  get waiting(): number {
    return this.#got.length;
  }

  /** The next bytes that the server sends, as many. */
  async take(length: number): Promise<Uint8Array> {
    while (this.#got.length < length) await once(this.#socket, 'data');
    const taken = this.#got.subarray(0, length);
    this.#got = this.#got.subarray(length);
    return taken;
  }

  /** The next simple reply. */
  async reply(): Promise<string[]> {
    return client.replies(await this.take(16), 0);
  }
}

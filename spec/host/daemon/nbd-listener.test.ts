/** Clients that keep their place: NBD-040, NBD-041. On real sockets, with less patience than the daemon has. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { jsonObject } from '../../json/value.js';
import * as nbd from '../../nbd/client-for-tests.js';
import { CMD_READ, OPT_GO } from '../../nbd/constants.js';
import { Machine } from '../../qmp/machine.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { nodeSha256 } from '../sha256.js';
import { SocketListener } from './nbd-listener.js';

const PATIENCE_MS = 100;
const SIZE = 32 * 1024 * 1024;

/** A server of a disk. */
class Server {
  readonly listener: SocketListener = new SocketListener(
    () => this.machine.exports,
    () => {},
    PATIENCE_MS,
  );
  readonly machine: Machine = new Machine({
    storage: new MemoryStorage(),
    makeHash: nodeSha256,
    listener: this.listener,
  });
  readonly path: string;

  constructor(t: Test) {
    // A path of a socket is short.
    const directory = mkdtempSync(join(tmpdir(), 'qbm-'));
    this.path = join(directory, 's');
    t.teardown(() => {
      this.machine.shutDown();
      rmSync(directory, { recursive: true });
    });
  }

  async start(mostConnections: number): Promise<void> {
    const { machine, path } = this;
    await this.listener.prepare({ type: 'unix', data: { path } });
    const addr = jsonObject({ type: 'unix', data: jsonObject({ path }) });
    const start = jsonObject({ addr, 'max-connections': mostConnections });
    machine.execute({ name: 'nbd-server-start', arguments: start });
  }

  export(): void {
    const options = { driver: 'null-co', 'node-name': 'disk', size: SIZE };
    this.machine.execute({ name: 'blockdev-add', arguments: jsonObject(options) });
    const shown = jsonObject({ type: 'nbd', id: 'e', 'node-name': 'disk' });
    this.machine.execute({ name: 'block-export-add', arguments: shown });
  }
}

function client(t: Test, path: string): Socket {
  const socket = connect(path);
  socket.on('error', () => {});
  t.teardown(() => socket.destroy());
  return socket;
}

const GO = Buffer.concat([nbd.hello(3), nbd.option(OPT_GO, nbd.infoData('disk'))]);
const read = (length: number): Uint8Array => nbd.request({ command: CMD_READ, length });

/** Until so many bytes have come, or the server has hung up. */
function bytes(socket: Socket, count: number): Promise<number> {
  return new Promise((resolve) => {
    let got = 0;
    socket.on('data', (chunk) => {
      got += chunk.length;
      if (got >= count) resolve(got);
    });
    socket.once('close', () => resolve(got));
  });
}

t.test('who says nothing is disconnected, who has chosen may be silent (NBD-041)', async (t) => {
  const server = new Server(t);
  await server.start(0);
  server.export();
  const chosen = client(t, server.path);
  chosen.write(GO);
  await bytes(chosen, 100);
  const [silent, half] = [client(t, server.path), client(t, server.path)];
  half.write(GO.subarray(0, 20));
  t.equal(await bytes(silent, 1000), 18, 'the greeting, and no more');
  await bytes(half, 1000);
  chosen.write(read(512));
  t.ok((await bytes(chosen, 512)) >= 512, 'who came before them is still served');
});

t.test('who does not take the last words loses its place (NBD-040, NBD-041)', async (t) => {
  const server = new Server(t);
  await server.start(1);
  server.export();
  const deaf = client(t, server.path);
  deaf.write(Buffer.concat([GO, read(SIZE)]));
  // More than the handshake: the reply is on its way, most of which nobody will take.
  await bytes(deaf, 10_000);
  deaf.pause();
  server.machine.execute({ name: 'nbd-server-stop', arguments: jsonObject({}) });
  await server.start(1);
  t.equal(await bytes(client(t, server.path), 18), 18, 'the next one hears the greeting');
});

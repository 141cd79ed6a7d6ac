import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { unless } from '../target/fixtures.js';
import { type Child, ScratchDirectory, startChild } from '../target/process.js';
import { makeSparse } from '../target/qmp/images.js';
import { TargetFault } from '../target/target.js';
import { NbdClient } from './client.js';
import * as wire from './wire.js';

const LIMIT = 20_000;
const SIZE = 1024 * 1024 + 512;

const skip = unless('qemu-nbd');

async function withServer(args: readonly string[], work: (path: string) => Promise<void>): Promise<void> {
  const scratch = new ScratchDirectory();
  const path = join(scratch.path, 'nbd');
  let child: Child | undefined;
  try {
    const image = join(scratch.path, 'image');
    await makeSparse(image, SIZE);
    child = await startChild({
      file: 'qemu-nbd',
      args: ['-t', '-k', path, '-f', 'raw', '-x', 'e', '--discard=unmap', ...args, image],
      channel: 'log',
    });
    await listening(child, path);
    await work(path);
  } finally {
    await child?.destroy();
    await scratch.remove();
  }
}

/** Nothing tells us when a program listens, so we ask until it does, or has died. */
async function listening(child: Child, path: string): Promise<void> {
  const deadline = performance.now() + LIMIT;
  while (child.exit === null && performance.now() < deadline) {
    const nbd = await NbdClient.connect({ path, exportName: 'e', limitMs: LIMIT }).catch(() => null);
    if (nbd !== null) return nbd.close();
    await wait(5);
  }
  throw new Error(child.death() ?? 'qemu-nbd does not listen');
}

t.test('a disk behaves like an array of bytes', { skip }, async () => {
  await withServer([], async (path) => {
    const nbd = await NbdClient.connect({
      path,
      exportName: 'e',
      contexts: ['base:allocation'],
      limitMs: LIMIT,
    });
    const disk = Buffer.alloc(SIZE);
    const range = fc
      .tuple(fc.nat(SIZE), fc.nat(200_000))
      .map(([offset, length]) => ({ offset, length: Math.min(length, SIZE - offset) }));
    const step = fc.oneof(
      fc.record({
        op: fc.constant('write' as const),
        range,
        byte: fc.integer({ min: 1, max: 255 }),
        flag: fc.boolean(),
      }),
      fc.record({ op: fc.constant('zero' as const), range, byte: fc.constant(0), flag: fc.boolean() }),
      fc.record({ op: fc.constant('read' as const), range, byte: fc.constant(0), flag: fc.boolean() }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        for (const { op, range, byte, flag } of steps) {
          const { offset, length } = range;
          if (op === 'read') {
            const bytes = await nbd.read(offset, length);
            if (!(bytes instanceof Buffer) || !bytes.equals(disk.subarray(offset, offset + length)))
              return false;
            continue;
          }
          disk.fill(byte, offset, offset + length);
          const errno =
            op === 'write'
              ? await nbd.writePattern(offset, length, byte, { fua: flag })
              : await nbd.writeZeroes(offset, length, { unmap: flag });
          if (errno !== null) return false;
        }
        const whole = await nbd.read(0, SIZE);
        return whole instanceof Buffer && whole.equals(disk) && (await nbd.flush()) === null;
      }),
      { numRuns: 60 },
    );
    await nbd.close();
  });
});

t.test('what the export says, and requests that the server has to judge', { skip }, async (t) => {
  await withServer(['--read-only'], async (path) => {
    const nbd = await NbdClient.connect({
      path,
      exportName: 'e',
      contexts: ['base:allocation', 'no:such'],
      limitMs: LIMIT,
    });
    t.equal(nbd.export.size, SIZE);
    t.ok(nbd.export.readOnly);
    t.same([...nbd.export.contexts.values()], ['base:allocation']);
    t.ok(await nbd.write(0, Buffer.alloc(1)), 'no write to a read-only export');
    t.match(await nbd.read(SIZE, 1), { errno: 'EINVAL' });
    t.match(await nbd.read(2 ** 52, 1), { errno: 'EINVAL' });
    t.equal(await nbd.trim(SIZE - 1, 2), 'EINVAL');
    const status = await nbd.blockStatus(0, SIZE);
    const extents = status instanceof Map ? status.get('base:allocation')! : [];
    t.equal(
      extents.reduce((sum, { length }) => sum + length, 0),
      SIZE,
    );
    await nbd.close();
  });
});

t.test('an export that is not there', { skip }, async (t) => {
  await withServer([], async (path) => {
    const asked = NbdClient.connect({ path, exportName: 'another', limitMs: LIMIT });
    await t.rejects(asked, { kind: 'surroundings', message: /refuses the export another/ });
    const nbd = await NbdClient.connect({ path, exportName: 'e', limitMs: LIMIT });
    await nbd.close();
  });
});

t.test('nobody listens', async (t) => {
  const asked = NbdClient.connect({ path: '/nonexistent/nbd', exportName: '', limitMs: LIMIT });
  await t.rejects(asked, { kind: 'crash', message: /cannot connect/ });
});

/** A server in this process that negotiates well and then says `after` to the first request. */
async function withFake(
  after: (socket: Socket, request: Buffer) => void,
  work: (path: string) => Promise<void>,
) {
  const scratch = new ScratchDirectory();
  const path = join(scratch.path, 'nbd');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.write(Buffer.from('4e42444d41474943' + '49484156454f5054' + '0003', 'hex'));
    const reply = (option: number, type: number, data = '') =>
      socket.write(
        Buffer.from(`0003e889045565a9${hex32(option)}${hex32(type)}${hex32(data.length / 2)}${data}`, 'hex'),
      );
    let stage = 0;
    socket.on('data', (bytes) => {
      stage++;
      const last = bytes.subarray(-28);
      if (stage === 1) reply(wire.OPT_STRUCTURED_REPLY, wire.REP_ACK);
      else if (stage === 2) {
        reply(wire.OPT_GO, wire.REP_INFO, '0000000000000010000000ff');
        reply(wire.OPT_GO, wire.REP_ACK);
      } else if (stage === 3) after(socket, last);
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    await work(path);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    await scratch.remove();
  }
}

const hex32 = (value: number) => (value >>> 0).toString(16).padStart(8, '0');

/** A chunk of a structured reply, the last one. */
function chunk(request: Buffer, type: number, data: string): Buffer {
  const cookie = request.toString('hex', 8, 16);
  return Buffer.from(`668e33ef0001${hex32(type).slice(4)}${cookie}${hex32(data.length / 2)}${data}`, 'hex');
}

for (const [name, after, kind, message] of [
  ['garbage', (s) => s.write('what?'.repeat(10)), 'garbage', /magic number 0x77686174/],
  ['nothing', () => {}, 'hang', /NBD read of 512 bytes at 0: no reply within 300 ms/],
  ['half a reply', (s, r) => s.end(chunk(r, 1, '00').subarray(0, 9)), 'crash', /closed the NBD connection/],
  [
    'too little',
    (s, r) => s.write(chunk(r, 1, '0000000000000000ff')),
    'garbage',
    /1 bytes in reply to a read of 512/,
  ],
  [
    'data elsewhere',
    (s, r) => s.write(chunk(r, 1, '00000000000001ffffff')),
    'garbage',
    /outside of the range/,
  ],
  [
    'a chunk of 4 GiB',
    (s, r) => s.write(Buffer.concat([chunk(r, 1, '').subarray(0, 16), Buffer.from('ffffffff', 'hex')])),
    'garbage',
    /of 4294967295 bytes/,
  ],
  [
    'another cookie',
    (s, r) => s.write(chunk(Buffer.alloc(28, r[20]), 0, '')),
    'garbage',
    /the reply to request 0, not 1/,
  ],
  ['an error that is none', (s, r) => s.write(chunk(r, 0x8001, '000000000000')), 'garbage', /not whole/],
] as [string, (socket: Socket, request: Buffer) => void, string, RegExp][]) {
  t.test(`a server that says ${name}`, async (t) => {
    await withFake(after, async (path) => {
      const nbd = await NbdClient.connect({ path, exportName: 'e', limitMs: LIMIT });
      const slow = await NbdClient.connect({ path, exportName: 'e', limitMs: 300 });
      await t.rejects((kind === 'hang' ? slow : nbd).read(0, 512), { name: 'TargetFault', kind, message });
      if (kind !== 'hang') await t.rejects(nbd.flush(), TargetFault);
      nbd.destroy();
      slow.destroy();
    });
  });
}

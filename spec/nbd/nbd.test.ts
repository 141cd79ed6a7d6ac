/** The server's side of the protocol, message by message. NBD.md. */
import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, jsonObject } from '../json/value.js';
import { createImage } from '../qbm/create.js';
import { imageRef } from '../qbm/descriptor.js';
import { QmpError } from '../qmp/errors.js';
import { Machine } from '../qmp/machine.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import * as client from './client-for-tests.js';
import type { NbdConnection } from './connection.js';
import * as nbd from './constants.js';

const SIZE = 1048576;

class Bench {
  readonly storage = new MemoryStorage();
  readonly machine = new Machine({ storage: this.storage, makeHash: nodeSha256 });

  constructor() {
    this.storage.put('f', SIZE);
    const file = jsonObject({ driver: 'file', filename: 'f', 'node-name': 'f' });
    this.qmp('blockdev-add', { driver: 'raw', 'node-name': 'disk', discard: 'unmap', file });
    const addr = jsonObject({ type: 'unix', data: jsonObject({ path: 'unused' }) });
    this.qmp('nbd-server-start', { addr });
  }

  /** 'ok', or the id of the refusal. */
  qmp(name: string, args: { readonly [argument: string]: Json }): string {
    try {
      this.machine.execute({ name, arguments: jsonObject(args) });
      return 'ok';
    } catch (error) {
      if (!(error instanceof QmpError)) throw error;
      return error.id;
    }
  }

  export(id: string, more: { readonly [option: string]: Json } = {}): string {
    return this.qmp('block-export-add', { type: 'nbd', id, 'node-name': 'disk', name: id, ...more });
  }

  events(): string[] {
    return this.machine.takeEvents().map((event) => JSON.stringify([event.event, event.data]));
  }

  connect(): Talk {
    return new Talk(this.machine.exports.connect());
  }
}

class Talk {
  readonly connection: NbdConnection;

  constructor(connection: NbdConnection) {
    this.connection = connection;
  }

  /** Sends bytes, in pieces of `piece`, and gives what came back. */
  send(bytes: Uint8Array, piece = 7): Uint8Array {
    const got: Uint8Array[] = [];
    for (let at = 0; at < bytes.length || at === 0; at += piece) {
      this.connection.push(bytes.slice(at, at + piece));
      for (let some = this.connection.pull(); some.length > 0; some = this.connection.pull())
        got.push(...some);
    }
    return Buffer.concat(got);
  }

  options(...messages: Uint8Array[]): string[] {
    return client.optionReplies(this.send(Buffer.concat(messages)));
  }

  /** Everything up to GO, with structured replies and contexts. */
  go(name: string, ...contexts: string[]): string[] {
    this.send(client.hello(nbd.FLAG_FIXED_NEWSTYLE | nbd.FLAG_NO_ZEROES));
    return this.options(
      client.option(nbd.OPT_STRUCTURED_REPLY),
      client.option(nbd.OPT_SET_META_CONTEXT, client.contextData(name, contexts)),
      client.option(nbd.OPT_GO, client.infoData(name)),
    );
  }

  ask(fields: client.RequestFields): string[] {
    const isRead = fields.command === nbd.CMD_READ;
    return client.replies(this.send(client.request(fields), 4096), isRead ? (fields.length ?? 0) : 0);
  }
}

t.test('the greeting, and clients that nobody understands (NBD-001, NBD-004, NBD-005)', (t) => {
  const bench = new Bench();
  t.equal(bench.export('e'), 'ok');
  const wrong: [string, Uint8Array][] = [
    ['flags that were not offered', client.hello(7)],
    ['a wrong magic number', Buffer.concat([client.hello(3), new Uint8Array(16)])],
    ['data without end', Buffer.concat([client.hello(3), client.option(nbd.OPT_LIST, undefined, 2 ** 31)])],
    ['a client without fixed newstyle', Buffer.concat([client.hello(0), client.option(nbd.OPT_LIST)])],
    [
      'no such export',
      Buffer.concat([client.hello(3), client.option(nbd.OPT_EXPORT_NAME, Buffer.from('x'))]),
    ],
    [
      'a name without end',
      Buffer.concat([client.hello(3), client.option(nbd.OPT_EXPORT_NAME, new Uint8Array(4097))]),
    ],
  ];
  for (const [what, bytes] of wrong) {
    const talk = bench.connect();
    t.equal(client.greeting(talk.send(new Uint8Array(0))), '4e42444d41474943 49484156454f5054 flags 3');
    t.equal(talk.send(bytes).length, 0, what);
    t.equal(talk.connection.isClosed, true, what);
  }
  const flags = '0000000000100000' + '050f';
  for (const [theirs, zeros] of [
    [3, 0],
    [2, 0],
    [1, 124],
    [0, 124],
  ] as const) {
    const talk = bench.connect();
    talk.send(client.hello(theirs));
    const answer = talk.send(client.option(nbd.OPT_EXPORT_NAME, Buffer.from('e')));
    t.equal(Buffer.from(answer).toString('hex'), flags + '00'.repeat(zeros));
    t.same(talk.ask({ command: nbd.CMD_FLUSH }), ['simple ok cookie 22']);
  }
  t.end();
});

t.test('options (NBD-003, NBD-004, NBD-006, NBD-007, NBD-008, NBD-010)', (t) => {
  const bench = new Bench();
  bench.export('e', { description: 'hello', writable: true });
  bench.export('ro');
  const talk = bench.connect();
  talk.send(client.hello(3));
  t.same(talk.options(client.option(99), client.option(nbd.OPT_STARTTLS)), [
    'option 99: 80000001',
    'option 5: 80000002',
  ]);
  t.same(talk.options(client.option(nbd.OPT_LIST), client.option(nbd.OPT_LIST, new Uint8Array(1))), [
    'option 3: 2 000000016568656c6c6f',
    'option 3: 2 00000002726f',
    'option 3: 1 ',
    'option 3: 80000003',
  ]);
  const sizes = '000300000001' + '00001000' + '02000000';
  t.same(talk.options(client.option(nbd.OPT_INFO, client.infoData('e', [nbd.INFO_NAME, 77]))), [
    'option 6: 3 000165',
    'option 6: 3 000268656c6c6f',
    `option 6: 3 ${sizes}`,
    'option 6: 3 000000000000001000000d6d',
    'option 6: 1 ',
  ]);
  const bad = [
    new Uint8Array(0),
    client.string('e'),
    Buffer.concat([client.infoData('e'), new Uint8Array(2)]),
    client.infoData('a\0b'),
    client.infoData('x'.repeat(4097)),
    Buffer.from([0, 0, 0, 1, 0xff, 0, 0]),
  ];
  for (const data of bad) t.same(talk.options(client.option(nbd.OPT_GO, data)), ['option 7: 80000003']);
  t.same(talk.options(client.option(nbd.OPT_GO, client.infoData('nope'))), ['option 7: 80000006']);
  const structured = client.option(nbd.OPT_STRUCTURED_REPLY);
  t.same(talk.options(structured, structured), ['option 8: 1 ', 'option 8: 80000003']);
  t.same(talk.options(client.option(nbd.OPT_GO, client.infoData('ro'))), [
    `option 7: 3 ${sizes}`,
    'option 7: 3 00000000000000100000058f',
    'option 7: 1 ',
  ]);
  const other = bench.connect();
  other.send(client.hello(3));
  t.same(other.options(client.option(nbd.OPT_ABORT)), ['option 2: 1 ']);
  t.equal(other.connection.isClosed, true);
  t.end();
});

t.test('contexts are listed, chosen, and forgotten (NBD-009, NBD-025)', (t) => {
  const bench = new Bench();
  for (const name of ['b0', 'b1']) bench.qmp('block-dirty-bitmap-add', { node: 'disk', name });
  bench.export('e', { writable: true, bitmaps: ['b0', 'b1'], 'allocation-depth': true });
  bench.export('other');
  const talk = bench.connect();
  talk.send(client.hello(3));
  const names = (said: string[]): string[] =>
    said.map((one) =>
      one.replace(/^option (?:9|10): 4 (\w{8})(\w*)$/, (_, id, name) => `${id} ${Buffer.from(name, 'hex')}`),
    );
  const query = (option: number, name: string, ...queries: string[]): string[] =>
    names(talk.options(client.option(option, client.contextData(name, queries))));
  const [LIST, SET] = [nbd.OPT_LIST_META_CONTEXT, nbd.OPT_SET_META_CONTEXT];
  t.same(query(SET, 'e'), ['option 10: 80000003'], 'not without structured replies');
  talk.options(client.option(nbd.OPT_STRUCTURED_REPLY));
  const all = ['base:allocation', 'qemu:allocation-depth', 'qemu:dirty-bitmap:b0', 'qemu:dirty-bitmap:b1'];
  t.same(query(LIST, 'e'), [...all.map((name) => `00000000 ${name}`), 'option 9: 1 ']);
  t.same(query(LIST, 'e', 'qemu:'), [...all.slice(1).map((name) => `00000000 ${name}`), 'option 9: 1 ']);
  t.same(query(LIST, 'e', 'qemu:dirty-bitmap:', 'base:', 'x:y').length, 4);
  t.same(query(LIST, 'other', 'qemu:'), ['option 9: 1 ']);
  t.same(query(SET, 'e', 'base:', 'qemu:', 'qemu:dirty-bitmap:'), ['option 10: 1 ']);
  t.same(query(SET, 'e', all[3]!, all[0]!, all[0]!), [
    `00000000 ${all[0]}`,
    `00000003 ${all[3]}`,
    'option 10: 1 ',
  ]);
  t.same(query(SET, 'nope', all[0]!), ['option 10: 80000006']);
  const wrong = [new Uint8Array(0), client.string('e'), Buffer.from('\0\0\0\x01e\0\0\0\x05')];
  for (const data of [...wrong, Buffer.concat([client.contextData('e', []), new Uint8Array(1)])]) {
    t.same(talk.options(client.option(SET, data)), ['option 10: 80000003']);
  }
  query(SET, 'other', 'base:allocation');
  talk.options(client.option(nbd.OPT_GO, client.infoData('e')));
  t.same(talk.ask({ command: nbd.CMD_BLOCK_STATUS, length: 1 }), ['chunk error EINVAL cookie 50 done']);
  t.end();
});

/** NBD-011, NBD-013, NBD-014, NBD-015, NBD-016, NBD-017, NBD-018, NBD-019, NBD-020, NBD-022 */
t.test('requests, simple and structured', (t) => {
  const bench = new Bench();
  bench.qmp('block-dirty-bitmap-add', { node: 'disk', name: 'b', granularity: 65536 });
  bench.export('e', { writable: true, bitmaps: ['b'] });
  const talk = bench.connect();
  talk.go('e', 'base:allocation', 'qemu:dirty-bitmap:b');
  const data = new Uint8Array([1, 2, 3, 4]);
  t.same(talk.ask({ command: nbd.CMD_WRITE, offset: 65534, length: 4, data }), ['simple ok cookie 8']);
  t.same(talk.ask({ command: nbd.CMD_READ, offset: 65534, length: 4 }), [
    'chunk 1 cookie 1 done 000000000000fffe01020304',
  ]);
  t.same(talk.ask({ command: nbd.CMD_READ, offset: 0, length: 8, flags: nbd.CMD_FLAG_DF }), [
    'chunk 1 cookie 1 done 00000000000000000000000000000000',
  ]);
  t.same(talk.ask({ command: nbd.CMD_READ, offset: 200000, length: 4096 }), [
    'chunk 2 cookie 1 done 0000000000030d4000001000',
  ]);
  t.same(talk.ask({ command: nbd.CMD_READ }), ['chunk 0 cookie 1 done ']);
  t.same(talk.ask({ command: nbd.CMD_BLOCK_STATUS, offset: 131072, length: 65536 }), [
    'chunk 5 cookie 50 0000000000010000' + '00000003',
    'chunk 5 cookie 50 done 0000000100010000' + '00000000',
  ]);
  const [, dirty] = talk.ask({ command: nbd.CMD_BLOCK_STATUS, length: 262144 });
  t.equal(dirty, 'chunk 5 cookie 50 done 00000001' + '00020000' + '00000001' + '00020000' + '00000000');
  const one = { command: nbd.CMD_BLOCK_STATUS, length: 262144, flags: nbd.CMD_FLAG_REQ_ONE };
  t.equal(talk.ask(one)[1], 'chunk 5 cookie 50 done 00000001' + '00020000' + '00000001');
  t.same(
    talk.ask({
      command: nbd.CMD_WRITE_ZEROES,
      length: 131072,
      flags: nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FUA,
    }),
    ['simple ok cookie 43'],
  );
  t.same(talk.ask({ command: nbd.CMD_TRIM, length: 512 }), ['simple ok cookie 29']);
  t.same(talk.ask({ command: nbd.CMD_CACHE, length: 512 }), ['simple ok cookie 36']);
  t.same(talk.ask({ command: nbd.CMD_FLUSH }), ['simple ok cookie 22']);
  t.same(talk.ask({ command: nbd.CMD_READ, offset: 65534, length: 4, flags: nbd.CMD_FLAG_DF }), [
    'chunk 1 cookie 1 done 000000000000fffe00000000',
  ]);
  t.same(talk.ask({ command: nbd.CMD_DISC }), []);
  t.equal(talk.connection.isClosed, true);
  const simple = bench.connect();
  simple.send(client.hello(3));
  simple.options(client.option(nbd.OPT_GO, client.infoData('e')));
  t.same(simple.ask({ command: nbd.CMD_READ, length: 2 }), ['simple ok cookie 1 0000']);
  t.same(simple.ask({ command: nbd.CMD_READ, length: 2, flags: nbd.CMD_FLAG_DF }), [
    'simple EINVAL cookie 1',
  ]);
  t.same(simple.ask({ command: nbd.CMD_BLOCK_STATUS, length: 2 }), ['simple EINVAL cookie 50']);
  t.end();
});

t.test('what is refused (NBD-001, NBD-003, NBD-012, NBD-024)', (t) => {
  const bench = new Bench();
  bench.export('e', { writable: true });
  bench.export('ro');
  const talk = bench.connect();
  talk.go('e');
  const data = new Uint8Array(4);
  const refused: [client.RequestFields, string][] = [
    [{ command: 42 }, 'EINVAL'],
    [{ command: nbd.CMD_READ, length: 1, flags: nbd.CMD_FLAG_NO_HOLE }, 'EINVAL'],
    [{ command: nbd.CMD_WRITE, length: 4, data, flags: nbd.CMD_FLAG_DF }, 'EINVAL'],
    [{ command: nbd.CMD_READ, length: nbd.LONGEST_PAYLOAD + 1 }, 'EINVAL'],
    [{ command: nbd.CMD_READ, offset: SIZE, length: 1 }, 'EINVAL'],
    [{ command: nbd.CMD_READ, offset: 2n ** 64n - 1n, length: 1 }, 'EINVAL'],
    [{ command: nbd.CMD_WRITE, offset: SIZE - 1, length: 4, data }, 'ENOSPC'],
    [{ command: nbd.CMD_WRITE_ZEROES, offset: 0, length: SIZE + 1 }, 'ENOSPC'],
    [{ command: nbd.CMD_TRIM, offset: 0, length: SIZE + 1 }, 'EINVAL'],
    [{ command: nbd.CMD_BLOCK_STATUS, length: 512 }, 'EINVAL'],
  ];
  for (const [fields, errno] of refused) {
    const cookie = fields.command * 7 + 1;
    t.same(talk.ask(fields), [`chunk error ${errno} cookie ${cookie} done`], JSON.stringify(fields.command));
  }
  t.same(talk.ask({ command: nbd.CMD_WRITE, length: nbd.LONGEST_PAYLOAD + 1 }), [
    'chunk error EINVAL cookie 8 done',
  ]);
  t.equal(talk.connection.isClosed, true);
  const reader = bench.connect();
  reader.go('ro');
  for (const command of [nbd.CMD_WRITE, nbd.CMD_TRIM, nbd.CMD_WRITE_ZEROES]) {
    const some = command === nbd.CMD_WRITE ? { data } : {};
    t.same(reader.ask({ command, length: 4, ...some }), [`chunk error EPERM cookie ${command * 7 + 1} done`]);
  }
  t.same(reader.send(client.request({ command: nbd.CMD_READ, magic: 1 })).length, 0);
  t.equal(reader.connection.isClosed, true);
  t.end();
});

t.test('a client that does not read is not read from (NBD-002)', (t) => {
  const bench = new Bench();
  bench.export('e');
  const talk = bench.connect();
  talk.go('e');
  const read = client.request({ command: nbd.CMD_READ, length: SIZE, flags: nbd.CMD_FLAG_DF });
  talk.connection.push(Buffer.concat(Array.from({ length: 50 }, () => read)));
  let got = talk.connection.pull().reduce((sum, { length }) => sum + length, 0);
  t.ok(got > SIZE && got < 3 * SIZE, `${got} bytes of 50 MiB at once`);
  for (let some = talk.connection.pull(); some.length > 0; some = talk.connection.pull()) {
    got += some.reduce((sum, { length }) => sum + length, 0);
  }
  t.equal(got, 50 * (SIZE + 28));
  t.end();
});

t.test('who has asked much is answered in parts, between which others have their turn (NBD-042)', (t) => {
  const bench = new Bench();
  bench.export('e');
  const talk = bench.connect();
  talk.go('e');
  const flush = client.request({ command: nbd.CMD_FLUSH });
  talk.connection.push(Buffer.concat(Array.from({ length: 1000 }, () => flush)));
  let parts = 0;
  for (let got = 0; got < 1000 * 16; parts++) {
    t.equal(talk.connection.isReady, true);
    got += talk.connection.pull().reduce((sum, { length }) => sum + length, 0);
  }
  t.equal(talk.connection.isReady, false);
  t.ok(parts > 10, `${parts} parts`);
  t.end();
});

t.test(
  'an export holds its node and bitmaps, and goes by command (NBD-023, NBD-026, NBD-027, NBD-028)',
  (t) => {
    const bench = new Bench();
    bench.qmp('block-dirty-bitmap-add', { node: 'f', name: 'below' });
    bench.qmp('block-dirty-bitmap-add', { node: 'disk', name: 'b' });
    t.equal(bench.export('1'), 'NBD-E-ID');
    t.equal(bench.export('e', { 'node-name': 'nope' }), 'REF-E-NO-SUCH');
    t.equal(bench.export('e', { bitmaps: ['b'] }), 'NBD-E-BITMAP-ENABLED');
    t.equal(bench.export('e', { bitmaps: ['below'] }), 'NBD-E-BITMAP', 'raw hides what is below');
    t.equal(bench.export('e', { name: 'x'.repeat(4097) }), 'NBD-E-NAME-LONG');
    t.equal(bench.export('e', { description: 'x'.repeat(4097) }), 'NBD-E-DESCRIPTION-LONG');
    t.equal(bench.export('e', { iothread: 'x' }), 'NBD-E-IOTHREAD');
    t.same(bench.machine.verify(), []);
    const below = jsonObject({ node: 'f', name: 'below' });
    t.equal(bench.export('e', { writable: true, bitmaps: ['b', below] }), 'ok');
    t.same(bench.machine.verify(), []);
    t.equal(bench.export('e'), 'NBD-E-ID-TAKEN');
    t.equal(bench.export('e2', { name: 'e' }), 'NBD-E-NAME-TAKEN');
    t.equal(bench.export('e2', { writable: true, bitmaps: ['b'] }), 'BMP-E-BUSY');
    t.equal(bench.qmp('blockdev-del', { 'node-name': 'disk' }), 'REF-E-HAS-DEVICE');
    t.equal(bench.qmp('block_resize', { 'node-name': 'disk', size: 512 }), 'REF-E-CONFLICT');
    t.equal(bench.qmp('block-dirty-bitmap-remove', { node: 'f', name: 'below' }), 'BMP-E-BUSY');
    const talk = bench.connect();
    talk.go('e');
    t.equal(bench.qmp('block-export-del', { id: 'e' }), 'NBD-E-EXPORT-IN-USE');
    t.same(talk.ask({ command: nbd.CMD_FLUSH }), ['simple ok cookie 22']);
    t.equal(bench.qmp('nbd-server-remove', { name: 'e', mode: 'hard' }), 'ok');
    t.equal(talk.connection.isClosed, true);
    t.same(bench.events(), ['["BLOCK_EXPORT_DELETED",{"id":"e"}]']);
    t.equal(bench.qmp('block-dirty-bitmap-remove', { node: 'f', name: 'below' }), 'ok');
    t.equal(bench.qmp('nbd-server-add', { device: 'disk', name: 'e1' }), 'ok');
    t.equal(bench.export('e2'), 'ok');
    t.equal(bench.qmp('nbd-server-stop', {}), 'ok');
    t.same(bench.events(), ['["BLOCK_EXPORT_DELETED",{"id":"e1"}]', '["BLOCK_EXPORT_DELETED",{"id":"e2"}]']);
    t.equal(bench.export('e3'), 'NBD-E-NOT-RUNNING');
    t.equal(bench.qmp('blockdev-del', { 'node-name': 'disk' }), 'ok');
    t.same(bench.machine.verify(), []);
    t.end();
  },
);

t.test('qemu:allocation-depth tells the layers apart (NBD-021)', (t) => {
  const bench = new Bench();
  const backing = imageRef('base', 'raw');
  bench.storage.put('base', new Uint8Array(SIZE).fill(1));
  createImage(bench.storage, 'top.qbm', { size: SIZE, backing, makeHash: nodeSha256 });
  const file = jsonObject({ driver: 'file', filename: 'top.qbm' });
  t.equal(bench.qmp('blockdev-add', { driver: 'qbm', 'node-name': 'top', file }), 'ok');
  bench.export('e', { 'node-name': 'top', writable: true, 'allocation-depth': true });
  const talk = bench.connect();
  talk.go('e', 'qemu:allocation-depth');
  talk.ask({ command: nbd.CMD_WRITE, offset: 65536, length: 4, data: new Uint8Array(4) });
  t.same(talk.ask({ command: nbd.CMD_BLOCK_STATUS, length: SIZE }), [
    'chunk 5 cookie 50 done 00000001' + '0001000000000002' + '0001000000000001' + '000e000000000002',
  ]);
  t.end();
});

/** Overlays, reopening, and what stays of it. CHAINS.md. */
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { jsonObject } from '../../json/value.js';
import { createImage } from '../../qbm/create.js';
import { readDescriptor } from '../../qbm/read-descriptor.js';
import { StorageError } from '../../storage/storage.js';
import { Bench, SIZE } from '../bench-for-tests.js';

const file = (name: string) => jsonObject({ driver: 'file', filename: `${name}.qbm` });

t.test('an overlay takes the place of its node; bitmaps stay (REF-030, REF-031, REF-041)', (t) => {
  const bench = new Bench('a', 'b');
  t.equal(bench.add('a', { backing: null }), 'ok');
  t.equal(bench.add('b', { backing: null }), 'ok');
  t.equal(bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'a' }), 'ok');
  t.equal(bench.qmp('block-dirty-bitmap-add', { node: 'a', name: 'b0', persistent: true }), 'ok');
  bench.write('top', 0, 1);
  t.equal(bench.qmp('blockdev-snapshot', { node: 'a', overlay: 'b' }), 'ok');
  t.equal(bench.nodes, 'top; b over a; a read-only');
  bench.write('top', 65536, 2);
  t.equal(bench.bitmaps('a'), 'b0 65536 stored');
  t.equal(bench.bitmaps('b'), '');
  t.same([bench.byte('top', 0), bench.byte('top', 65536), bench.byte('a', 65536)], [1, 2, 0]);
  t.same(bench.machine.verify(), []);
  t.match(bench.qmp('blockdev-snapshot', { node: 'a', overlay: 'b' }), /^REF-E-BUSY/);
  t.match(bench.qmp('blockdev-snapshot', { node: 'b', overlay: 'a' }), /^REF-E-CYCLE/);
  bench.restart('kill');
  // The node below became read-only: it was left in order.
  t.equal(bench.add('a', { backing: null }), 'ok');
  t.equal(bench.bitmaps('a'), 'b0 65536 stored');
  bench.end(t);
  t.end();
});

t.test(
  'an overlay that is made for it goes with its users, and names its backing file (REF-032, REF-033)',
  (t) => {
    const bench = new Bench();
    createImage(bench.storage, 'a.qbm', { size: SIZE, makeHash: nodeSha256 });
    t.equal(bench.add('a'), 'ok');
    const over = { 'node-name': 'a', 'snapshot-node-name': 's', 'snapshot-file': 's.qbm' };
    t.equal(bench.qmp('blockdev-snapshot-sync', over), 'ok');
    t.equal(bench.nodes, 'a read-only');
    t.match(bench.qmp('blockdev-snapshot-sync', over), /^QBM-E-EXISTS/);
    t.equal(bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'a' }), 'ok');
    t.equal(bench.qmp('blockdev-snapshot-sync', { ...over, mode: 'existing' }), 'ok');
    t.equal(bench.nodes, 's read-only over a; top; a read-only');
    t.equal(bench.machine.graph.find('s')!.filename, 's.qbm');
    t.equal(bench.del('s'), 'REF-E-NOT-MONITOR: Node s is not owned by the monitor');
    bench.end(t);
    t.end();
  },
);

t.test('what a transaction made is gone when it fails (REF-033, REF-042)', (t) => {
  const bench = new Bench('a', 'b');
  t.equal(bench.add('a', { backing: null }), 'ok');
  t.equal(bench.add('b', { backing: null }), 'ok');
  t.equal(bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'a' }), 'ok');
  const before = bench.storage.files().map(([name]) => name);
  const action = (type: string, data: { readonly [member: string]: string }) =>
    jsonObject({ type, data: jsonObject(data) });
  const sync = { 'node-name': 'b', 'snapshot-node-name': 's', 'snapshot-file': 's.qbm' };
  const actions = [
    action('blockdev-snapshot', { node: 'a', overlay: 'b' }),
    action('blockdev-snapshot-sync', sync),
    action('abort', {}),
  ];
  t.match(bench.qmp('transaction', { actions }), /^TXN-E-ABORT/);
  t.equal(bench.nodes, 'top; b; a');
  t.same(
    bench.storage.files().map(([name]) => name),
    before,
  );
  t.same(bench.machine.verify(), []);
  t.equal(bench.qmp('transaction', { actions: actions.slice(0, 2) }), 'ok');
  t.equal(bench.nodes, 's over b; top; b read-only over a; a read-only');
  bench.end(t);
  t.end();
});

t.test('an image says what is below it when it is opened again (REF-034, REF-040)', (t) => {
  const bench = new Bench('a');
  bench.storage.put('r.raw', SIZE);
  t.equal(
    bench.qmp('blockdev-add', {
      driver: 'raw',
      'node-name': 'r',
      file: jsonObject({ driver: 'file', filename: 'r.raw' }),
    }),
    'ok',
  );
  t.equal(bench.add('a', { backing: 'r', 'read-only': true }), 'ok');
  const change = (name: string) =>
    bench.qmp('change-backing-file', { device: 'a', 'image-node-name': 'a', 'backing-file': name });
  t.match(bench.machine.graph.find('a')!.filename, /^json:\{.*"backing": \{"driver": "raw"/);
  t.equal(change('r.raw'), 'ok');
  t.equal(bench.nodes, 'a read-only over r; r');
  t.equal(bench.machine.graph.find('a')!.filename, 'a.qbm');
  bench.restart('kill');
  t.equal(bench.add('a'), 'ok');
  t.equal(bench.machine.graph.find('a')!.backing!.driver.name, 'raw');
  t.equal(change(''), 'ok');
  bench.restart('quit');
  t.equal(bench.add('a'), 'ok');
  t.equal(bench.machine.graph.find('a')!.backing, null);
  bench.end(t);
  t.end();
});

t.test('a file that cannot be written is read, if that is allowed (REF-035)', (t) => {
  const bench = new Bench();
  const { open } = bench.storage;
  bench.storage.open = (name, mode) => {
    if (mode?.write) throw new StorageError('EROFS', name);
    return open.call(bench.storage, name, mode);
  };
  const disk = { driver: 'file', filename: 'base.data' };
  t.match(bench.qmp('blockdev-add', { ...disk, 'node-name': 'x' }), /^REF-E-OPEN/);
  t.equal(bench.qmp('blockdev-add', { ...disk, 'node-name': 'x', 'auto-read-only': true }), 'ok');
  t.equal(bench.nodes, 'x read-only');
  const below = jsonObject({ ...disk, 'node-name': 'below' });
  t.equal(
    bench.qmp('blockdev-add', { driver: 'raw', 'node-name': 'y', 'auto-read-only': true, file: below }),
    'ok',
  );
  t.equal(bench.nodes, 'y; below read-only; x read-only');
  bench.end(t);
  t.end();
});

t.test(
  'an image is left in order when it becomes read-only, and taken over when it becomes writable (REF-039)',
  (t) => {
    for (const policy of ['writeback', 'writethrough']) {
      const bench = new Bench('a');
      const own = { driver: 'qbm', 'node-name': 'a', file: 'a-file', backing: null, policy };
      t.equal(bench.add('a', { backing: null, policy }), 'ok');
      t.equal(bench.qmp('block-dirty-bitmap-add', { node: 'a', name: 'b0', persistent: true }), 'ok');
      bench.write('a', 0, 1);
      t.equal(bench.reopen({ ...own, 'read-only': true }), 'ok');
      t.equal(marker(bench), null);
      t.equal(bench.machine.io('a', { op: 'zero', offset: 0, length: 1 }), 'EPERM');
      t.match(bench.qmp('block-dirty-bitmap-clear', { node: 'a', name: 'b0' }), /^BMP-E-READONLY/);
      t.same(bench.machine.verify(), []);
      t.equal(bench.qmp('blockdev-add', { driver: 'null-co', 'node-name': 'n' }), 'ok');
      t.match(
        bench.reopen({ ...own, 'read-only': false }, { driver: 'null-co', 'node-name': 'n', size: 512 }),
        /^REF-E-REOPEN-OPTION/,
      );
      t.equal(marker(bench), null, 'a refused command leaves no marker');
      t.equal(bench.reopen({ ...own, 'read-only': false }), 'ok');
      t.equal(marker(bench), policy);
      bench.write('a', 131072, 1);
      t.equal(bench.bitmaps('a'), 'b0 131072 stored');
      bench.restart('quit');
      t.equal(bench.add('a', { backing: null }), 'ok');
      t.equal(bench.bitmaps('a'), 'b0 131072 stored');
      bench.end(t);
    }
    t.end();
  },
);

t.test('nobody else has an image open, and has changed it, when it becomes writable (REF-039)', (t) => {
  const bench = new Bench('a');
  const own = { driver: 'qbm', 'node-name': 'a', file: 'a-file', backing: null };
  t.equal(bench.add('a', { backing: null, 'read-only': true }), 'ok');
  const reader = bench.storage.open('a.qbm', { lock: 'shared' });
  t.match(bench.reopen({ ...own, 'read-only': false }), /^QBM-E-LOCKED/);
  t.equal(bench.nodes, 'a read-only');
  reader.close();
  const text = Buffer.from(contentOf(bench)).toString();
  bench.storage.put('a.qbm', Buffer.from(text.replace('base.data', 'none.data')));
  t.match(bench.reopen({ ...own, 'read-only': false }), /^REF-E-REOPEN-CHANGED/);
  bench.storage.put('a.qbm', Buffer.from(text));
  t.equal(bench.reopen({ ...own, 'read-only': false }), 'ok');
  t.equal(bench.reopen({ ...own, file: file('a') }), 'ok');
  t.match(bench.reopen({ ...own, file: 'none' }), /^REF-E-NO-SUCH/);
  createImage(bench.storage, 'b.qbm', { size: SIZE, makeHash: nodeSha256 });
  t.equal(bench.add('b'), 'ok');
  t.match(bench.reopen({ ...own, file: 'b-file' }), /^REF-E-REOPEN-DESCRIPTOR/);
  t.match(bench.qmp('blockdev-snapshot', { node: 'a', overlay: 'b' }), /^REF-E-OVERLAY-ALLOCATION/);
  bench.end(t);
  t.end();
});

function contentOf(bench: Bench): Uint8Array {
  const opened = bench.storage.open('a.qbm');
  const content = new Uint8Array(opened.size);
  opened.read(0, content);
  opened.close();
  return content;
}

function marker(bench: Bench): string | null {
  return readDescriptor(contentOf(bench), { trust: 'stranger', file: 'a.qbm' }).inUse?.policy ?? null;
}

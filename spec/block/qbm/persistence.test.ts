/** Which bitmaps are stored, and what is found of them afterwards. FORMAT.md, QBM-018, QBM-020, QBM-024, QBM-026, QBM-028, QBM-036. */
import t from 'tap';
import { contentOf, files, GRANULE, Image } from './image-for-tests.js';

const POLICIES = ['writeback', 'writethrough'] as const;

for (const policy of POLICIES) {
  t.test(`QBM-028, QBM-036: what a bitmap is comes back as it was closed (${policy})`, (t) => {
    const storage = files({ bitmaps: ['b0'] });
    let image = new Image(storage).open({ policy });
    image.write(0, 1);
    image.add('off', { disabled: true });
    image.add('loose', { persistent: false });
    image.write(2 * GRANULE, 2 * GRANULE);
    image.bitmap('set-persistent', 'loose', { persistent: true });
    image.bitmap('disable', 'b0');
    image.write(9 * GRANULE, 1);
    image.close();
    image = new Image(storage).open({ policy });
    t.equal(image.dirty('b0'), 'off 0+1 2+2');
    t.equal(image.dirty('off'), 'off ');
    t.equal(image.dirty('loose'), '2+2 9+1');
    image.bitmap('set-persistent', 'loose', { persistent: false });
    image.bitmap('set-persistent', 'loose', { persistent: false });
    t.equal(image.dirty('loose'), '2+2 9+1', 'it stays on the node');
    image.bitmap('remove', 'off');
    t.equal(image.merge('b0', 'loose'), 'ok');
    image.close();
    image = new Image(storage).open({ policy });
    t.equal(image.dirty('b0'), 'off 0+1 2+2 9+1');
    t.same(
      image.node.bitmaps.map(({ name }) => name),
      ['b0'],
    );
    image.close();
    t.same(
      storage.files().map(([name]) => name),
      ['disk.b0.dirty.bitmap', 'disk.data', 'disk.qbm'],
      'no file too many',
    );
    t.end();
  });

  t.test(`QBM-018: a name that cannot be stored (${policy})`, (t) => {
    const storage = files({ overlay: { cluster: GRANULE, base: new Uint8Array(100) } });
    const image = new Image(storage).open({ policy });
    t.equal(image.add('a\nb'), 'QBM-E-NAME');
    t.equal(image.add('a\nb', { persistent: false }), 'ok');
    t.equal(image.bitmap('set-persistent', 'a\nb', { persistent: true }), 'QBM-E-NAME');
    t.equal(image.add('allocation'), 'QBM-E-NAME', 'that of the allocation bitmap');
    t.equal(image.add('allocation', { persistent: false }), 'ok', 'which is on no node');
    t.equal(image.bitmap('set-persistent', 'allocation', { persistent: true }), 'QBM-E-NAME');
    t.equal(image.bitmap('remove', 'allocation'), 'ok');
    t.equal(image.machine.verify().length, 0);
    image.write(0, 1);
    image.close();
    const again = new Image(storage).open();
    t.equal(again.read(0, 1)[0], 0x55, 'the allocation bitmap is still there');
    again.close();
    t.end();
  });

  t.test(`QBM-003: the 257th bitmap is refused when it is added (${policy})`, (t) => {
    const storage = files({ size: 512 });
    const image = new Image(storage).open({ policy });
    for (let index = 0; index < 256; index++) t.equal(image.add(`b${index}`), 'ok') || t.end();
    t.equal(image.add('b256'), 'QBM-E-TOO-MANY');
    t.equal(image.node.bitmap('b256'), undefined);
    image.bitmap('remove', 'b0');
    t.equal(image.add('b256'), 'ok');
    image.close();
    const again = new Image(storage).open({ 'read-only': true });
    t.equal(again.node.bitmaps.length, 256);
    again.close();
    t.end();
  });
}

t.test('QBM-026: a file that a crash left does not block the name', (t) => {
  const storage = files();
  storage.put('disk.b0.dirty.bitmap', 3);
  const image = new Image(storage).open({ policy: 'writethrough' });
  t.equal(image.add('b0'), 'ok');
  image.close();
  t.equal(contentOf(storage, 'disk.b0~2.dirty.bitmap').length, 6);
  t.equal(contentOf(storage, 'disk.b0.dirty.bitmap').length, 3, 'it may be somebody else’s');
  t.end();
});

t.test('QBM-037: what was written beyond the end is gone when the disk grows again', (t) => {
  const storage = files({ size: 10 * GRANULE, bitmaps: ['b0'] });
  let image = new Image(storage).open({ policy: 'writethrough' });
  image.write(9 * GRANULE, GRANULE);
  image.resize(9 * GRANULE + 512);
  image.resize(9 * GRANULE);
  image.resize(20 * GRANULE);
  t.equal(image.dirty('b0'), '');
  image.write(19 * GRANULE, 1);
  image.close();
  image = new Image(storage).open();
  t.equal(image.dirty('b0'), '19+1');
  t.equal(image.node.size, 20 * GRANULE);
  image.resize(0);
  image.close();
  t.equal(contentOf(storage, 'disk.b0.dirty.bitmap').length, 0);
  t.equal(new Image(storage).open().node.size, 0);
  t.end();
});

t.test('QBM-036, TXN-003: a transaction that fails leaves the image as it was', (t) => {
  for (const policy of POLICIES) {
    const storage = files({ bitmaps: ['b0'] });
    const image = new Image(storage).open({ policy });
    image.write(0, 1);
    const before = storage.files().map(([name]) => [name, contentOf(storage, name)]);
    const loose = { granularity: GRANULE, persistent: true };
    t.equal(
      image.transaction(['clear', 'b0'], ['add', 'b1', loose], ['disable', 'b0'], ['abort', '']),
      'TXN-E-ABORT',
    );
    t.same(
      storage.files().map(([name]) => [name, contentOf(storage, name)]),
      before,
    );
    t.equal(image.dirty('b0'), '0+1');
    image.close();
  }
  t.end();
});

t.test('QBM-031, TXN-003: un-persisting that is undone', (t) => {
  const storage = files({ bitmaps: ['b0'] });
  const image = new Image(storage).open({ policy: 'writethrough' });
  image.write(0, 1);
  const unpersist = ['set-persistent', 'b0', { persistent: false }] as const;
  t.equal(image.transaction(['clear', 'b0'], unpersist, ['abort', '']), 'TXN-E-ABORT');
  storage.forgetLocks(); // it dies
  t.equal(
    new Image(storage).open().dirty('b0'),
    '0+1',
    'what was stored is not what the transaction had cleared',
  );
  t.end();
});

t.test('REF-005: a guest may write to an overlay', (t) => {
  const image = new Image(files({ overlay: { cluster: GRANULE, base: new Uint8Array(100) } })).open();
  t.same(image.machine.io('disk', { op: 'write', offset: 0, bytes: new Uint8Array(1) }), new Uint8Array(0));
  image.close();
  t.end();
});

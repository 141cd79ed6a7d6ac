/** What reaches the storage, and in which order. FORMAT.md, QBM-031, QBM-033, QBM-034, QBM-036 and QBM-038. */
import t from 'tap';
import { bytesOf, files, GRANULE, Image, NoWrites, operations, recorded } from './image-for-tests.js';

const REPLACED = [
  'create disk.qbm.new',
  'write disk.qbm.new 0',
  'flush disk.qbm.new',
  'rename disk.qbm.new',
  'flush-directory disk.qbm',
];

/** An open image with the bitmap b0, and what its storage is asked for by each step. */
function watched(policy: string, more: Parameters<typeof files>[0] = {}) {
  const storage = recorded(files({ bitmaps: ['b0'], ...more }));
  const image = new Image(storage).open({ policy });
  const by = (use: () => unknown): string[] => {
    const from = storage.operations.length;
    use();
    return operations(storage, from);
  };
  return { storage, image, by };
}

t.test('QBM-034: writethrough, a bit is on disk before the data', (t) => {
  const { image, by } = watched('writethrough');
  const bit = ['write disk.b0.dirty.bitmap 0', 'flush disk.b0.dirty.bitmap'];
  t.same(
    by(() => image.write(0, 100)),
    [...bit, 'write disk.data 0'],
    'a clean granule',
  );
  t.same(
    by(() => image.write(1000, 100)),
    ['write disk.data 1000'],
    'a dirty one',
  );
  t.same(
    by(() => image.write(GRANULE - 1, 2)),
    [...bit, `write disk.data ${GRANULE - 1}`],
    'one of two is clean',
  );
  t.same(
    by(() => image.io({ op: 'zero', offset: 3 * GRANULE, length: 1 })),
    [...bit, `zero disk.data ${3 * GRANULE}`],
    'write zeroes',
  );
  t.same(
    by(() => image.io({ op: 'discard', offset: 4 * GRANULE, length: GRANULE })),
    [...bit, `zero disk.data ${4 * GRANULE}`],
    'discard',
  );
  image.bitmap('disable', 'b0');
  t.same(
    by(() => image.write(9 * GRANULE, 1)),
    [`write disk.data ${9 * GRANULE}`],
    'a bitmap that does not record',
  );
  t.end();
});

t.test('QBM-034: writethrough, every bitmap that a request touches, and no other', (t) => {
  const { image, by } = watched('writethrough', { bitmaps: ['b0', 'b1'] });
  image.add('loose', { persistent: false });
  image.write(0, 1);
  image.bitmap('clear', 'b1');
  t.same(
    by(() => image.write(0, 1)),
    ['write disk.b1.dirty.bitmap 0', 'flush disk.b1.dirty.bitmap', 'write disk.data 0'],
  );
  image.bitmap('clear', 'loose');
  t.same(
    by(() => image.write(0, 1)),
    ['write disk.data 0'],
  );
  t.end();
});

t.test('QBM-034: writethrough writes the part of a bitmap that changed, not the whole', (t) => {
  const { storage, image } = watched('writethrough', { size: 2 ** 34, bitmaps: ['b0'] });
  image.write(2 ** 33, 1);
  const [written] = storage.operations.filter(
    (one) => one.op === 'write' && one.name === 'disk.b0.dirty.bitmap',
  );
  t.match(written, { offset: 2 ** 33 / GRANULE / 8 });
  t.equal(written?.op === 'write' && written.bytes.length, 4096);
  t.end();
});

t.test('QBM-033: writeback, the marker first, then nothing but data until the end', (t) => {
  const storage = recorded(files({ bitmaps: ['b0'] }));
  const image = new Image(storage).open({ policy: 'writeback' });
  t.same(operations(storage), REPLACED);
  const from = storage.operations.length;
  image.write(0, 100);
  image.write(70000, 100);
  image.bitmap('clear', 'b0');
  image.write(0, 10);
  t.same(operations(storage, from), ['write disk.data 0', 'write disk.data 70000', 'write disk.data 0']);
  const end = storage.operations.length;
  image.close();
  t.same(operations(storage, end), [
    'flush disk.data',
    'write disk.b0.dirty.bitmap 0',
    'flush disk.b0.dirty.bitmap',
    ...REPLACED,
  ]);
  t.end();
});

t.test('QBM-031: what a command does to a stored bitmap is on disk when it returns', (t) => {
  const { image, by } = watched('writethrough');
  image.write(0, 1);
  const bits = ['write disk.b0.dirty.bitmap 0', 'flush disk.b0.dirty.bitmap'];
  t.same(
    by(() => image.bitmap('clear', 'b0')),
    bits,
  );
  t.same(
    by(() => image.bitmap('disable', 'b0')),
    [...bits, ...REPLACED],
  );
  t.same(
    by(() => image.bitmap('enable', 'b0')),
    [...bits, ...REPLACED],
  );
  t.same(
    by(() => image.transaction(['clear', 'b0'], ['disable', 'b0'], ['abort', ''])),
    [],
    'what was undone never got there',
  );
  t.end();
});

t.test('QBM-036: adding, removing, persisting and un-persisting', (t) => {
  const { image, by } = watched('writethrough');
  const added = [
    'create disk.b1.dirty.bitmap',
    'flush-directory disk.qbm',
    'truncate disk.b1.dirty.bitmap',
    'write disk.b1.dirty.bitmap 0',
    'flush disk.b1.dirty.bitmap',
    ...REPLACED,
  ];
  const removed = [...REPLACED, 'remove disk.b1.dirty.bitmap', 'flush-directory disk.qbm'];
  t.same(
    by(() => image.add('b1')),
    added,
  );
  t.same(
    by(() => image.bitmap('set-persistent', 'b1', { persistent: false })),
    removed,
  );
  image.write(0, 1);
  t.same(
    by(() => image.bitmap('set-persistent', 'b1', { persistent: true })),
    added,
  );
  t.equal(image.dirty('b1'), '0+1');
  t.same(
    by(() => image.bitmap('remove', 'b1')),
    removed,
  );
  t.end();
});

t.test('QBM-034: a guest that flushes: data, then allocation bits', (t) => {
  const { image, by } = watched('writeback', {
    overlay: { cluster: GRANULE, base: new Uint8Array(9000).fill(1) },
  });
  t.same(
    by(() => image.write(100, 100)),
    ['write disk.data 0', 'write disk.data 200', 'write disk.data 100'],
    'the granule is filled, then written to',
  );
  t.same(
    by(() => image.flush()),
    [
      'flush disk.data',
      'write disk.allocation.allocation.bitmap 0',
      'flush disk.allocation.allocation.bitmap',
    ],
  );
  t.same(
    by(() => image.flush()),
    ['flush disk.data'],
  );
  image.write(0, 10);
  t.same(
    by(() => image.flush()),
    ['flush disk.data'],
    'no granule is newly allocated',
  );
  t.end();
});

t.test('QBM-037: growing and shrinking', (t) => {
  const { image, by } = watched('writethrough', { size: 16 * GRANULE });
  t.same(
    by(() => image.resize(20 * GRANULE)),
    ['truncate disk.b0.dirty.bitmap', 'flush disk.b0.dirty.bitmap', 'truncate disk.data'],
  );
  t.same(
    by(() => image.resize(16 * GRANULE)),
    [
      'truncate disk.data',
      'flush disk.data',
      'truncate disk.b0.dirty.bitmap',
      'write disk.b0.dirty.bitmap 0',
      'flush disk.b0.dirty.bitmap',
    ],
  );
  t.equal(image.resize(16 * GRANULE), 'ok');
  t.equal(image.machine.verify().length, 0);
  t.end();
});

t.test('QBM-038: a reader writes nothing, whatever it finds', (t) => {
  for (const policy of ['writeback', 'writethrough'] as const) {
    const storage = files({ bitmaps: ['b0'] });
    new Image(storage).open({ policy }).write(0, 1);
    storage.forgetLocks(); // it died
    const image = new Image(new NoWrites(storage)).open({ 'read-only': true });
    t.equal(image.dirty('b0'), policy === 'writeback' ? 'inconsistent' : '0+1');
    for (const verb of ['clear', 'remove']) t.equal(image.bitmap(verb, 'b0'), 'BMP-E-READONLY', verb);
    t.equal(image.add('b1'), 'REF-E-READ-ONLY');
    t.equal(image.resize(512), 'REF-E-READ-ONLY');
    t.equal(image.machine.io('disk', { op: 'write', offset: 0, bytes: new Uint8Array(1) }), 'EPERM');
    t.equal(image.add('loose', { persistent: false }), 'ok', 'one that is not stored');
    image.close();
  }
  t.end();
});

t.test(
  'QBM-027, QBM-033: after a kill under writeback a bitmap can only be removed, under writethrough nothing is lost',
  (t) => {
    const storage = files({ bitmaps: ['b0', 'b1'] });
    new Image(storage).open({ policy: 'writeback' }).write(0, 1);
    storage.forgetLocks();
    let image = new Image(storage).open({ policy: 'writethrough' });
    t.equal(image.dirty('b0'), 'inconsistent');
    t.equal(image.bitmap('clear', 'b0'), 'BMP-E-INCONSISTENT');
    t.equal(image.resize(4096), 'BMP-E-INCONSISTENT');
    t.equal(image.bitmap('remove', 'b0'), 'ok');
    t.equal(image.bitmap('remove', 'b1'), 'ok');
    t.equal(image.add('b0'), 'ok');
    image.write(5 * GRANULE, 1);
    storage.forgetLocks();
    image = new Image(storage).open();
    t.equal(image.dirty('b0'), '5+1');
    t.same(bytesOf(image, 'b0').slice(0, 2), [32, 0]);
    image.close();
    t.equal(storage.kind('disk.qbm.new'), null);
    t.end();
  },
);

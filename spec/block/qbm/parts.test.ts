/** An image without a descriptor, composed of nodes: the building-block form. FORMAT.md, QBM-021, QBM-022, QBM-034, QBM-041. */
import t from 'tap';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { contentOf, GRANULE, Image } from './image-for-tests.js';

const raw = (filename: string, more = {}) => ({ driver: 'raw', ...more, file: { driver: 'file', filename } });
const part = (name: string, file: object | string, more = {}) => ({
  name,
  file,
  granularity: GRANULE,
  ...more,
});

function composed(storage: MemoryStorage, options: object): Image {
  const image = new Image(storage);
  image.addNode({ driver: 'qbm', 'node-name': 'disk', discard: 'unmap', ...options });
  return image;
}

t.test('QBM-041: a data image that is no file, bitmaps in parts of one file', (t) => {
  const storage = new MemoryStorage();
  storage.put('bits', new Uint8Array(4096).fill(0xee));
  storage.put('bits', new Uint8Array(4096));
  const image = { driver: 'null-co', size: 64 * GRANULE, 'read-zeroes': true };
  const bitmaps = [
    part('b0', raw('bits', { offset: 0, size: 512 })),
    part('b1', raw('bits', { offset: 1024, size: 512 }), { granularity: 2 * GRANULE }),
  ];
  let disk = composed(storage, { image, bitmaps });
  disk.write(GRANULE, 1);
  disk.write(60 * GRANULE, 1);
  t.equal(disk.dirty('b0'), '1+1 60+1');
  t.equal(disk.dirty('b1'), '0+1 30+1');
  t.same([...contentOf(storage, 'bits').subarray(0, 8)], [2, 0, 0, 0, 0, 0, 0, 16], 'writethrough');
  t.equal(disk.add('b2'), 'REF-E-INLINE');
  t.equal(disk.bitmap('remove', 'b0'), 'REF-E-INLINE');
  t.equal(disk.bitmap('clear', 'b0'), 'ok');
  t.equal(disk.resize(4096), 'REF-E-NO-RESIZE');
  t.same(disk.machine.verify(), []);
  disk.close();
  t.equal(contentOf(storage, 'bits').length, 4096, 'the file is not cut to the first bitmap');
  disk = composed(storage, { image, bitmaps });
  t.equal(disk.dirty('b0'), '');
  t.equal(disk.dirty('b1'), '0+1 30+1');
  disk.close();
  t.end();
});

t.test('QBM-037: parts that cannot grow keep the disk from growing, and nothing has changed', (t) => {
  const storage = new MemoryStorage();
  storage.put('data', 16 * GRANULE);
  storage.put('bits', 1024);
  const bitmaps = [part('b0', raw('bits', { offset: 0, size: 512 }))];
  const disk = composed(storage, { image: raw('data'), bitmaps });
  t.equal(disk.resize(2 ** 24 + GRANULE), 'REF-E-RAW-FIXED', '4097 bits need 513 bytes');
  t.equal(disk.node.size, 16 * GRANULE);
  t.equal(disk.resize(2 ** 24), 'ok');
  disk.write(2 ** 24 - 1, 1);
  t.equal(disk.dirty('b0'), '4095+1');
  t.equal(disk.resize(GRANULE), 'ok');
  disk.close();
  t.equal(contentOf(storage, 'bits').length, 1024);
  t.end();
});

t.test('QBM-022: an allocation bitmap and a backing file, by existing nodes', (t) => {
  const storage = new MemoryStorage();
  storage.put('data', 4 * GRANULE);
  storage.put('base', new Uint8Array(2 * GRANULE).fill(9));
  storage.put('map', 1);
  storage.put('b0', 1);
  const image = new Image(storage);
  image.addNode({ ...raw('data'), 'node-name': 'data' });
  image.addNode({ ...raw('base'), 'node-name': 'base', 'read-only': true });
  const options = {
    driver: 'qbm',
    image: 'data',
    backing: 'base',
    bitmaps: [part('b0', raw('b0')), part('map', raw('map'), { type: 'allocation' })],
  };
  image.addNode({ ...options, 'node-name': 'disk' });
  t.equal(image.read(GRANULE, 1)[0], 9);
  image.write(GRANULE + 1, 1);
  t.same([...image.read(GRANULE, 3)], [9, 0x55, 9]);
  t.equal(image.dirty('b0'), '1+1');
  t.equal(image.ask('blockdev-del', { 'node-name': 'data' }), 'REF-E-IN-USE');
  t.equal(image.ask('block_resize', { 'node-name': 'data', size: 512 }), 'REF-E-CONFLICT');
  t.same(
    image.node.bitmaps.map(({ name }) => name),
    ['b0'],
    'the allocation bitmap is on no node',
  );
  t.equal(image.ask('blockdev-del', { 'node-name': 'disk' }), 'ok');
  t.equal(contentOf(storage, 'map')[0], 2);
  t.equal(image.ask('blockdev-del', { 'node-name': 'data' }), 'ok');
  image.close();
  t.end();
});

t.test('QBM-017, QBM-018, QBM-019, QBM-020: parts that do not fit are refused, and no node is left', (t) => {
  const storage = new MemoryStorage();
  storage.put('data', 100 * GRANULE);
  storage.put('b0', 512);
  storage.put('short', 12);
  const image = raw('data');
  const cases: [string, object][] = [
    ['REF-E-QBM-NEITHER', {}],
    ['REF-E-QBM-INLINE-POLICY', { image, policy: 'writeback' }],
    ['REF-E-QBM-ALLOCATION', { image, backing: raw('b0') }],
    ['QBM-E-NAME', { image, bitmaps: [part('', raw('b0'))] }],
    ['QBM-E-NAME', { image, bitmaps: [part('a', raw('b0')), part('a', raw('b0'))] }],
    ['BMP-E-GRANULARITY', { image, bitmaps: [part('a', raw('b0'), { granularity: 1000 })] }],
    ['QBM-E-BITMAP-SIZE', { image, bitmaps: [part('a', { driver: 'file', filename: 'short' })] }],
    ['REF-E-OPEN', { image, bitmaps: [part('a', raw('none'))] }],
    [
      'REF-E-QBM-ALLOCATION',
      { image, bitmaps: ['a', 'b'].map((name) => part(name, raw('b0'), { type: 'allocation' })) },
    ],
  ];
  for (const [expected, options] of cases) {
    const machine = new Image(storage);
    t.equal(machine.ask('blockdev-add', { driver: 'qbm', 'node-name': 'disk', ...options }), expected);
    t.same(machine.machine.graph.nodes, []);
  }
  t.end();
});

t.test('QBM-017: no part is used twice, nor a piece of another, by whatever nodes', (t) => {
  const storage = new MemoryStorage();
  storage.put('data', 16 * GRANULE);
  storage.put('b0', 2048);
  storage.put('b1', 512);
  const bits = { offset: 0, size: 512 };
  const cases: [string, string, object][] = [
    ['QBM-E-FILE-TWICE', 'a node as image and bitmap', { image: 'data', bitmaps: [part('a', 'data')] }],
    ['QBM-E-FILE-TWICE', 'as two bitmaps', { image: 'data', bitmaps: [part('a', 'b0'), part('b', 'b0')] }],
    ['QBM-E-FILE-TWICE', 'what it stands on', { image: 'data', bitmaps: [part('a', 'below')] }],
    ['QBM-E-FILE-TWICE', 'the same file', { image: 'data', bitmaps: [part('a', raw('data'))] }],
    [
      'QBM-E-FILE-TWICE',
      'as its own backing file',
      { image: 'data', backing: 'data', bitmaps: [part('a', 'b0', { type: 'allocation' })] },
    ],
    [
      'QBM-E-FILE-TWICE',
      'pieces that overlap',
      {
        image: 'data',
        bitmaps: [part('a', raw('b0', bits)), part('b', raw('b0', { offset: 511, size: 512 }))],
      },
    ],
    [
      'ok',
      'pieces that do not',
      { image: 'data', bitmaps: [part('a', raw('b0', bits)), part('b', raw('b0', { offset: 512 }))] },
    ],
  ];
  for (const readOnly of [false, true]) {
    for (const [expected, what, options] of cases) {
      const image = new Image(storage);
      image.addNode({ driver: 'file', 'node-name': 'below', filename: 'data' });
      image.addNode({ driver: 'raw', 'node-name': 'data', file: 'below' });
      image.addNode({ ...raw('b0'), 'node-name': 'b0' });
      const given = { driver: 'qbm', 'node-name': 'disk', 'read-only': readOnly, ...options };
      t.equal(image.ask('blockdev-add', given), expected, `${what}${readOnly ? ', read-only' : ''}`);
      image.close();
    }
  }
  t.end();
});

t.test('QBM-041: the name of an image without a descriptor says all of which it is made', (t) => {
  const storage = new MemoryStorage();
  for (const [name, size] of [
    ['data', 4 * GRANULE],
    ['base', GRANULE],
    ['map', 1],
    ['b0', 1],
    ['b1', 1],
  ] as const)
    storage.put(name, size);
  const parts = {
    image: raw('data', { offset: 0 }),
    bitmaps: [
      part('b0', raw('b0')),
      part('b1', raw('b1'), { recording: false }),
      part('map', raw('map'), { type: 'allocation' }),
    ],
    backing: raw('base'),
  };
  const disk = composed(storage, parts);
  const { filename } = disk.node;
  t.ok(filename.startsWith('json:'));
  const again = JSON.parse(filename.slice(5));
  t.same(again, { driver: 'qbm', ...parts }, 'the same options');
  disk.close();
  const second = new Image(storage);
  second.addNode({ ...again, 'node-name': 'disk' });
  t.equal(second.node.filename, filename, 'which make the same image');
  second.close();
  t.end();
});

t.test('QBM-021: a bitmap in a node of its own format', (t) => {
  const storage = new MemoryStorage();
  storage.put('data', 64 * GRANULE);
  storage.put('bits', 512);
  storage.put('meta', 1);
  const inner = {
    driver: 'qbm',
    image: raw('bits'),
    bitmaps: [part('changed', raw('meta'), { granularity: 512 })],
  };
  const disk = composed(storage, { image: raw('data'), bitmaps: [part('b0', inner)] });
  disk.write(0, 1);
  t.equal(contentOf(storage, 'bits')[0], 1);
  t.equal(contentOf(storage, 'meta')[0], 1, 'which has a bitmap of its own');
  disk.close();
  t.end();
});

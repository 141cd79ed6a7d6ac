import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { everyCrash, noCrashes } from '../storage/crash.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import { describeOperation, RecordingStorage } from '../storage/recording.js';
import { type Storage, StorageError, type StorageFile } from '../storage/storage.js';
import { checkImage } from './check/check.js';
import { ALLOCATION_NAME, createImage } from './create.js';
import { imageRef } from './descriptor.js';
import { contentIn, refusalOf } from './image-for-tests.js';
import { readDescriptor } from './read-descriptor.js';

const backing = imageRef('base', 'raw');
const makeHash = nodeSha256;

/** The findings of check, by id. */
function findings(storage: Storage, imageSize: number): string[] {
  return checkImage(storage, 'disk.qbm', { trust: 'stranger', imageSize, makeHash }).map(({ id }) => id);
}

t.test('QBM-023, QBM-024: what a new image is made of', (t) => {
  const storage = new MemoryStorage();
  createImage(storage, 'vm/disk.v2.qbm', { size: 1000000, makeHash });
  t.same(
    storage.files().map(([name, { size }]) => [name, name.endsWith('.qbm') ? 0 : size]),
    [
      ['vm/disk.v2.data', 1000000],
      ['vm/disk.v2.qbm', 0],
    ],
  );
  const text = new TextDecoder().decode(contentIn(storage, 'vm/disk.v2.qbm'));
  t.match(text, /"file": "disk\.v2\.data"/);
  t.same(readDescriptor(contentIn(storage, 'vm/disk.v2.qbm'), { trust: 'stranger', file: 'x' }).bitmaps, []);
  t.end();
});

t.test(
  'QBM-021, QBM-022: with a backing file it has an allocation bitmap, all clear, of exact length',
  (t) => {
    for (const [size, clusterSize, bytes] of [
      [0, undefined, 0],
      [1, undefined, 1],
      [655360, undefined, 2],
      [655361, undefined, 2],
      [4097 * 8, 4096, 2],
    ] as const) {
      const storage = new MemoryStorage();
      storage.put('base', 4096);
      createImage(storage, 'disk.qbm', {
        size,
        backing,
        makeHash,
        ...(clusterSize === undefined ? {} : { clusterSize }),
      });
      t.same(
        [...contentIn(storage, `disk.${ALLOCATION_NAME}.allocation.bitmap`)],
        Array(bytes).fill(0),
        `${size}`,
      );
      t.same(findings(storage, size), []);
    }
    t.end();
  },
);

t.test('QBM-018, QBM-019, QBM-021, QBM-023: what no reader would open is not made', (t) => {
  for (const [expected, name, more] of [
    ['QBM-E-EXISTS', 'there.qbm', {}],
    ['QBM-E-EXISTS', 'data.qbm', {}],
    ['QBM-E-EXISTS', 'map.qbm', { backing }],
    ['QBM-E-GRANULARITY', 'disk.qbm', { backing, clusterSize: 1000 }],
    ['QBM-E-FILE', 'disk.qbm', { backing: imageRef('../base', 'raw') }],
    ['QBM-E-FORMAT', 'disk.qbm', { backing: imageRef('base', '-') }],
    ['QBM-E-BITS', 'disk.qbm', { backing, clusterSize: 512, size: 2 ** 53 - 512 }],
    ['QBM-E-IMAGE-SIZE', 'disk.qbm', { size: 2 ** 53 }],
    ['QBM-E-FILE', 'a\nb.qbm', {}],
  ] as const) {
    const storage = new MemoryStorage();
    for (const file of ['base', 'there.qbm', 'data.data', `map.${ALLOCATION_NAME}.allocation.bitmap`])
      storage.put(file, 9);
    const before = storage.files().map(([file, { size }]) => [file, size]);
    t.equal(
      refusalOf(() => createImage(storage, name, { size: 4096, makeHash, ...more })),
      expected,
      JSON.stringify(more),
    );
    t.same(
      storage.files().map(([file, { size }]) => [file, size]),
      before,
      'nothing was written',
    );
  }
  t.end();
});

t.test('QBM-036: whenever it crashes there is no descriptor, or the whole image', (t) => {
  const storage = new RecordingStorage([['base', 4096]]);
  createImage(storage, 'disk.qbm', { size: 655360, backing, makeHash });
  t.same(
    storage.operations.map((operation, index) => describeOperation(index + 1, operation)),
    [
      '#1 create disk.data',
      '#2 truncate disk.data to 655360 bytes',
      '#3 flush disk.data',
      '#4 create disk.allocation.allocation.bitmap',
      '#5 truncate disk.allocation.allocation.bitmap to 2 bytes',
      '#6 flush disk.allocation.allocation.bitmap',
      '#7 flush the directory of disk.qbm',
      '#8 create disk.qbm.new',
      `#9 write disk.qbm.new, ${contentIn(storage, 'disk.qbm').length} bytes at 0`,
      '#10 flush disk.qbm.new',
      '#11 rename disk.qbm.new to disk.qbm',
      '#12 flush the directory of disk.qbm',
    ],
  );
  const counts = noCrashes();
  for (const state of everyCrash(storage, { seed: 1 }, counts)) {
    if (state.storage.kind('disk.qbm') === null) continue;
    const left = findings(state.storage, 655360).filter((id) => id !== 'QBM-C-TEMPORARY');
    if (left.length > 0) t.fail(`${left}\n${state.describe()}`);
  }
  t.equal(counts.sampledPoints, 0, 'every state was looked at');
  t.comment(`${counts.states} states`);
  t.end();
});

t.test('QBM-023: a failure half-way leaves no files that would be in the way', (t) => {
  const storage = new MemoryStorage();
  const full: Storage = Object.assign(Object.create(storage) as Storage, {
    create: (name: string): StorageFile => {
      if (name.endsWith('.bitmap')) throw new StorageError('ENOSPC', name);
      return storage.create(name);
    },
    kind: (name: string) => storage.kind(name),
    remove: (name: string) => storage.remove(name),
    resolve: (from: string, name: string) => storage.resolve(from, name),
  });
  t.throws(() => createImage(full, 'disk.qbm', { size: 4096, backing, makeHash }), {
    errno: 'ENOSPC',
  } as unknown as Error);
  t.same(storage.files(), []);
  createImage(storage, 'disk.qbm', { size: 4096, backing, makeHash });
  t.end();
});

t.test('QBM-035: over an empty file, what cannot get its descriptor is gone again', (t) => {
  const storage = new MemoryStorage();
  storage.put('disk.qbm', 0);
  storage.put('disk.qbm.new/x', 1);
  const refused = refusalOf(() =>
    createImage(storage, 'disk.qbm', { size: 4096, backing, makeHash, overEmpty: true }),
  );
  t.equal(refused, 'QBM-E-NOT-REGULAR');
  t.same(
    storage.files().map(([name, { size }]) => [name, size]),
    [
      ['disk.qbm', 0],
      ['disk.qbm.new/x', 1],
    ],
  );
  t.end();
});

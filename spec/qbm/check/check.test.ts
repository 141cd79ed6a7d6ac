import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../../host/sha256.js';
import { type CrashState, everyCrash } from '../../storage/crash.js';
import type { MemoryStorage } from '../../storage/memory-storage.js';
import { RecordingStorage } from '../../storage/recording.js';
import type { Storage } from '../../storage/storage.js';
import { loadBitmap } from '../bitmap-file.js';
import { checksumOf } from '../checksum.js';
import { bitmapEntry, type Descriptor, descriptor, imageRef } from '../descriptor.js';
import { checkFiles } from '../files.js';
import {
  bytesIn,
  CHECK,
  contentIn,
  imageOf,
  NoWrites,
  OVERLAY,
  PLAIN,
  refusalOf,
  SIZE,
  withB0,
} from '../image-for-tests.js';
import { readDescriptor } from '../read-descriptor.js';
import { DescriptorFile } from '../update.js';
import { writeDescriptor } from '../write-descriptor.js';
import { type CheckOptions, checkImage } from './check.js';
import type { Finding } from './finding.js';
import { geometryOf, isSuspect } from './look.js';
import { repairImage } from './repair.js';

const brief = (findings: readonly Finding[]): string[] =>
  findings.map(({ id, severity, bitmap, repair }) => [severity, id, bitmap ?? '-', repair ?? '-'].join(' '));
const check = (storage: Storage, options: Partial<CheckOptions> = {}): string[] =>
  brief(checkImage(new NoWrites(storage), 'disk.qbm', { ...CHECK, ...options }));
const repair = (storage: Storage): string[] => brief(repairImage(storage, 'disk.qbm', CHECK).left);
const descriptorIn = (storage: Storage): Descriptor =>
  readDescriptor(contentIn(storage, 'disk.qbm'), { trust: 'stranger', file: 'disk.qbm' });

/** What an opener does up to where it would write: QBM-042 compares it with check. */
function opens(storage: Storage): boolean {
  const guarded = new NoWrites(storage);
  return (
    refusalOf(() => {
      const file = DescriptorFile.open(guarded, 'disk.qbm', 'exclusive');
      try {
        const read = readDescriptor(file.content, { trust: 'stranger', file: 'disk.qbm' });
        checkFiles(guarded, 'disk.qbm', read, CHECK);
        for (const entry of read.bitmaps) {
          if (isSuspect(read, entry)) continue;
          const opened = guarded.open(entry.file);
          loadBitmap(opened, geometryOf(entry, SIZE), {}, read.inUse !== null);
        }
      } finally {
        file.close();
      }
    }) === 'ok'
  );
}

const crashed = (what: Descriptor, policy: 'writeback' | 'writethrough'): Descriptor => ({
  ...what,
  inUse: { policy, writer: 'test' },
});
const WRONG = `sha256:${'00'.repeat(32)}`;

interface Planted {
  readonly what: string;
  readonly image: () => MemoryStorage;
  readonly found: readonly string[];
  /** what is left after repair; none unless given */
  readonly left?: readonly string[];
  /** the bytes of b0 afterwards */
  readonly b0?: readonly number[];
}

const planted =
  (what: Descriptor, change: (storage: MemoryStorage) => void = () => {}) =>
  (): MemoryStorage => {
    const storage = imageOf(what);
    change(storage);
    return storage;
  };
const OLD = [0x05, 0x02];
const FULL = [0xff, 0x03];

const PLANTED: readonly Planted[] = [
  { what: 'nothing', image: planted(OVERLAY), found: [], b0: OLD },
  {
    what: 'a tail',
    image: planted(PLAIN, (s) => s.put('b0', Uint8Array.of(0x05, 0x06))),
    found: ['error QBM-E-TAIL b0 cut'],
    b0: OLD,
  },
  {
    what: 'a tail of the allocation bitmap',
    image: planted(OVERLAY, (s) => s.put('a', Uint8Array.of(0x05, 0x06))),
    found: ['error QBM-E-TAIL a cut'],
    b0: OLD,
  },
  ...[1, 3, 0, 100000].map((length) => ({
    what: `${length} bytes in place of 2`,
    image: planted(PLAIN, (s) => void s.put('b0', length)),
    found: ['error QBM-E-BITMAP-SIZE b0 fill'],
    b0: FULL,
  })),
  {
    what: 'a bitmap file that is not there',
    image: planted(PLAIN, (s) => s.remove('b0')),
    found: ['error QBM-E-NO-FILE b0 fill'],
    b0: FULL,
  },
  {
    what: 'an allocation bitmap of a wrong size, and a tail',
    image: planted(OVERLAY, (s) => {
      s.put('a', 1);
      s.put('b0', Uint8Array.of(0, 0xff));
    }),
    found: ['error QBM-E-BITMAP-SIZE a -', 'error QBM-E-TAIL b0 cut'],
    left: ['error QBM-E-BITMAP-SIZE a -', 'error QBM-E-TAIL b0 cut'],
    b0: [0, 0xff],
  },
  {
    what: 'an allocation bitmap that is not there',
    image: planted(OVERLAY, (s) => s.remove('a')),
    found: ['error QBM-E-NO-FILE a -'],
    left: ['error QBM-E-NO-FILE a -'],
    b0: OLD,
  },
  {
    what: 'no data image',
    image: planted(PLAIN, (s) => s.remove('disk.data')),
    found: ['error QBM-E-NO-FILE - -'],
    left: ['error QBM-E-NO-FILE - -'],
    b0: OLD,
  },
  {
    what: 'no descriptor that can be read',
    image: planted(PLAIN, (s) => s.put('disk.qbm', Uint8Array.of(0x7b))),
    found: ['error QBM-E-JSON - -'],
    left: ['error QBM-E-JSON - -'],
    b0: OLD,
  },
  {
    what: 'a crash under writeback: QBM-027, QBM-033',
    image: planted(crashed(OVERLAY, 'writeback'), (s) => s.put('b0', 1)),
    found: ['damage QBM-C-IN-USE - release', 'damage QBM-C-INCONSISTENT b0 fill'],
    b0: FULL,
  },
  {
    what: 'a crash under writethrough',
    image: planted(crashed(OVERLAY, 'writethrough')),
    found: ['damage QBM-C-IN-USE - release'],
    b0: OLD,
  },
  {
    what: 'a crash in a resize under writethrough: QBM-037',
    image: planted(crashed(OVERLAY, 'writethrough'), (s) => {
      s.put('b0', Uint8Array.of(0x05, 0xfe, 0xff));
      s.put('a', Uint8Array.of(0x05, 0x02, 0));
    }),
    found: ['damage QBM-C-IN-USE - release', 'leftover QBM-C-EXCESS a cut', 'leftover QBM-C-EXCESS b0 cut'],
    b0: OLD,
  },
  {
    what: 'a bitmap that is too short after a crash',
    image: planted(crashed(PLAIN, 'writethrough'), (s) => s.put('b0', 1)),
    found: ['damage QBM-C-IN-USE - release', 'error QBM-E-BITMAP-SIZE b0 fill'],
    b0: FULL,
  },
  {
    what: 'an inconsistent bitmap, its file gone: QBM-029',
    image: planted(withB0(PLAIN, { inconsistent: true }), (s) => s.remove('b0')),
    found: ['damage QBM-C-INCONSISTENT b0 fill'],
    b0: FULL,
  },
  {
    what: 'another content of a bitmap',
    image: planted(withB0(OVERLAY, { checksum: WRONG })),
    found: ['damage QBM-E-CHECKSUM b0 fill'],
    b0: FULL,
  },
  {
    what: 'another content of the data image: QBM-039',
    image: planted({ ...OVERLAY, image: imageRef('disk.data', 'raw', { checksum: WRONG }) }),
    found: ['damage QBM-E-CHECKSUM - drop-checksum'],
    b0: FULL,
  },
  {
    what: 'another content of the backing file',
    image: planted({
      ...OVERLAY,
      bitmaps: OVERLAY.bitmaps.map((entry) =>
        entry.backing === null ? entry : { ...entry, backing: imageRef('base', 'raw', { checksum: WRONG }) },
      ),
    }),
    found: ['damage QBM-E-CHECKSUM - -'],
    left: ['damage QBM-E-CHECKSUM - -'],
    b0: OLD,
  },
  {
    what: 'a checksum beside a marker says nothing',
    image: planted({
      ...crashed(PLAIN, 'writethrough'),
      image: imageRef('disk.data', 'raw', { checksum: WRONG }),
    }),
    found: ['damage QBM-C-IN-USE - release'],
    b0: OLD,
  },
  {
    what: 'an update that did not end',
    image: planted(PLAIN, (s) => s.put('disk.qbm.new', 5)),
    found: ['leftover QBM-C-TEMPORARY - remove-temporary'],
    b0: OLD,
  },
];

/** The checksums of the files that no repair touches. */
const others = (storage: MemoryStorage): string[] =>
  ['disk.data', 'base'].map((name) =>
    storage.kind(name) === null ? 'none' : checksumOf(storage.open(name), nodeSha256),
  );

t.test(
  'QBM-042, QBM-043: each planted inconsistency is found and repaired, and nothing else is changed',
  (t) => {
    for (const { what, image, found, left = [], b0 } of PLANTED) {
      const storage = image();
      const before = others(storage);
      t.same(check(storage), found, `${what}: found`);
      t.equal(opens(storage), !found.some((line) => line.startsWith('error')), `${what}: opens if it checks`);
      t.same(repair(storage), left, `${what}: left`);
      t.same(check(storage), left, `${what}: checked again`);
      t.same(bytesIn(storage, 'b0'), b0, `${what}: b0`);
      t.same(others(storage), before, `${what}: data image and backing file`);
      t.same(repair(storage), left, `${what}: again`);
    }
    t.end();
  },
);

const emptyFile = (): ReturnType<Storage['open']> => {
  const storage = imageOf(PLAIN);
  storage.put('empty', 0);
  return storage.open('empty');
};

t.test('QBM-030: a right checksum is right', (t) => {
  const storage = imageOf(PLAIN);
  const checksum = checksumOf(storage.open('b0'), nodeSha256);
  t.same(check(imageOf(withB0(PLAIN, { checksum }))), []);
  t.equal(
    checksumOf(emptyFile(), nodeSha256),
    'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  );
  t.end();
});

t.test('QBM-042: orphans are reported, and left', (t) => {
  const storage = imageOf(PLAIN);
  const beside = [
    'disk.qbm',
    'b0',
    'disk.b1.dirty.bitmap',
    'disk.b1~2.dirty.bitmap',
    'other.b1.dirty.bitmap',
    'disk.data',
  ];
  t.same(check(storage, { beside }), ['leftover QBM-C-ORPHAN - -', 'leftover QBM-C-ORPHAN - -']);
  t.end();
});

t.test('QBM-042: check of an image in use is refused', (t) => {
  const storage = imageOf(PLAIN);
  const writer = DescriptorFile.open(storage, 'disk.qbm', 'exclusive');
  t.equal(
    refusalOf(() => check(storage)),
    'QBM-E-LOCKED',
  );
  t.equal(
    refusalOf(() => repair(storage)),
    'QBM-E-LOCKED',
  );
  writer.close();
  t.end();
});

t.test('QBM-043: marks and names that repair does not touch stay', (t) => {
  const extensions = new Map([['ext-soft-x', 1]]);
  const storage = imageOf({
    ...withB0(crashed(PLAIN, 'writeback'), { recording: false, extensions }),
    extensions,
  });
  repair(storage);
  t.same(descriptorIn(storage), { ...withB0(PLAIN, { recording: false, extensions }), extensions });
  t.end();
});

/** Every state that a crash at any point of `run` may leave. */
function crashesOf(start: MemoryStorage, run: (storage: RecordingStorage) => void): Generator<CrashState> {
  const files = start.files().map(([name]) => [name, contentIn(start, name)] as const);
  const storage = new RecordingStorage(files);
  run(storage);
  return everyCrash(storage, { seed: 1, samples: 50 });
}

t.test(
  'QBM-043: a crash in a repair leaves nothing cleaner than the truth, and it can be done again',
  (t) => {
    let states = 0;
    for (const { what, image, found, left: hopeless = [], b0 } of PLANTED) {
      if (found.length === 0 || hopeless.length > 0) continue;
      for (const state of crashesOf(image(), repair)) {
        states += 1;
        const { storage } = state;
        const read = descriptorIn(storage);
        const entry = read.bitmaps.find(({ name }) => name === 'b0')!;
        // The bits may be used only if they are at least those that a whole repair gives.
        const isOpened = opens(storage);
        const opened = !found.some((line) => line.startsWith('error'));
        if (opened && !isOpened) t.fail(`${what}: opened before: ${state.describe()}`);
        const used = isOpened && !isSuspect(read, entry);
        if (used && read.image.checksum === null && entry.checksum === null) {
          const bits = bytesIn(storage, 'b0');
          if (!b0!.every((byte, i) => (bits[i]! & byte) === byte)) t.fail(`${what}: ${state.describe()}`);
        }
        const left = repair(storage);
        if (left.length > 0) t.fail(`${what}: ${left}: ${state.describe()}`);
        if (!b0!.every((byte, i) => bytesIn(storage, 'b0')[i] === byte))
          t.fail(`${what}: ${state.describe()}`);
      }
    }
    t.ok(states > 100, `${states} states`);
    t.end();
  },
);

t.test('QBM-035: after a crash there is the old descriptor or the new one', (t) => {
  const start = imageOf(PLAIN);
  start.put('disk.qbm.new', 700);
  const texts = [PLAIN, withB0(PLAIN, { recording: false }), PLAIN].map((what, i) =>
    writeDescriptor({ ...what, extensions: new Map([['ext-soft-n', i]]) }, 'disk.qbm'),
  );
  const first = new TextDecoder().decode(contentIn(start, 'disk.qbm'));
  const states = crashesOf(start, (storage) => {
    const file = DescriptorFile.open(storage, 'disk.qbm', 'exclusive');
    for (const text of texts) {
      file.replace(text);
      storage.mark(text);
    }
    file.close();
  });
  let count = 0;
  for (const { storage, marks } of states) {
    count += 1;
    const all = [first, ...texts];
    const at = all.indexOf(new TextDecoder().decode(contentIn(storage, 'disk.qbm')));
    if (at < marks.length) t.fail(`${at} after ${marks.length} replacements`);
  }
  t.ok(count > 20, `${count} states`);
  t.end();
});

t.test('QBM-036: adding and removing a bitmap in the order of the rule leaves an image that opens', (t) => {
  const added = descriptor(PLAIN.image, [...PLAIN.bitmaps, bitmapEntry('b1', 'b1', 512)]);
  const put = (file: DescriptorFile, what: Descriptor): void =>
    file.replace(writeDescriptor(what, 'disk.qbm'));
  const store = (storage: RecordingStorage): void => {
    const file = storage.create('b1');
    file.truncate(160);
    file.flush();
    file.close();
    storage.flushDirectory('b1');
  };
  const bad = (...steps: ((storage: RecordingStorage, file: DescriptorFile) => void)[]): number => {
    const states = crashesOf(imageOf(PLAIN), (storage) => {
      const file = DescriptorFile.open(storage, 'disk.qbm', 'exclusive');
      for (const step of steps) step(storage, file);
      file.close();
    });
    return [...states].filter(({ storage }) => !opens(storage)).length;
  };
  const add = (_: RecordingStorage, file: DescriptorFile): void => put(file, added);
  const drop = (_: RecordingStorage, file: DescriptorFile): void => put(file, PLAIN);
  const remove = (storage: RecordingStorage): void => storage.remove('b1');
  t.equal(bad(store, add, drop, remove), 0);
  t.ok(bad(add, store) > 0, 'the descriptor first');
  t.ok(bad(store, add, remove, drop) > 0, 'the file first');
  t.end();
});

t.test('QBM-042: an image opens if and only if check finds no error, whatever was done to it', (t) => {
  const names = fc.constantFrom('disk.qbm', 'b0', 'a', 'disk.data', 'base', 'disk.qbm.new');
  const damage = fc.oneof(
    fc.record({ op: fc.constant('put' as const), names, bytes: fc.uint8Array({ maxLength: 4 }) }),
    fc.record({ op: fc.constant('byte' as const), names, at: fc.nat(400), byte: fc.nat(255) }),
    fc.record({ op: fc.constant('remove' as const), names }),
  );
  const start = fc.constantFrom(
    PLAIN,
    OVERLAY,
    crashed(OVERLAY, 'writeback'),
    crashed(OVERLAY, 'writethrough'),
    withB0(OVERLAY, { inconsistent: true }),
  );
  fc.assert(
    fc.property(start, fc.array(damage, { maxLength: 3 }), (what, steps) => {
      const storage = imageOf(what);
      for (const step of steps) {
        if (step.op === 'put') storage.put(step.names, step.bytes);
        else if (storage.kind(step.names) === null) continue;
        else if (step.op === 'remove') storage.remove(step.names);
        else storage.open(step.names, { write: true }).write(step.at, Uint8Array.of(step.byte));
      }
      return opens(storage) === !check(storage).some((line) => line.startsWith('error'));
    }),
    { numRuns: 1500 },
  );
  t.end();
});

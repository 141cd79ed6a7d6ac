/** Whatever the history: what an image reads as stays what it is, and no bitmap misses a change. */
import fc from 'fast-check';
import t from 'tap';
import { MemoryStorage } from '../../storage/memory-storage.js';
import { Images, same } from './memory-for-tests.js';

const SECTOR = 512;
const NAMES = ['base', 'mid', 'top'] as const;

interface Scene {
  /** sectors of each image */
  readonly sizes: readonly number[];
  readonly clusters: readonly number[];
  readonly isBaseRaw: boolean;
  readonly writes: readonly {
    readonly layer: number;
    readonly op: 'write' | 'zero' | 'discard';
    readonly sector: number;
    readonly length: number;
    readonly byte: number;
  }[];
}

const scene: fc.Arbitrary<Scene> = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 3, maxLength: 3 }),
  clusters: fc.array(fc.constantFrom(512, 1024, 4096, 65536), { minLength: 3, maxLength: 3 }),
  isBaseRaw: fc.boolean(),
  writes: fc.array(
    fc.record({
      layer: fc.nat(2),
      op: fc.constantFrom('write' as const, 'write' as const, 'zero' as const, 'discard' as const),
      sector: fc.nat(99),
      length: fc.integer({ min: 1, max: 30 }),
      byte: fc.nat(255),
    }),
    { maxLength: 20 },
  ),
});

/** base ← mid ← top, written to. */
function play({ sizes, clusters, isBaseRaw, writes }: Scene): { images: Images; names: readonly string[] } {
  const images = new Images(new MemoryStorage());
  const names = NAMES.map((name, at) => (at === 0 && isBaseRaw ? 'base.raw' : name));
  for (const [at, name] of names.entries()) {
    const format = name.endsWith('.raw') ? 'raw' : 'qbm';
    const below =
      at === 0 ? [] : ['-b', names[at - 1]!, '-F', names[at - 1]!.endsWith('.raw') ? 'raw' : 'qbm'];
    const options = format === 'raw' ? [] : ['-o', `cluster_size=${clusters[at]}`];
    images.run('create', '-q', '-f', format, ...below, ...options, name, String(sizes[at]! * SECTOR));
    // A layer below is not written any more once there is one above it.
    for (const { layer, op, sector, length, byte } of writes) {
      if (layer !== at || sector >= sizes[at]!) continue;
      const [offset, bytes] = [sector * SECTOR, Math.min(length, sizes[at]! - sector) * SECTOR];
      if (op === 'write') images.write(name, offset, bytes, byte);
      else images.guest(name, { op, offset, length: bytes });
    }
  }
  return { images, names };
}

function check(images: Images, names: readonly string[]): boolean {
  return names.every((name) => name.endsWith('.raw') || images.try('check', '-q', name).code === 0);
}

t.test('IMG-003, IMG-004: commit', (t) => {
  const how = fc.constantFrom([], ['-d'], ['-b', 'BASE']);
  fc.assert(
    fc.property(scene, how, (from, options) => {
      const { images, names } = play(from);
      const [base, mid] = names as [string, string];
      const before = images.content('top');
      const low = options[0] === '-b' ? base : mid;
      const old = images.content(low);
      images.run('commit', ...options.map((word) => (word === 'BASE' ? base : word)), 'top');
      const into = images.content(low);
      // The base may be longer than the top: there it is as it was.
      if (!same(images.content('top'), before)) return false;
      if (into.length !== Math.max(before.length, old.length)) return false;
      if (!same(into.subarray(0, before.length), before)) return false;
      if (!same(into.subarray(before.length), old.subarray(before.length))) return false;
      const isEmptied = options.length === 0;
      const allocated = images.with('top', false, (node) => node.driver.clusters!()!.allocated);
      return (!isEmptied || allocated === 0) && check(images, names);
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test('IMG-007: a safe rebase', (t) => {
  const onto = fc.constantFrom('', 'base', 'mid', 'other.raw', 'other');
  fc.assert(
    fc.property(scene, scene, fc.array(onto, { minLength: 1, maxLength: 3 }), (from, more, steps) => {
      const { images, names } = play(from);
      const others = play({ ...more, isBaseRaw: true });
      for (const [source, target] of [
        ['base.raw', 'other.raw'],
        ['mid', 'other'],
      ] as const) {
        // Another content, from another scene.
        const bytes = others.images.content(source);
        images.run(
          'create',
          '-q',
          '-f',
          target.endsWith('.raw') ? 'raw' : 'qbm',
          target,
          String(bytes.length),
        );
        images.guest(target, { op: 'write', offset: 0, bytes });
      }
      const before = images.content('top');
      for (const step of steps) {
        const name = step === 'base' ? names[0]! : step;
        const format = name.endsWith('.raw') ? 'raw' : 'qbm';
        images.run('rebase', '-b', name, ...(name === '' ? [] : ['-F', format]), 'top');
        if (!same(images.content('top'), before)) return false;
      }
      return check(images, [...names, 'other']);
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test('IMG-006: convert, and compare agrees', (t) => {
  const how = fc.record({
    sparse: fc.constantFrom([], ['-S', '0'], ['-S', '512'], ['-S', '64k']),
    target: fc.constantFrom('copy', 'copy.raw'),
    isThere: fc.boolean(),
    other: fc.integer({ min: 0, max: 50 }),
  });
  fc.assert(
    fc.property(scene, how, (from, { sparse, target, isThere, other }) => {
      const { images, names } = play(from);
      const before = images.content('top');
      const format = target.endsWith('.raw') ? 'raw' : 'qbm';
      if (isThere) {
        images.run('create', '-q', '-f', format, target, String(before.length + other * SECTOR));
        images.write(target, 0, before.length + other * SECTOR, 0xee);
      }
      images.run('convert', ...(isThere ? ['-n'] : []), ...sparse, '-O', format, 'top', target);
      const copied = images.content(target);
      if (!same(copied.subarray(0, before.length), before)) return false;
      if (!isThere && images.try('compare', 'top', target).code !== 0) return false;
      // One changed byte is seen, in its sector.
      const at = before.length - 1;
      images.write(target, at, 1, copied[at]! ^ 1);
      const sector = Math.floor(at / SECTOR) * SECTOR;
      const verdict = images.try('compare', 'top', target);
      return verdict.stdout.includes(`Content mismatch at offset ${sector}!`) && check(images, names);
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test('IMG-006: convert with a backing file takes what the source has above it', (t) => {
  fc.assert(
    fc.property(scene, (from) => {
      const { images, names } = play(from);
      const format = names[0]!.endsWith('.raw') ? 'raw' : 'qbm';
      images.run('convert', '-O', 'qbm', '-B', names[0]!, '-F', format, 'mid', 'copy');
      return same(images.content('copy'), images.content('mid')) && check(images, ['copy']);
    }),
    { numRuns: 100 },
  );
  t.end();
});

t.test('IMG-006: what is zero in the source hides what a longer backing file has there', (t) => {
  const images = new Images(new MemoryStorage());
  images.run('create', '-q', '-f', 'raw', 'short.raw', '64k');
  images.run('create', '-q', '-f', 'raw', 'long.raw', '256k');
  images.write('short.raw', 0, 65536, 1);
  images.write('long.raw', 0, 262144, 1);
  images.run('create', '-q', '-f', 'qbm', '-b', 'short.raw', '-F', 'raw', 'top', '256k');
  images.run('convert', '-O', 'qbm', '-B', 'long.raw', '-F', 'raw', 'top', 'copy');
  t.ok(same(images.content('copy'), images.content('top')));
  t.end();
});

t.test('IMG-003: a stored bitmap of the base misses nothing that a commit changes', (t) => {
  fc.assert(
    fc.property(scene, fc.constantFrom(512, 4096, 65536), (from, granularity) => {
      const { images } = play({ ...from, isBaseRaw: false });
      images.run('bitmap', '--add', '-g', String(granularity), 'mid', 'b');
      images.run('bitmap', '--add', '-g', String(granularity), 'top', 'own');
      const old = images.content('mid');
      images.run('commit', 'top');
      const now = images.content('mid');
      const areas = images.dirty('mid', 'b');
      const isDirty = (at: number): boolean =>
        areas.some(({ offset, length }) => at >= offset && at < offset + length);
      for (let at = 0; at < now.length; at += SECTOR) {
        const end = at + SECTOR;
        // What came to be by growing, and is zeros, is no change that was written.
        const before = at < old.length ? old.subarray(at, end) : new Uint8Array(SECTOR);
        if (!same(before, now.subarray(at, end)) && !isDirty(at)) return false;
      }
      // Emptying the image changes nothing that its own guest reads.
      return images.dirty('top', 'own').length === 0;
    }),
    { numRuns: 100 },
  );
  t.end();
});

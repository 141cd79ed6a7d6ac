/**
 * A storage that fails, at each of its operations in turn: the guest is told, the machine stays whole, and what is found
 * afterwards is never less dirty than the truth. FORMAT.md, QBM-034 and QBM-036.
 */
import t from 'tap';
import { crashStates } from '../../storage/crash.js';
import type { RecordingStorage } from '../../storage/recording.js';
import { type Storage, type StorageErrno, StorageError } from '../../storage/storage.js';
import { Between, contentOf, files, GRANULE, Image, type Op, recorded, SIZE } from './image-for-tests.js';

/** Fails one operation, or all from one on. */
class Failing extends Between {
  done = 0;
  readonly #at: number;
  readonly #errno: StorageErrno;
  readonly #isForGood: boolean;

  constructor(below: Storage, at: number, errno: StorageErrno, isForGood: boolean) {
    super(below);
    this.#at = at;
    this.#errno = errno;
    this.#isForGood = isForGood;
  }

  protected override change(op: Op, name: string, done: () => void): void {
    this.done += 1;
    if (this.done === this.#at || (this.#isForGood && this.done > this.#at)) {
      // A write that fails may have happened all the same, or in part.
      if ((op === 'write' || op === 'zero') && this.#at % 2 === 0) done();
      throw new StorageError(this.#errno, name);
    }
    done();
  }
}

/** How many states that a loss of power may leave are looked at, each time. */
const POWER_LOSSES = 8;

const OVERLAY = { cluster: 2 * GRANULE, base: new Uint8Array(30 * GRANULE).fill(1) };

/** A history in which nothing lets a0 or a1 forget: whatever changes is dirty in both. */
const HISTORY: readonly ((image: Image) => string)[] = [
  (image) => image.write(0, 100, 2),
  (image) => image.write(5 * GRANULE + 10, 2 * GRANULE, 3),
  (image) => image.flush(),
  (image) => image.write(0, 100, 4),
  (image) => image.add('b'),
  (image) => image.write(9 * GRANULE, 512, 5),
  (image) => image.transaction(['clear', 'b'], ['add', 'c', { granularity: GRANULE, persistent: true }]),
  (image) => image.write(9 * GRANULE, 512, 6),
  (image) => image.io({ op: 'zero', offset: 0, length: GRANULE }),
  (image) => image.bitmap('set-persistent', 'c', { persistent: false }),
  (image) => image.merge('a0', 'c'),
  (image) => image.resize(60 * GRANULE),
  (image) => image.write(12 * GRANULE, 10, 7),
  (image) => image.io({ op: 'discard', offset: 5 * GRANULE, length: 2 * GRANULE }),
  (image) => image.resize(SIZE),
  (image) => image.bitmap('remove', 'b'),
  (image) => image.flush(),
  (image) => image.write(20 * GRANULE, 10, 8),
];

interface Outcome {
  readonly storage: RecordingStorage;
  readonly operations: number;
  readonly replies: readonly string[];
  readonly wrong: readonly string[];
}

/** @param failing which operation fails, how, and whether all after it do */
function play(
  start: ReturnType<typeof files>,
  policy: string,
  failing: [number, StorageErrno, boolean],
  isClosed: boolean,
): Outcome {
  const storage = recorded(start);
  const between = new Failing(storage, ...failing);
  const image = new Image(between);
  const wrong: string[] = [];
  const note = (reply: string): string => {
    wrong.push(...image.machine.verify());
    return reply;
  };
  const file = { driver: 'file', filename: 'disk.qbm' };
  const opened = note(
    image.ask('blockdev-add', { driver: 'qbm', 'node-name': 'disk', discard: 'unmap', policy, file }),
  );
  const replies = [opened];
  if (opened === 'ok') for (const step of HISTORY) replies.push(note(step(image)));
  if (isClosed) replies.push(closing(image));
  return { storage, operations: between.done, replies, wrong };
}

function closing(image: Image): string {
  try {
    image.close();
    return 'ok';
  } catch (error) {
    if (error instanceof Error && 'id' in error) return String(error.id);
    if (error instanceof StorageError) return error.errno;
    throw error;
  }
}

/** Sectors that are not as they were, in granules that a0 or a1 has clean. */
function underDirty(storage: Storage, before: Uint8Array): string[] {
  const image = new Image(storage).open({ 'read-only': true });
  const now = image.read(0, Math.min(image.node.size, before.length));
  const wrong: string[] = [];
  for (const name of ['a0', 'a1']) {
    if (image.dirty(name) === 'none') wrong.push(`${name} is lost`);
    else if (image.dirty(name) !== 'inconsistent') {
      for (let at = 0; at < now.length; at += 512) {
        const isChanged = Buffer.compare(now.subarray(at, at + 512), before.subarray(at, at + 512)) !== 0;
        if (isChanged && !image.isDirty(name, at)) wrong.push(`${name} is clean at ${at}`);
      }
    }
  }
  image.close();
  return wrong;
}

/** What is wrong with what is found, by another program and after a loss of power. */
function problemsOf({ storage, wrong }: Outcome, before: Uint8Array, seed: number): string[] {
  const problems = [...wrong];
  let left = POWER_LOSSES;
  for (const state of crashStates(storage, storage.operations.length, { seed, exhaustiveUpTo: 4 })) {
    problems.push(...underDirty(state.storage, before));
    left -= 1;
    if (left === 0) break;
  }
  storage.forgetLocks();
  return [...problems, ...underDirty(storage, before)];
}

for (const policy of ['writethrough', 'writeback'] as const) {
  for (const overlay of [undefined, OVERLAY]) {
    t.test(
      `QBM-034, QBM-036: a storage that fails anywhere (${policy}${overlay === undefined ? '' : ', overlay'})`,
      (t) => {
        const start = files({ bitmaps: ['a0', 'a1'], ...(overlay === undefined ? {} : { overlay }) });
        const first = new Image(start).open({ 'read-only': true });
        const before = first.read(0, first.node.size);
        first.close();
        const { operations, replies } = play(start, policy, [0, 'EIO', false], true);
        t.same(
          replies.filter((reply) => reply !== 'ok'),
          [],
          'without an error',
        );
        for (let at = 1; at <= operations; at++) {
          for (const [errno, isForGood, isClosed] of [
            ['EIO', false, true],
            ['ENOSPC', false, false],
            ['EIO', true, true],
          ] as const) {
            const outcome = play(start, policy, [at, errno, isForGood], isClosed);
            const problems = problemsOf(outcome, before, at);
            // Only the removal of a file that nobody needs any more may fail without anybody being told.
            if (isForGood && outcome.replies.every((reply) => reply === 'ok'))
              problems.push('nobody was told');
            if (problems.length > 0) {
              t.fail(`operation ${at} fails with ${errno}${isForGood ? ', and all after it' : ''}`, {
                problems: problems.slice(0, 5),
                replies: outcome.replies,
              });
              return t.end();
            }
          }
        }
        t.comment(`${operations} operations`);
        t.pass();
        t.end();
      },
    );
  }
}

t.test('QBM-034: a bit that could not be flushed is written again before the next write', (t) => {
  const storage = recorded(files({ bitmaps: ['b0'] }));
  // opening takes five operations: bit, flush of it
  const image = new Image(new Failing(storage, 7, 'EIO', false)).open({ policy: 'writethrough' });
  t.equal(image.write(0, 10), 'EIO');
  t.notOk(contentOf(storage, 'disk.data')[0], 'the write was not issued');
  const from = storage.operations.length;
  t.equal(image.write(0, 10), 'ok');
  t.same(
    storage.operations.slice(from).map(({ op, name }) => `${op} ${name}`),
    ['write disk.b0.dirty.bitmap', 'flush disk.b0.dirty.bitmap', 'write disk.data'],
  );
  t.end();
});

t.test('QBM-022: a granule that could not be written is still read from below', (t) => {
  const storage = recorded(files({ overlay: OVERLAY }));
  const image = new Image(new Failing(storage, 6, 'ENOSPC', false)).open({ policy: 'writeback' });
  t.equal(image.write(0, OVERLAY.cluster, 9), 'ENOSPC');
  // The write of the failing storage was done all the same; what counts is that it was not taken for the guest's.
  t.same([...new Set(image.read(0, OVERLAY.cluster))], [1]);
  t.equal(image.write(0, 1, 9), 'ok');
  t.same([...image.read(0, 2)], [9, 1]);
  t.end();
});

t.test('QBM-031: enabling or disabling that fails has not happened', (t) => {
  for (const at of [6, 7, 8, 9, 10, 11, 12]) {
    const storage = recorded(files({ bitmaps: ['b0'] }));
    const image = new Image(new Failing(storage, at, 'EIO', false)).open({ policy: 'writethrough' });
    t.not(image.bitmap('disable', 'b0'), 'ok');
    t.equal(image.write(0, 1), 'ok');
    t.equal(image.dirty('b0'), '0+1', 'it still records');
    for (const state of crashStates(storage, storage.operations.length, { seed: 1 })) {
      const found = new Image(state.storage).open({ 'read-only': true });
      t.match(found.dirty('b0'), '0+1');
    }
  }
  t.end();
});

t.test('QBM-036: when a bitmap cannot be stored at the end, the marker stays', (t) => {
  const after: string[] = [];
  // opening takes five operations, the write one
  for (let at = 7; after.at(-1) !== 'ok'; at++) {
    const storage = recorded(files({ bitmaps: ['b0'] }));
    const image = new Image(new Failing(storage, at, 'ENOSPC', false)).open({ policy: 'writeback' });
    image.write(0, 1);
    after.push(closing(image));
    storage.forgetLocks();
    const found = new Image(storage).open({ 'read-only': true });
    const isRenamed = storage.operations.slice(5).some(({ op }) => op === 'rename');
    t.equal(found.dirty('b0'), isRenamed ? '0+1' : 'inconsistent', `operation ${at}: ${after.at(-1)}`);
  }
  t.same(after, [...Array(3).fill('ENOSPC'), ...Array(5).fill('QBM-E-STORAGE'), 'ok']);
  t.end();
});

t.test('TXN-003, QBM-031: an action that cannot be stored does not keep the others from it', (t) => {
  const storage = recorded(files({ bitmaps: ['b0', 'b1'] }));
  // opening takes five operations; disabling b1 two for its bits, and five; writing granule 3 two for a bit, and the data
  let image = new Image(new Failing(storage, 16, 'EIO', false)).open({ policy: 'writethrough' });
  image.add('loose', { persistent: false });
  image.bitmap('disable', 'b1');
  image.write(3 * GRANULE, 1);
  const merge = {
    type: 'block-dirty-bitmap-merge',
    data: { node: 'disk', target: 'b1', bitmaps: ['loose'] },
  };
  const remove = { type: 'block-dirty-bitmap-remove', data: { node: 'disk', name: 'b0' } };
  t.equal(image.ask('transaction', { actions: [remove, merge] }), 'QBM-E-STORAGE');
  t.equal(image.dirty('b1'), 'off 3+1');
  image.close();
  image = new Image(storage).open();
  t.equal(image.dirty('b1'), 'off 3+1', 'after a good close a bitmap says what its owner knew');
  image.close();
  t.end();
});

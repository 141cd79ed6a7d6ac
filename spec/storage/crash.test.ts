import fc from 'fast-check';
import t from 'tap';
import { crashStates, everyCrash, noCrashes } from './crash.js';
import { bruteForce, contentOf, type Tree } from './crash-for-tests.js';
import { RecordingStorage } from './recording.js';
import { type Step, step, storageOf } from './recording-for-tests.js';

const ALL = { seed: 1, exhaustiveUpTo: 20 };
/** So that most of the steps that follow have a file to work on. */
const OPENED = ['a', 'd/b'].map((name): Step => ({ op: 'open', name, write: true, lock: undefined }));
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);

function found(recording: RecordingStorage, point = recording.operations.length): Set<Tree> {
  return new Set([...crashStates(recording, point, ALL)].map((state) => contentOf(state.storage)));
}

t.test('the states of a small recording are those of the model by brute force', (t) => {
  let [compared, most] = [0, 0];
  fc.assert(
    fc.property(fc.array(step, { maxLength: 7 }), (steps) => {
      const recording = new RecordingStorage([
        ['a', bytes(700, 7)],
        ['d/b', 600],
      ]);
      const storage = storageOf(recording);
      for (const step of [...OPENED, ...steps]) storage.run(step);
      for (let point = 0; point <= recording.operations.length; point++) {
        const expected = bruteForce(recording, point, 2000);
        if (expected === null) continue;
        const states = [...crashStates(recording, point, ALL)];
        const trees = states.map((state) => contentOf(state.storage));
        compared += trees.length;
        most = Math.max(most, trees.length);
        if (new Set(states.map(({ key }) => key)).size !== new Set(trees).size) return false;
        if (trees.length !== expected.size || trees.some((tree) => !expected.has(tree))) return false;
      }
      return true;
    }),
    { numRuns: 300 },
  );
  t.comment(`${compared} states, up to ${most} at a point`);
  t.ok(most > 50, 'and some have many');
  t.end();
});

t.test('what was flushed survives', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(step, { maxLength: 4 }), (before, after) => {
      const recording = new RecordingStorage([['d/b', bytes(1500, 3)]]);
      const storage = storageOf(recording);
      for (const step of [...OPENED, ...before]) storage.run(step);
      for (const [name] of recording.files()) recording.open(name).flush();
      for (const name of ['a', 'd/b']) recording.flushDirectory(name);
      const durable = contentOf(recording);
      const flushed = recording.operations.length;
      if (![...crashStates(recording, flushed, ALL)].every(({ storage }) => contentOf(storage) === durable)) {
        return false;
      }
      // Whatever begins afterwards, to have lost all of it is one of the states.
      for (const step of after) if (step.op !== 'flush' && step.op !== 'flushDirectory') storage.run(step);
      const [first] = crashStates(recording, recording.operations.length, { seed: 1, samples: 0 });
      return contentOf(first!.storage) === durable;
    }),
  );
  t.end();
});

t.test(
  'a sector is whole, a write of several is torn, a later one may be there without an earlier one',
  (t) => {
    const recording = new RecordingStorage([['f', bytes(1024, 1)]]);
    const file = recording.open('f', { write: true });
    file.write(0, bytes(1024, 2));
    t.equal(found(recording).size, 4);
    file.write(512, bytes(100, 3));
    t.equal(found(recording).size, 6);
    file.flush();
    t.equal(found(recording).size, 1);
    t.equal(found(recording, 1).size, 4, 'a flush that was going on is not done');
    t.end();
  },
);

t.test('the end of a file that grows', (t) => {
  const recording = new RecordingStorage([['f', bytes(100, 1)]]);
  const file = recording.open('f', { write: true });
  file.write(100, bytes(1000, 2));
  const sizes = [...crashStates(recording, 1, ALL)].map(({ storage }) => storage.open('f').size);
  t.same([...new Set(sizes)].sort(), [100, 1024, 1100, 512]);
  const [lost] = crashStates(recording, 1, ALL);
  const tree = lost!.storage;
  tree.open('f', { write: true }).truncate(1100);
  const tail = bytes(1000, 9);
  tree.open('f').read(100, tail);
  t.ok(
    tail.every((byte) => byte === 0),
    'what lay past the end does not come back',
  );
  t.end();
});

t.test('a name is durable by its directory, and by that alone', (t) => {
  const recording = new RecordingStorage();
  const file = recording.create('d/f');
  file.write(0, bytes(10, 1));
  file.flush();
  const kinds = (): unknown =>
    [...crashStates(recording, recording.operations.length, ALL)].map(({ storage }) => storage.kind('d/f'));
  t.same(kinds(), [null, 'file']);
  recording.flushDirectory('other');
  t.same(kinds(), [null, 'file']);
  recording.flushDirectory('d/anything');
  t.same(kinds(), ['file']);
  t.end();
});

/** Writes `to` anew; the steps that a caller may leave out are those people forget. */
function replace(storage: RecordingStorage, to: string, content: Uint8Array, without?: string): void {
  const file = storage.create(`${to}.new`);
  file.write(0, content);
  if (without !== 'flush') file.flush();
  file.close();
  storage.rename(`${to}.new`, to);
  if (without !== 'flush of the directory') storage.flushDirectory(to);
  storage.mark('replaced');
}

t.test('a file replaced by rename is the old one or the new one', (t) => {
  const [old, new_] = [bytes(1300, 1), bytes(900, 2)];
  const wrong = (without?: string): string[] => {
    const recording = new RecordingStorage([['f', old]]);
    replace(recording, 'f', new_, without);
    const reports: string[] = [];
    for (const state of everyCrash(recording, ALL)) {
      const allowed = state.marks.length > 0 ? [new_] : [old, new_];
      const { storage } = state;
      const content = storage.kind('f') === 'file' ? contentOf(storage, ['f']) : 'missing';
      if (!allowed.some((one) => content === contentOf(new RecordingStorage([['f', one]])))) {
        reports.push(state.describe());
      }
    }
    return reports;
  };
  t.same(wrong(), [], 'always');
  t.not(wrong('flush').length, 0, 'torn when the new one was not flushed');
  t.not(wrong('flush of the directory').length, 0, 'old again when the directory was not flushed');
  const [report] = wrong('flush');
  t.equal(
    report,
    [
      'crash after 3 of 4 operations, the last: #3 rename f.new to f',
      '  name f, is f.new (file 1): of #3 rename f.new to f',
      '  name f.new, missing: as last flushed; lost: #1, #3',
      '  size of f.new (file 1), 0 bytes: as last flushed; lost: #2',
      '  bytes 0 to 511 of f.new (file 1): as last flushed; lost: #2',
      '  bytes 512 to 1023 of f.new (file 1): as last flushed; lost: #2',
    ].join('\n'),
  );
  t.end();
});

t.test('both names of a renamed file are one file', (t) => {
  const recording = new RecordingStorage([['a', bytes(10, 1)]]);
  recording.rename('a', 'b');
  const states = [...crashStates(recording, 1, ALL)].map(({ storage }) => storage);
  const names = states.map((storage) =>
    storage
      .files()
      .map(([name]) => name)
      .join(' '),
  );
  t.same(names.sort(), ['', 'a', 'a b', 'b']);
  const both = states.find((storage) => storage.files().length === 2)!;
  both.open('a', { write: true }).write(0, bytes(5, 9));
  t.equal(contentOf(both, ['a']).replace('"a"', '"b"'), contentOf(both, ['b']));
  t.end();
});

t.test('states do not see what is written to each other, nor does the recording', (t) => {
  const recording = new RecordingStorage([['f', bytes(2000, 1)]]);
  recording.open('f', { write: true }).write(0, bytes(1000, 2));
  const before = found(recording);
  for (const { storage } of crashStates(recording, 1, ALL)) {
    const file = storage.open('f', { write: true });
    file.write(0, bytes(3000, 8));
    file.truncate(0);
  }
  t.same(found(recording), before);
  t.end();
});

t.test('a point with many choices is sampled, the same way for the same seed', (t) => {
  const recording = new RecordingStorage([['f', bytes(64 * 512, 1)]]);
  recording.open('f', { write: true }).write(0, bytes(64 * 512, 2));
  const sample = (seed: number) =>
    [...crashStates(recording, 1, { seed, samples: 50 })].map(({ key }) => key);
  t.same(sample(1), sample(1));
  t.not(JSON.stringify(sample(1)), JSON.stringify(sample(2)));
  const counts = noCrashes();
  const fresh = [...crashStates(recording, 1, { seed: 3, samples: 0 }, counts)].map(({ storage }) => {
    const all = bytes(64 * 512, 0);
    storage.open('f').read(0, all);
    return all.filter((byte) => byte === 2).length / 512;
  });
  const expected = [0, 64, ...Array(64).fill(1), ...Array(64).fill(63)];
  t.same(fresh.sort(), expected.sort(), 'nothing, everything, one alone, all but one');
  t.same(counts, { states: 130, repeated: 2, exhaustivePoints: 0, sampledPoints: 1 });
  t.end();
});

t.test('a state is given out once, and again after a mark', (t) => {
  const recording = new RecordingStorage([['f', bytes(512, 1)]]);
  const file = recording.open('f', { write: true });
  file.write(0, bytes(512, 2));
  file.flush();
  const counts = noCrashes();
  t.same(
    [...everyCrash(recording, { seed: 1 }, counts)].map(({ point }) => point),
    [0, 1],
  );
  t.same(counts, { states: 2, repeated: 2, exhaustivePoints: 3, sampledPoints: 0 });
  recording.mark('flushed');
  t.same(
    [...everyCrash(recording, { seed: 1 })].map(({ point, marks }) => [point, marks.length]),
    [
      [0, 0],
      [1, 0],
      [2, 1],
    ],
  );
  t.throws(() => [...crashStates(recording, 3, { seed: 1 })], /points 0 to 2/);
  t.end();
});

t.test('a recovery can be recorded over a state, and crash in its turn', (t) => {
  const first = new RecordingStorage([['f', bytes(1024, 1)]]);
  first.open('f', { write: true }).write(0, bytes(1024, 2));
  let states = 0;
  for (const { storage } of crashStates(first, 1, ALL)) {
    const second = new RecordingStorage(storage.files());
    const file = second.open('f', { write: true });
    file.write(0, bytes(1024, 2));
    file.flush();
    for (const _ of everyCrash(second, ALL)) states += 1;
  }
  t.equal(states, 4 + 2 + 2 + 1);
  t.end();
});

import fc from 'fast-check';
import t from 'tap';
import { MemoryStorage } from './memory-storage.js';
import { describeOperation, RecordingStorage } from './recording.js';
import { expectSame, step, storageOf } from './recording-for-tests.js';

const START = [
  ['a', new Uint8Array(700).fill(7)],
  ['d/b', 2000],
] as const;

function recorded(): RecordingStorage {
  return new RecordingStorage(START);
}

function remembered(): MemoryStorage {
  const storage = new MemoryStorage();
  for (const [name, content] of START) storage.put(name, content);
  return storage;
}

t.test('what is recorded behaves as what is only remembered', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const [one, other] = [storageOf(recorded()), storageOf(remembered())];
      for (const step of steps) expectSame(one.run(step), other.run(step));
      expectSame(one.look(), other.look());
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('the recording, done again from its start, gives the same files', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const storage = recorded();
      const one = storageOf(storage);
      for (const step of steps) one.run(step);
      const again = new RecordingStorage(storage.start);
      repeat(storage, again);
      expectSame(storageOf(again).look(), one.look());
      // All but the names: what is opened by another name is the same file.
      const nameless = (one: RecordingStorage) =>
        one.operations.map((operation) => ({
          ...operation,
          name: operation.file === null ? operation.name : '',
        }));
      expectSame(nameless(again), nameless(storage));
    }),
    { numRuns: 200 },
  );
  t.end();
});

/** Does the operations of one recording to another storage with the same start. */
function repeat(from: RecordingStorage, to: RecordingStorage): void {
  // A file may have lost its name by the time it is used: opened as soon as there is one.
  const files = new Map(to.start.map(([name], id) => [id, to.open(name, { write: true })]));
  for (const operation of from.operations) {
    const file = operation.file === null ? undefined : files.get(operation.file);
    if (operation.op === 'create') files.set(operation.file!, to.create(operation.name));
    else if (operation.op === 'rename') to.rename(operation.name, operation.to);
    else if (operation.op === 'remove') to.remove(operation.name);
    else if (operation.op === 'flush-directory') to.flushDirectory(operation.name);
    else if (operation.op === 'write') file!.write(operation.offset, operation.bytes);
    else if (operation.op === 'zero') file!.zero(operation.offset, operation.length);
    else if (operation.op === 'truncate') file!.truncate(operation.size);
    else file!.flush();
  }
}

t.test('a recording in words', (t) => {
  const storage = recorded();
  const file = storage.create('./d/new');
  const bytes = new Uint8Array([1, 2, 3]);
  file.write(5, bytes);
  bytes.fill(0);
  storage.mark('guest write 1 returned');
  file.zero(6, 1);
  file.truncate(4096);
  file.flush();
  storage.rename('d/new', 'd/b');
  storage.flushDirectory('d/b');
  storage.open('d/b').read(0, new Uint8Array(10));
  storage.remove('a');
  t.same(
    storage.operations.map((operation, i) => describeOperation(i + 1, operation)),
    [
      '#1 create d/new',
      '#2 write d/new, 3 bytes at 5',
      '#3 zero d/new, 1 bytes at 6',
      '#4 truncate d/new to 4096 bytes',
      '#5 flush d/new',
      '#6 rename d/new to d/b',
      '#7 flush the directory of d/b',
      '#8 remove a',
    ],
  );
  t.same(storage.marks, [{ at: 2, label: 'guest write 1 returned' }]);
  const [, write] = storage.operations;
  t.ok(write?.op === 'write' && write.bytes[0] === 1, 'the bytes are those of the moment of the write');
  t.same(
    storage.operations.map(({ file }) => file),
    [2, 2, 2, 2, 2, 2, null, 0],
  );
  t.end();
});

t.test('what is refused is not recorded', (t) => {
  const storage = recorded();
  t.throws(() => storage.open('a').write(0, new Uint8Array(1)), /: EROFS$/);
  t.throws(() => storage.create('a'), /: EEXIST$/);
  t.throws(() => storage.rename('c', 'a'), /: ENOENT$/);
  t.throws(() => storage.remove('c'), /: ENOENT$/);
  t.same(storage.operations, []);
  t.end();
});

t.test('a recording over the files of another tree leaves that tree alone', (t) => {
  const first = recorded();
  const second = new RecordingStorage(first.files());
  second.open('a', { write: true }).write(0, new Uint8Array(700));
  const found = new Uint8Array(1);
  first.open('a').read(0, found);
  t.equal(found[0], 7);
  second.start[0]![1].read(0, found);
  t.equal(found[0], 7, 'nor does its own start change');
  t.end();
});

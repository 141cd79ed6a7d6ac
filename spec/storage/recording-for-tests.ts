/** Random work on any storage with the files `a` and `d/b`, told as plain values, for comparing two storages. */
import fc from 'fast-check';
import { type Storage, StorageError, type StorageFile } from './storage.js';

const NAMES = ['a', 'd/b', 'd/c', 'd'];

const name = fc.constantFrom(...NAMES);
const offset = fc.oneof(fc.integer({ min: 0, max: 3000 }), fc.constantFrom(0, 511, 512, 513, 1024));
const length = fc.oneof(fc.integer({ min: 0, max: 1500 }), fc.constantFrom(0, 1, 512));
/** Which of the files opened so far. */
const file = fc.nat({ max: 5 });

export const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ op: fc.constant('create' as const), name }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('open' as const),
      name,
      write: fc.integer({ min: 0, max: 3 }).map((n) => n > 0),
      lock: fc.constantFrom(undefined, undefined, 'exclusive' as const, 'shared' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('write' as const),
      file,
      offset,
      length,
      fill: fc.integer({ min: 0, max: 255 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('zero' as const), file, offset, length }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('truncate' as const), file, size: offset }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('read' as const), file, offset, length }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('flush' as const), file }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('close' as const), file }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('rename' as const), name, to: name }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('remove' as const), name }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('flushDirectory' as const), name }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('kind' as const), name }) },
);

export type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** Steps done to a storage; what is answered, or the errno. */
export function storageOf(storage: Storage): { run(step: Step): unknown; look(): unknown; close(): void } {
  const opened: (StorageFile | null)[] = [];
  const run = (step: Step): unknown => {
    try {
      return doStep(storage, opened, step);
    } catch (error) {
      if (error instanceof StorageError) return `${error.errno} ${error.file}`;
      throw error;
    }
  };
  const close = (): void => {
    for (const file of opened) file?.close();
  };
  return { run, look: () => NAMES.map((name) => [name, lookAt(storage, name)]), close };
}

function doStep(storage: Storage, opened: (StorageFile | null)[], step: Step): unknown {
  if (step.op === 'create') return void opened.push(storage.create(step.name));
  if (step.op === 'open') {
    const mode = { write: step.write, ...(step.lock === undefined ? {} : { lock: step.lock }) };
    return void opened.push(storage.open(step.name, mode));
  }
  if (step.op === 'rename') return storage.rename(step.name, step.to);
  if (step.op === 'remove') return storage.remove(step.name);
  if (step.op === 'flushDirectory') return storage.flushDirectory(step.name);
  if (step.op === 'kind') return storage.kind(step.name);
  const place = opened.length === 0 ? 0 : step.file % opened.length;
  const file = opened[place];
  if (file === undefined || file === null) return 'not open';
  if (step.op === 'close') opened[place] = null;
  return useFile(file, step);
}

function useFile(file: StorageFile, step: Extract<Step, { file: number }>): unknown {
  if (step.op === 'write') file.write(step.offset, new Uint8Array(step.length).fill(step.fill));
  else if (step.op === 'zero') file.zero(step.offset, step.length);
  else if (step.op === 'truncate') file.truncate(step.size);
  else if (step.op === 'flush') file.flush();
  else if (step.op === 'close') return file.close();
  else {
    const into = new Uint8Array(step.length).fill(99);
    file.read(step.offset, into);
    return Buffer.from(into).toString('hex');
  }
  return file.size;
}

function lookAt(storage: Storage, name: string): unknown {
  const kind = storage.kind(name);
  if (kind !== 'file') return kind;
  const file = storage.open(name);
  const bytes = new Uint8Array(file.size);
  file.read(0, bytes);
  file.close();
  return Buffer.from(bytes).toString('hex');
}

/** @throws Error that shows both, for use inside a property */
export function expectSame(one: unknown, other: unknown): void {
  const [left, right] = [JSON.stringify(one), JSON.stringify(other)];
  if (left !== right) throw new Error(`${left}\nis not\n${right}`);
}

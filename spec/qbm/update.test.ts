import t from 'tap';
import { MemoryStorage } from '../storage/memory-storage.js';
import { type OpenMode, StorageError, type StorageFile } from '../storage/storage.js';
import { contentIn, imageOf, NoWrites, PLAIN, refusalOf } from './image-for-tests.js';
import { MAX_DESCRIPTOR_BYTES } from './limits.js';
import { DescriptorFile } from './update.js';

const open = (storage: MemoryStorage, lock: 'exclusive' | 'shared' = 'exclusive'): DescriptorFile =>
  DescriptorFile.open(storage, 'disk.qbm', lock);
const textIn = (storage: MemoryStorage): string => new TextDecoder().decode(contentIn(storage, 'disk.qbm'));

/** Says in which order things happened. */
class Told extends MemoryStorage {
  readonly told: string[] = [];

  override open(name: string, mode: OpenMode = {}): StorageFile {
    return this.#telling(name, super.open(name, mode));
  }
  override create(name: string): StorageFile {
    this.told.push(`create ${name}`);
    return this.#telling(name, super.create(name));
  }
  override rename(from: string, to: string): void {
    this.told.push(`rename ${from} ${to}`);
    super.rename(from, to);
  }
  override remove(name: string): void {
    this.told.push(`remove ${name}`);
    super.remove(name);
  }
  override flushDirectory(name: string): void {
    this.told.push(`flush directory of ${name}`);
  }
  #telling(name: string, file: StorageFile): StorageFile {
    const { told } = this;
    return {
      get size() {
        return file.size;
      },
      read: (at, into) => file.read(at, into),
      write: (at, bytes) => {
        told.push(`write ${name}`);
        file.write(at, bytes);
      },
      zero: (at, length) => file.zero(at, length),
      truncate: (size) => file.truncate(size),
      flush: () => {
        told.push(`flush ${name}`);
        file.flush();
      },
      close: () => file.close(),
    };
  }
}

t.test('QBM-035: the order of a replacement', (t) => {
  const storage = new Told();
  storage.put('disk.qbm', Uint8Array.of(0x31));
  storage.put('disk.qbm.new', 7);
  const file = open(storage);
  t.same(storage.told, [], 'QBM-038: opening changes nothing');
  file.replace('two');
  t.same(storage.told, [
    'remove disk.qbm.new',
    'create disk.qbm.new',
    'write disk.qbm.new',
    'flush disk.qbm.new',
    'rename disk.qbm.new disk.qbm',
    'flush directory of disk.qbm',
  ]);
  t.equal(textIn(storage), 'two');
  t.equal(new TextDecoder().decode(file.content), 'two');
  file.close();
  t.end();
});

t.test('QBM-032: one writer or many readers, also after replacements', (t) => {
  const storage = imageOf(PLAIN);
  const [one, two] = [open(storage, 'shared'), open(storage, 'shared')];
  t.equal(
    refusalOf(() => open(storage)),
    'QBM-E-LOCKED',
  );
  t.throws(() => one.replace('x'), /opened for reading/);
  one.close();
  two.close();
  const writer = open(storage);
  for (const text of ['1', '2', '3']) {
    writer.replace(text);
    for (const lock of ['exclusive', 'shared'] as const)
      t.equal(
        refusalOf(() => open(storage, lock)),
        'QBM-E-LOCKED',
        text,
      );
  }
  writer.close();
  const next = open(storage);
  t.equal(new TextDecoder().decode(next.content), '3');
  next.close();
  t.end();
});

t.test('QBM-032: who waited at the old file looks again', (t) => {
  let races = 0;
  /** Each time the lock was got, the name is given to another file. */
  class Racing extends MemoryStorage {
    override open(name: string, mode: OpenMode = {}): StorageFile {
      const file = super.open(name, mode);
      if (mode.lock !== undefined && races-- > 0) this.put(name, Uint8Array.of(races));
      return file;
    }
  }
  const storage = new Racing();
  storage.put('disk.qbm', Uint8Array.of(0xff));
  races = 3;
  t.same([...open(storage).content], [0]);
  races = 1000;
  t.equal(
    refusalOf(() => open(storage)),
    'QBM-E-LOCKED',
  );
  t.end();
});

t.test('QBM-035: a replacement that fails leaves the old descriptor and the lock', (t) => {
  let left = 0;
  class Failing extends MemoryStorage {
    override rename(from: string, to: string): void {
      if (left-- > 0) throw new StorageError('EIO', to);
      super.rename(from, to);
    }
  }
  const storage = new Failing();
  storage.put('disk.qbm', Uint8Array.of(0x31));
  const file = open(storage);
  left = 1;
  t.equal(
    refusalOf(() => file.replace('two')),
    'QBM-E-STORAGE',
  );
  t.equal(textIn(storage), '1');
  t.equal(
    refusalOf(() => open(storage)),
    'QBM-E-LOCKED',
  );
  file.replace('three');
  t.equal(textIn(storage), 'three');
  file.close();
  open(storage).close();
  t.end();
});

t.test('QBM-023: a descriptor is made where none is', (t) => {
  const storage = new MemoryStorage();
  const file = DescriptorFile.create(storage, 'disk.qbm', 'one');
  t.equal(
    refusalOf(() => open(storage, 'shared')),
    'QBM-E-LOCKED',
  );
  file.replace('two');
  file.close();
  t.equal(
    refusalOf(() => DescriptorFile.create(storage, 'disk.qbm', 'x')),
    'QBM-E-EXISTS',
  );
  t.equal(textIn(storage), 'two');
  t.equal(storage.kind('disk.qbm.new'), null);
  t.end();
});

t.test('QBM-003: a descriptor of 2 GiB is refused by its length', (t) => {
  const storage = new MemoryStorage();
  storage.put('disk.qbm', 2 ** 31);
  const from = performance.now();
  t.equal(
    refusalOf(() => DescriptorFile.open(new NoWrites(storage), 'disk.qbm', 'shared')),
    'QBM-E-TOO-LONG',
  );
  t.ok(performance.now() - from < 1000, 'without being read');
  storage.put('disk.qbm', MAX_DESCRIPTOR_BYTES);
  open(storage).close();
  t.equal(
    refusalOf(() => open(new MemoryStorage())),
    'QBM-E-NO-FILE',
  );
  t.end();
});

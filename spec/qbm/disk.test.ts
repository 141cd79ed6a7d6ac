/** Locks, links and files that are no files, on a real disk. */
import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DirectoryStorage } from '../host/directory-storage.js';
import { checkImage } from './check/check.js';
import { repairImage } from './check/repair.js';
import { imageRef } from './descriptor.js';
import { checkFiles } from './files.js';
import { CHECK, contentIn, NoWrites, PLAIN, refusalOf, SIZE, withB0 } from './image-for-tests.js';
import { readDescriptor } from './read-descriptor.js';
import { DescriptorFile } from './update.js';
import { writeDescriptor } from './write-descriptor.js';

function openTo(storage: DirectoryStorage, name = 'disk.qbm'): string {
  const guarded = new NoWrites(storage);
  return refusalOf(() => {
    const file = DescriptorFile.open(guarded, name, 'exclusive');
    try {
      checkFiles(guarded, name, readDescriptor(file.content, { trust: 'stranger', file: name }), CHECK);
    } finally {
      file.close();
    }
  });
}

function imageIn(directory: string, what = PLAIN): DirectoryStorage {
  const put = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(directory, name), content);
  put('disk.qbm', writeDescriptor(what, 'disk.qbm'));
  put('disk.data', new Uint8Array(SIZE));
  put('b0', Uint8Array.of(0x05, 0x02));
  return new DirectoryStorage(directory);
}

t.test('QBM-032, QBM-035: replacements keep the lock, and leave nothing behind', (t) => {
  const directory = t.testdir({});
  const storage = imageIn(directory);
  const before = readdirSync(directory);
  const writer = DescriptorFile.open(storage, 'disk.qbm', 'exclusive');
  for (const text of ['one', 'two', 'three']) {
    writer.replace(text);
    t.equal(
      refusalOf(() => DescriptorFile.open(storage, 'disk.qbm', 'shared')),
      'QBM-E-LOCKED',
    );
  }
  writer.close();
  t.same(readdirSync(directory), before);
  t.equal(new TextDecoder().decode(contentIn(storage, 'disk.qbm')), 'three');
  const made = DescriptorFile.create(storage, 'new.qbm', 'one');
  t.equal(openTo(storage, 'new.qbm'), 'QBM-E-LOCKED');
  made.replace('two');
  t.equal(openTo(storage, 'new.qbm'), 'QBM-E-LOCKED');
  made.close();
  t.end();
});

t.test('QBM-040: links, FIFOs and devices', (t) => {
  const directory = t.testdir({});
  const storage = imageIn(directory);
  const at = (name: string): string => join(directory, name);
  t.equal(openTo(storage), 'ok');
  renameSync(at('disk.data'), at('real'));
  symlinkSync('real', at('disk.data'));
  t.equal(openTo(storage), 'QBM-E-NOT-REGULAR', 'a symbolic link');
  rmSync(at('disk.data'));
  execFileSync('mkfifo', [at('disk.data')]);
  t.equal(openTo(storage), 'QBM-E-NOT-REGULAR', 'a FIFO');
  rmSync(at('disk.data'));
  mkdirSync(at('disk.data'));
  t.equal(openTo(storage), 'QBM-E-NOT-REGULAR', 'a directory');
  rmSync(at('disk.data'), { recursive: true });
  linkSync(at('real'), at('disk.data'));
  t.equal(openTo(storage), 'ok', 'a hard link is a file');
  symlinkSync('disk.qbm', at('link.qbm'));
  t.equal(openTo(storage, 'link.qbm'), 'QBM-E-NOT-REGULAR', 'the descriptor');
  mkdirSync(at('sub'));
  symlinkSync('.', at('sub/here'));
  writeFileSync(at('sub/data'), new Uint8Array(SIZE));
  for (const [file, expected] of [
    ['sub/data', 'ok'],
    ['sub/here/data', 'QBM-E-TRUST'],
    ['disk.data/x', 'QBM-E-TRUST'],
    ['none/x', 'QBM-E-NO-FILE'],
  ] as const) {
    writeFileSync(at('disk.qbm'), writeDescriptor({ ...PLAIN, image: imageRef(file, 'raw') }, 'disk.qbm'));
    t.equal(openTo(storage), expected, file);
  }
  t.end();
});

t.test('QBM-042, QBM-043: check and repair', (t) => {
  const directory = t.testdir({});
  const storage = imageIn(directory, withB0(PLAIN, { inconsistent: true }));
  rmSync(join(directory, 'b0'));
  t.match(checkImage(new NoWrites(storage), 'disk.qbm', CHECK), [{ id: 'QBM-C-INCONSISTENT' }]);
  t.match(repairImage(storage, 'disk.qbm', CHECK), { left: [] });
  t.same(checkImage(new NoWrites(storage), 'disk.qbm', CHECK), []);
  t.same([...contentIn(storage, 'b0')], [0xff, 0x03]);
  t.end();
});

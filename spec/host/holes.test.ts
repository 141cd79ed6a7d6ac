import { closeSync, ftruncateSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { DirectoryStorage } from './directory-storage.js';
import { directoryFor } from './directory-storage-for-tests.js';
import { extentAt, knowsHoles, punchHole } from './holes.js';

const skip = !knowsHoles() && 'koffi is not installed, or this is not Linux';
const MiB = 2 ** 20;

t.test('REF-064: holes of a sparse file are found', { skip }, (t) => {
  const fd = openSync(join(directoryFor(t), 'f'), 'w+');
  t.teardown(() => closeSync(fd));
  const size = 2 ** 40;
  ftruncateSync(fd, size);
  writeSync(fd, Buffer.alloc(MiB, 1), 0, MiB, 2 ** 30);
  t.same(extentAt(fd, 0, size), { isHole: true, end: 2 ** 30 });
  t.same(extentAt(fd, 2 ** 30, size), { isHole: false, end: 2 ** 30 + MiB });
  t.same(extentAt(fd, 2 ** 30 + MiB, size), { isHole: true, end: size });
  t.same(extentAt(fd, 5, 10), { isHole: true, end: 10 }, 'not beyond what was asked');
  t.end();
});

t.test('a range is made a hole, and nothing else changes', { skip }, (t) => {
  const root = directoryFor(t);
  const storage = new DirectoryStorage(root);
  const file = storage.create('f');
  file.write(0, new Uint8Array(2 * MiB).fill(1));
  const before = statSync(join(root, 'f')).blocks;
  file.zero(MiB + 100, MiB);
  t.equal(file.size, 2 * MiB);
  t.ok(statSync(join(root, 'f')).blocks < before, 'the room is given back');
  const bytes = new Uint8Array(2 * MiB);
  file.read(0, bytes);
  t.equal(bytes.lastIndexOf(1), MiB + 99);
  t.equal(bytes.indexOf(0), MiB + 100);
  file.close();
  const reader = openSync(join(root, 'f'), 'r');
  t.notOk(punchHole(reader, 0, MiB), 'who may not write is told so');
  closeSync(reader);
  t.end();
});

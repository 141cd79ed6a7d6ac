import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { makeDirectory } from './directory.js';

t.test('makes what is missing, and takes what is there', (t) => {
  const dir = t.testdir({});
  makeDirectory(join(dir, 'a', 'b'));
  makeDirectory(join(dir, 'a', 'b'));
  t.ok(statSync(join(dir, 'a', 'b')).isDirectory());
  t.end();
});

t.test('ends where a directory cannot be made', (t) => {
  const dir = t.testdir({});
  writeFileSync(join(dir, 'file'), '');
  t.throws(() => makeDirectory(join(dir, 'file')), { code: 'EEXIST' });
  t.throws(() => makeDirectory(join(dir, 'file', 'below')), { code: 'ENOTDIR' });
  t.throws(() => makeDirectory('/proc/qbm-is-not-here/below'));
  t.end();
});

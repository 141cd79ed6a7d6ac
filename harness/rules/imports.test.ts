import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { filesBelow } from './scan.js';

const ROOT = packageRoot();

/** What a part of spec/ may import besides itself: C1, `host` → `qmp` → `job`, `nbd`, `io` → `block` → `bitmap` → `storage`. */
const BELOW: { readonly [part: string]: readonly string[] } = {
  storage: [],
  json: [],
  bitmap: ['storage'],
  qbm: ['bitmap', 'storage', 'json'],
  block: ['qbm', 'bitmap', 'storage', 'json'],
  io: ['block', 'qbm', 'bitmap', 'storage', 'json'],
  nbd: ['block', 'qbm', 'bitmap', 'storage', 'json'],
  job: ['block', 'qbm', 'bitmap', 'storage', 'json'],
  qmp: ['job', 'nbd', 'io', 'block', 'qbm', 'bitmap', 'storage', 'json'],
  host: ['io', 'qmp', 'job', 'nbd', 'block', 'qbm', 'bitmap', 'storage', 'json'],
};

/** Files that belong to tests without being one. */
const FOR_TESTS = /-for-tests\.ts$/;

interface Import {
  readonly file: string;
  readonly from: string;
}

function importsOf(directory: string): Import[] {
  return filesBelow(join(ROOT, directory), '.ts')
    .filter((file) => !FOR_TESTS.test(file))
    .flatMap((path) =>
      [...readFileSync(path, 'utf8').matchAll(/(?:from|import)\s*\(?\s*'([^'{}]+)'/g)].map(([, target]) => ({
        file: relative(ROOT, path),
        from: target!.startsWith('.') ? relative(ROOT, join(dirname(path), target!)) : target!,
      })),
    );
}

t.test('the specification imports nothing of the harness, and nothing of Node outside host (C1)', (t) => {
  const imports = importsOf('spec');
  t.ok(imports.length > 100, 'imports were found at all');
  const wrong = imports.filter(({ file, from }) => {
    if (from.startsWith('spec/')) return false;
    return !(from.startsWith('node:') && file.startsWith('spec/host/'));
  });
  t.same(wrong, []);
  t.end();
});

t.test('within the specification imports go one way (C1)', (t) => {
  const wrong = importsOf('spec').filter(({ file, from }) => {
    if (!from.startsWith('spec/')) return false;
    const [, part, more] = file.split('/');
    const [, used, usedMore] = from.split('/');
    // spec/refusal.ts, which every part throws
    if (usedMore === undefined || more === undefined || part === used) return false;
    return !(BELOW[part!]?.includes(used!) ?? false);
  });
  t.same(wrong, []);
  t.end();
});

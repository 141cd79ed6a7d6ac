import { join } from 'node:path';
import t from 'tap';
import { loadSuite } from '../../case/load/load.js';
import { ProblemError } from '../../case/load/problem.js';
import { packageRoot, places } from '../../cli/environment.js';
import { makeSignature } from '../finding/signature.js';
import { parseHistory } from '../history-text.js';
import { KNOWN } from '../known/known.js';
import { Known, type KnownEntry, knownText, readKnown } from './known.js';

const FILE = join(packageRoot(), 'harness', 'fuzz', 'known.yaml');

t.test('the list of the package is one, as it would be written, and names cases that are there', (t) => {
  const entries = readKnown(FILE);
  const dir = t.testdir({ 'known.yaml': knownText(entries) });
  t.same(readKnown(join(dir, 'known.yaml')), entries);
  t.doesNotThrow(() => new Known(entries, places({}).cases, 'qemu-storage-daemon 7.2.22', '7.2.22'));
  t.end();
});

t.test('what histories are steered around is shown by a case or a rule', (t) => {
  const ids = new Set(loadSuite(places({}).cases).cases.map(({ id }) => id));
  for (const { name, shownBy } of KNOWN) t.ok(ids.has(shownBy) || /^[A-Z]{3}-\d{3}$/.test(shownBy), name);
  t.end();
});

const ENTRY: KnownEntry = {
  case: 'bitmap/merge-empty-list',
  state: 'known',
  program: 'qemu-',
  versions: ['7.2'],
  kind: 'crash',
  what: 'SIGSEGV',
  link: 'https://example.org/1',
  steps: parseHistory(
    'property: x\nformat: raw\nsteps:\n  - qmp: {block-dirty-bitmap-merge: {node: d, target: b, bitmaps: []}}\n',
    'x',
  ).steps,
};

const MERGE = parseHistory(
  'property: x\nformat: raw\nsteps:\n  - observe: q\n  - qmp: {block-dirty-bitmap-merge: {node: q, target: r, bitmaps: []}}\n',
  'x',
).steps;

t.test('known is what shows alike, is set off alike, and on such a program', (t) => {
  const { cases } = places({});
  const crash = makeSignature('crash', 'anywhere', 'SIGSEGV');
  const find = (entry: KnownEntry, program: string, version: string, signature = crash): string | undefined =>
    new Known([entry], cases, program, version).find(signature, MERGE)?.case;
  t.equal(find(ENTRY, 'qemu-storage-daemon 7.2.22', '7.2.22'), ENTRY.case);
  t.equal(find(ENTRY, 'qemu-storage-daemon 10.0.2', '10.0.2'), undefined, 'another version');
  t.equal(find({ ...ENTRY, versions: [] }, 'qemu-system-x86_64 10.0.2', '10.0.2'), ENTRY.case);
  t.equal(find({ ...ENTRY, versions: ['7.20'] }, 'qemu-img 7.2.0', '7.2.0'), undefined);
  t.equal(find(ENTRY, 'node 7.2.22', '7.2.22'), undefined, 'another program');
  t.equal(find(ENTRY, 'qemu- 7.2.1', '7.2.1', makeSignature('hang', 'x', 'SIGSEGV')), undefined);
  t.equal(find({ ...ENTRY, state: 'fixed' }, 'qemu- 7.2.1', '7.2.1'), ENTRY.case, 'it was there then');
  t.equal(find({ ...ENTRY, state: 'fixed', versions: [] }, 'qemu- 9', '9'), undefined, 'it should not be');
  t.throws(() => new Known([{ ...ENTRY, case: 'bitmap/gone' }], cases, 'qemu- 7.2.1', '7.2.1'), ProblemError);
  t.end();
});

t.test('a list is written as it is read; mistakes in it are named', (t) => {
  const dir = t.testdir({ 'good.yaml': knownText([ENTRY, { ...ENTRY, case: 'a/b', steps: undefined }]) });
  const read = readKnown(join(dir, 'good.yaml'));
  t.match(read, [
    { case: 'a/b', steps: undefined },
    { case: ENTRY.case, link: ENTRY.link },
  ]);
  t.same(
    read[1]!.steps!.map(({ action }) => action),
    ENTRY.steps!.map(({ action }) => action),
  );
  t.same(readKnown(join(dir, 'nothing.yaml')), []);
  for (const [text, message] of [
    ['a: 1', /a list of known findings/],
    ['- {case: a, program: q, kind: crash, what: x, other: 1}', /unknown member "other"/],
    ['- {case: a, kind: crash, what: x}', /"program" must be a text/],
    ['- {case: a, program: q, kind: crash, what: x, state: old}', /the state is one of known, fixed/],
    ['- {case: a, program: q, kind: crash, what: x, versions: [7.2]}', /versions are a list of texts/],
    ['- [', /./],
  ] as const) {
    const bad = t.testdir({ 'bad.yaml': `${text}\n` });
    try {
      readKnown(join(bad, 'bad.yaml'));
      t.fail(text);
    } catch (error) {
      t.type(error, ProblemError);
      t.match((error as ProblemError).problems[0]!.message, message);
    }
  }
  t.end();
});

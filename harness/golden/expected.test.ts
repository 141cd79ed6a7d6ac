import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { transcriptOf } from '../case/play/transcript.js';
import { packageRoot } from '../cli/environment.js';
import { compare, unifiedBody } from './compare.js';
import { applicable, type ExpectedDeviation, expectedText, parseExpected } from './expected.js';
import { goldenText, parseGolden } from './golden.js';

const entry = (members: Partial<ExpectedDeviation>): ExpectedDeviation => ({
  case: 'a',
  format: undefined,
  versions: [],
  reason: 'because',
  link: undefined,
  hunk: '-a\n+b',
  ...members,
});

t.test('what is written is read', (t) => {
  const line = fc.stringMatching(/^[ +@-][ -~]{0,30}$/);
  const hunk = fc.array(line, { minLength: 1, maxLength: 6 }).map((lines) => lines.join('\n'));
  const reason = fc.stringMatching(/^[!-~]([ -~\n]{0,30}[!-~])?$/);
  fc.assert(
    fc.property(hunk, reason, fc.boolean(), (hunk, reason, more) => {
      const wanted = entry({
        hunk,
        reason,
        ...(more ? { versions: ['7.2', '8'], link: 'https://x/#1', format: 'raw' } : {}),
      });
      t.same(parseExpected(expectedText([wanted]), 'e.yaml'), [wanted]);
    }),
  );
  t.same(parseExpected(expectedText([]), 'e.yaml'), []);
  t.end();
});

t.test('entries are sorted, so that the file changes only where the target does', (t) => {
  const one = expectedText([entry({ case: 'b' }), entry({ case: 'a', format: 'raw' }), entry({ case: 'a' })]);
  const other = expectedText([
    entry({ case: 'a' }),
    entry({ case: 'b' }),
    entry({ case: 'a', format: 'raw' }),
  ]);
  t.equal(one, other);
  t.end();
});

t.test("a new entry in the project's lists changes no line that is there", (t) => {
  for (const target of ['qsd', 'qemu-system']) {
    const before = readFileSync(join(packageRoot(), 'harness', 'target', `${target}.expected.yaml`), 'utf8');
    const entries = parseExpected(before, target);
    t.equal(expectedText(entries, before), before);
    const [one, other] = [entry({ case: 'c' }), entry({ case: 'zzz' })];
    const after = expectedText([...entries, one, other], before);
    const added = [one, other].map((more) => expectedText([more]).split('\n').slice(2).join('\n'));
    t.equal(after.replace(added[0]!, '').replace(added[1]!, ''), before);
    t.same(
      parseExpected(after, target)
        .map((more) => more.case)
        .sort(),
      [...entries, one, other].map((more) => more.case).sort(),
    );
    t.equal(parseExpected(after, target).at(-1)?.case, 'zzz');
  }
  t.throws(() => expectedText([], 'case: a'), /a list of expected deviations was expected/);
  t.end();
});

t.test('badly written lists', (t) => {
  for (const [text, wanted] of [
    ['case: a', /1:1: a list of expected deviations was expected/],
    ['- case: a\n  resaon: x\n  hunk: y\n', /2:3: unknown member "resaon", did you mean "reason"\?/],
    ['- case: a\n  reason: ""\n  hunk: y\n', /2:3: a deviation without a reason/],
    ['- case: a\n  versions: 7.2\n  reason: x\n  hunk: y\n', /2:3: versions are texts/],
    ['- case: a\n  reason: x\n', /1:3: "hunk" is missing/],
    ['- 1\n', /1:3: an entry is an object/],
    ['', /the file is empty/],
  ] as const) {
    t.throws(() => parseExpected(text, 'e.yaml'), wanted);
  }
  t.end();
});

t.test('versions by whole components', (t) => {
  const of = (versions: string[], version: string): number =>
    applicable([entry({ versions })], 'a', 'raw', version).length;
  t.equal(of(['7.2'], '7.2.22'), 1);
  t.equal(of(['7.2'], '7.2'), 1);
  t.equal(of(['7.2'], '7.20.1'), 0);
  t.equal(of(['8', '7'], '7.2.22'), 1);
  t.equal(of([], '1'), 1);
  t.equal(applicable([entry({ format: 'overlay' })], 'a', 'raw', '1').length, 0);
  t.end();
});

t.test('differences', (t) => {
  const lines = (text: string, step = 0) =>
    transcriptOf(text).map((line, index) => ({ ...line, step: step + index }));
  t.equal(compare(transcriptOf('a\nb\n'), lines('a\nb')), null);
  t.same(compare(transcriptOf('a\nb\nc\nd\ne\n'), lines('a\nb\nc\nX\ne\n')), {
    step: 3,
    hunk: ' b\n c\n-d\n+X\n e',
  });
  t.same(compare(transcriptOf('a\nb\n'), lines('a\n')), { step: 0, hunk: ' a\n-b' });
  t.same(compare(transcriptOf(''), lines('a\n')), { step: 0, hunk: '+a' });
  const long = (mark: string): string => `${mark}\n1\n2\n3\n4\n5\n6\n${mark}\n`;
  t.equal(
    unifiedBody(transcriptOf(long('a')), transcriptOf(long('b')), 2),
    '-a\n+b\n 1\n 2\n@@\n 5\n 6\n-a\n+b',
  );
  t.end();
});

t.test('golden files', (t) => {
  const header = { case: 'a', acceptedFrom: 'reference 0.1.0', reason: 'two\nlines' };
  const text = goldenText(header, '# log\n-> x\n');
  t.equal(text, '## case: a\n## accepted from: reference 0.1.0\n## reason: two lines\n# log\n-> x\n');
  t.same(parseGolden(text), {
    header: { ...header, reason: 'two lines' },
    transcript: transcriptOf('# log\n-> x\n'),
  });
  t.same(parseGolden('-> x\n').header, { case: '', acceptedFrom: '', reason: '' });
  t.end();
});

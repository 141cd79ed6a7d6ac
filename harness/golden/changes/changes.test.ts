import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ProblemError } from '../../case/load/problem.js';
import { packageRoot } from '../../cli/environment.js';
import { type Differing, parseChanges, readChanges, sortChanges, staleChanges } from './changes.js';
import { changesReport } from './report.js';

const LIST = `
- title: Texts
  why: They are better.
  lines: ['-old .*', '[+]new .*']
- title: Loss
  why: Nothing is lost any more.
  cases: [lost, gone]
`;
const CHANGES = parseChanges(LIST, 'list.yaml');

function differing(id: string, ...lines: string[]): Differing {
  return { id, heading: `demo/${id}: ${id}`, body: lines.join('\n') };
}

t.test('a difference is explained by its lines, by its case, or not at all', (t) => {
  const texts = differing('texts', ' same', '-old a', '+new b');
  const both = differing('lost', '-old a', '+new b', '-   mismatch', '+   ok');
  const strange = differing('strange', '-old a', '+new b', '+surprise');
  const sorted = sortChanges(CHANGES, [texts, both, strange]);
  t.same(
    sorted.explained.map(({ by }) => by.map(({ id }) => id)),
    [['texts', 'lost', 'strange'], ['lost']],
  );
  t.same(sorted.unexplained, [strange], 'one line that nobody knows is enough');
  t.same(staleChanges(sorted), ['"Loss" does not show in gone']);
  t.same(staleChanges(sortChanges(CHANGES, [texts])), ['"Loss" shows nowhere any more']);
  t.same(
    sortChanges(CHANGES, [differing('x', '-an old a')]).unexplained.length,
    1,
    'a pattern is for a whole line',
  );
  t.end();
});

t.test('the report names every case, and shows what is not explained', (t) => {
  const sorted = sortChanges(CHANGES, [differing('texts', '-old a'), differing('strange', '+surprise')]);
  const sides = { a: 'one 1', b: 'one 2', command: 'qbm diff one two', compared: 7 };
  t.equal(
    changesReport(sides, sorted),
    `# What changed from one 1 to one 2

Made by \`qbm diff one two\`: 7 cases compared, 2 different, 1 not explained. \`-\` is one 1, \`+\` is one 2.

## Texts

They are better.

- demo/texts: texts

In \`texts\`:

\`\`\`diff
-old a
\`\`\`

## Not explained

demo/strange: strange

\`\`\`diff
+surprise
\`\`\`
`,
  );
  const long = differing('texts', ...Array.from({ length: 40 }, (_, at) => `-old ${at}`));
  t.match(changesReport(sides, sortChanges(CHANGES, [long])), '… 16 more lines');
  t.end();
});

function problemOf(text: string): string {
  try {
    parseChanges(text, 'list.yaml');
    return 'none';
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    return error.problems[0]!.message;
  }
}

t.test('mistakes in a list have a place', (t) => {
  for (const [text, wanted] of [
    ['a: 1', 'a list of changes was expected'],
    ['- 1', 'a change is an object'],
    ['- {title: a, why: b, line: []}', 'unknown member "line", did you mean "lines"?'],
    ['- {title: a, lines: [x]}', 'a change has a title and a why'],
    ['- {title: a, why: b}', 'needs lines or cases'],
    ['- {title: a, why: b, lines: x}', 'lists of texts'],
    ['- {title: a, why: b, lines: ["("]}', 'no regular expression: ('],
    ['- &a 1', 'anchors'],
  ] as const) {
    t.match(problemOf(text), wanted, wanted);
  }
  t.throws(() => readChanges(join(t.testdir({}), 'none.yaml')), ProblemError);
  t.end();
});

t.test('the report on QEMU 7.2 and 10.0 is of its list', (t) => {
  const folder = join(packageRoot(), 'harness', 'golden', 'changes');
  const report = readFileSync(join(folder, 'QSD-7.2-10.0.md'), 'utf8');
  const sections = report.split('\n## ').slice(1);
  for (const { title, why, cases } of readChanges(join(folder, 'qsd-7.2-10.0.yaml'))) {
    const section = sections.find((one) => one.startsWith(`${title}\n`)) ?? '';
    t.match(section, why, title);
    for (const id of cases) t.ok(section.includes(`/${id}`), id);
  }
  t.notMatch(report, '## Not explained');
  t.end();
});

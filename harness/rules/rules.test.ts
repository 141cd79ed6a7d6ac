import { join } from 'node:path';
import t from 'tap';
import { parseCase } from '../case/load/load.js';
import type { Problem } from '../case/load/problem.js';
import type { ResultLine } from '../case/run/results.js';
import { tableText } from './print.js';
import { rulesIn } from './prose.js';
import { idsInCode } from './scan.js';
import { ruleTable } from './table.js';

t.test('rules in prose', (t) => {
  const problems: Problem[] = [];
  const rules = rulesIn(
    [
      '# BMP',
      '### BMP-001 · A title',
      '*must · qemu 7.2.22*',
      '',
      '### BMP-002 · Another | one',
      '',
      '*may · decision: because* and more',
      '```',
      '### BMP-003 · an example',
      '```',
      '### BMP-004 without a point',
      '### BMP-005 · no level',
      'Text.',
    ].join('\n'),
    'a.md',
    problems,
  );
  t.match(rules, [
    { id: 'BMP-001', title: 'A title', level: 'must', origin: 'qemu 7.2.22', line: 2 },
    { id: 'BMP-002', title: 'Another | one', level: 'may', origin: 'decision: because', line: 5 },
    { id: 'BMP-005' },
  ]);
  t.match(problems, [
    { line: 11, message: /write the heading as "### BMP-004 · title"/ },
    { line: 12, message: /BMP-005 lacks its level/ },
  ]);
  t.end();
});

t.test('ids in code, each with its first line', (t) => {
  const source = '/** BMP-001 and\n * BMP-002 */\nconst x = ["BMP-003"]; // BMP-004, BMP-001\n';
  t.same(
    [...idsInCode(source)],
    [
      ['BMP-001', 1],
      ['BMP-002', 2],
      ['BMP-003', 3],
      ['BMP-004', 3],
    ],
  );
  t.end();
});

t.test('the table, and its gaps', (t) => {
  const dir = t.testdir({
    spec: {
      'a.md':
        '### BMP-001 · One\n*must · x*\n\n### BMP-002 · Two\n*may · x*\n\n### BMP-003 · Three\n*must · x*\n\n### BMP-004 · Four\n*must · x*\n',
      'b.md': '### BMP-001 · Again\n*must · x*\n',
      'a.ts': '// BMP-001 BMP-002 BMP-099 ISO-014\n',
      'a.test.ts': '// BMP-003\n',
    },
  });
  const made = (slug: string, rules: string, steps = '[{log: x}]') =>
    parseCase(`id: ${slug}\ntitle: t\nrules: ${rules}\nsteps: ${steps}\n`, { file: slug, area: 'a', slug });
  const either = '[{either: {step: {observe: d}, outcomes: [[a], [b]], rule: BMP-001}}]';
  const cases = [
    made('one', '[BMP-001, BMP-002]'),
    made('two', '[BMP-001]', either),
    made('three', '[BMP-098]'),
  ];
  const result = (
    id: string,
    target: string,
    verdict: ResultLine['verdict'],
    rules: string[],
  ): ResultLine => {
    return { case: id, area: 'a', target, format: 'raw', verdict, ms: 0, rules };
  };
  const table = ruleTable(join(dir, 'spec'), cases, [
    result('one', 'qsd', 'pass', ['BMP-001', 'BMP-002']),
    result('two', 'qsd', 'fail', ['BMP-001']),
    result('one', 'fake', 'skip', ['BMP-001']),
  ]);
  t.match(table.rows, [
    { rule: { id: 'BMP-001' }, code: ['a.ts'], cases: ['one', 'two'] },
    { rule: { id: 'BMP-002' }, code: ['a.ts'], cases: ['one'] },
    { rule: { id: 'BMP-003' }, code: [], cases: [], tests: ['a.test.ts'] },
    { rule: { id: 'BMP-004' }, code: [], cases: [], tests: [] },
  ]);
  t.same(table.problems.map((problem) => problem.message).sort(), [
    'BMP-001 is a "must": `either` names a may',
    `BMP-001 is stated already at ${table.rows[0]!.rule.file}:1: a rule stands once`,
    'BMP-003 has not code that names it',
    'BMP-004 has not code that names it or a case or a test',
    'BMP-098 is no rule of the prose',
    'BMP-099 is no rule of the prose',
  ]);
  const text = tableText(table, { markdown: false, long: true });
  t.match(
    text,
    /^rule {5}level {2}title {2}code {2}cases {4}tests {6}mutants {2}qsd {3}fake\nBMP-001 {2}must {3}One {4}a\.ts {2}one two {2}- {10}- {8}fail {2}skip\n/,
  );
  t.match(
    tableText(table, { markdown: true, long: false }),
    '| BMP-001 | must | One | a.ts | 2 | 0 | - | fail | skip |\n',
  );
  t.end();
});

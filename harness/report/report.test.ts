import t from 'tap';
import { Parser } from 'tap-parser';
import { parseCase } from '../case/load/load.js';
import type { ResultLine } from '../case/run/results.js';
import { createReporter, parseReporter, type ReporterName } from './open.js';
import {
  type Background,
  type RunSummary,
  reproduce,
  type Sink,
  shellWord,
  summaryLines,
} from './reporter.js';

const found = parseCase(
  'id: demo\ntitle: \'What "is" <promised> # here\'\nrules: [BMP-001]\nsteps: [{log: x}]\n',
  {
    file: 'cases/area/demo.yaml',
    area: 'area',
    slug: 'demo',
  },
);
const base = {
  case: 'demo',
  area: 'area',
  target: 'fake',
  version: '1',
  format: 'raw',
  ms: 1.5,
  rules: ['BMP-001'],
};
const results: ResultLine[] = [
  { ...base, verdict: 'pass' },
  { ...base, verdict: 'allowed', reason: 'a choice' },
  { ...base, verdict: 'skip', reason: 'lacks # all' },
  { ...base, verdict: 'deviates', reason: 'known\nand explained', diff: '-a\n+b' },
  { ...base, verdict: 'fail', reason: 'it differs', diff: ' x\n--> a\n+b <&>', line: 4, kept: true },
  { ...base, verdict: 'crash', reason: 'crashed', fault: 'crash: signal 6', stderr: 'abort\n\u001b[31m' },
  { ...base, target: "adapter:a 'b'", verdict: 'error', reason: 'a\n  b' },
];
const background: Background = {
  ruleTitle: (rule) => (rule === 'BMP-001' ? 'A rule' : undefined),
  flags: ' --cases c',
  out: 'out',
};

function report(
  name: ReporterName,
  summary: Partial<RunSummary> = {},
  options = { colour: false, verbose: false },
): string {
  const texts: string[] = [];
  const sink: Sink = { terminal: false, write: (text) => void texts.push(text), end: async () => {} };
  const reporter = createReporter(name, sink, background, options);
  reporter.target('fake', { program: 'fake 1', version: '1', capabilities: new Set(), formats: new Set() });
  for (const result of results) reporter.result(result, found);
  reporter.end({ results, interrupted: false, complaints: [], ms: 10, out: 'out', ...summary });
  return texts.join('');
}

t.test('TAP 14, as a parser reads it', (t) => {
  const text = report('tap', { complaints: ['nothing # was executed'] });
  t.match(text, /^TAP version 14\n/);
  const all = Parser.parse(text);
  const asserts = all
    .filter((event) => event[0] === 'assert')
    .map((event) => event[1] as unknown as Record<string, unknown>);
  t.same(
    asserts.map(({ ok, skip, todo }) => [ok, skip, todo]),
    [
      [true, false, false],
      [true, false, false],
      [true, 'lacks # all', false],
      [false, false, 'deviates: known and explained'],
      [false, false, false],
      [false, false, false],
      [false, false, false],
      [false, false, false],
    ],
  );
  t.equal(all.filter((event) => event[0] === 'extra' || event[0] === 'bailout').length, 0);
  const complete = all.find((event) => event[0] === 'complete')![1] as unknown as Record<string, unknown>;
  t.match(complete, { count: 8, fail: 5, skip: 1, todo: 1 });
  t.match((asserts[4] as { diag: object }).diag, {
    verdict: 'fail',
    message: /What "is" <promised> # here\nat cases\/area\/demo.yaml:4/,
  });
  t.end();
});

t.test('an interrupted run bails out', (t) => {
  const all = Parser.parse(report('tap', { interrupted: true }));
  t.ok(all.some((event) => event[0] === 'bailout'));
  t.end();
});

t.test('pretty: all that a stranger needs', (t) => {
  const text = report('pretty', { complaints: ['a golden without a case'] });
  t.match(
    text,
    [
      '  fail     area/demo',
      '      What "is" <promised> # here',
      '      at cases/area/demo.yaml:4',
      '      why: it differs',
      '      | --- golden',
      '      | +++ fake',
      '      |   x',
      '      | - -> a',
      '      | + b <&>',
      '      transcript: out/fake/raw/area/demo.out',
      '      rule BMP-001: A rule',
      '      try: qbm run demo --target fake --cases c',
      '',
    ].join('\n'),
  );
  t.match(
    text,
    '        abort\n        \\u001B[31m\n',
    'what a target printed cannot reach the terminal as commands',
  );
  t.match(text, 'fake: 1 pass, 1 allowed, 1 deviates, 1 skip, 1 fail, 1 crash\n');
  t.match(text, 'a golden without a case');
  t.notMatch(text, '\u001b');
  const coloured = report('pretty', { interrupted: true }, { colour: true, verbose: true });
  t.match(coloured, /\u001b\[31m\s*\| \+\+\+|\u001b\[32m\| \+ b/);
  t.match(coloured, 'interrupted');
  t.end();
});

t.test('jsonl: a line a result', (t) => {
  const lines = report('jsonl').trimEnd().split('\n');
  t.same(
    lines.map((line) => JSON.parse(line) as ResultLine),
    results,
  );
  t.end();
});

t.test('JUnit is well-formed and counts right', (t) => {
  const text = report('junit', { complaints: ['a "complaint"'], interrupted: true });
  wellFormed(text);
  t.match(text, '<testsuites name="qbm" tests="9" failures="2" errors="3" skipped="2" time="0.010">');
  t.match(text, '<testsuite name="fake raw" tests="6" failures="2" errors="0" skipped="2"');
  t.match(text, 'name="adapter:a \'b\' raw"');
  t.match(text, '+ b &lt;&amp;&gt;');
  t.notMatch(text, '\u001b');
  t.end();
});

/** Throws unless every tag is closed in order and every attribute and text is escaped. */
function wellFormed(xml: string): void {
  const open: string[] = [];
  const body = xml.replace(/^<\?xml [^>]*\?>\n/, '');
  const rest = body.replace(
    /<(\/?)(\w+)((?: \w+="[^"<&]*(?:&[#\w]+;[^"<&]*)*")*)(\/?)>/g,
    (_tag, end: string, name: string, _attributes, self: string) => {
      if (end !== '') {
        if (open.pop() !== name) throw new Error(`</${name}> closes nothing`);
      } else if (self === '') open.push(name);
      return '';
    },
  );
  if (open.length > 0) throw new Error(`not closed: ${open.join(' ')}`);
  if (/[<>]|&(?!#?\w+;)/.test(rest))
    throw new Error(`unescaped: ${/.{0,40}(?:[<>]|&(?!#?\w+;)).{0,40}/.exec(rest)![0]}`);
}

t.test('names of reporters', (t) => {
  t.same(parseReporter('tap'), { name: 'tap', file: undefined });
  t.same(parseReporter('junit=out/a=b.xml'), { name: 'junit', file: 'out/a=b.xml' });
  t.equal(parseReporter('html'), null);
  t.equal(parseReporter('tap='), null);
  t.end();
});

t.test('what is printed can be typed', (t) => {
  t.equal(shellWord('qsd@/opt/q/bin'), 'qsd@/opt/q/bin');
  t.equal(shellWord("adapter:a 'b'"), "'adapter:a '\\''b'\\'''");
  t.equal(
    reproduce(
      { ...base, target: 'adapter:x y', format: 'overlay', verdict: 'fail' },
      { ...background, flags: '' },
    ),
    "qbm run demo --target 'adapter:x y' --format overlay",
  );
  t.same(summaryLines(results.slice(0, 2)), ['fake: 1 pass, 1 allowed']);
  t.end();
});

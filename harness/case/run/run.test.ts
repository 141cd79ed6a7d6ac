import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import type { ExpectedDeviation } from '../../golden/expected.js';
import type { Case } from '../case.js';
import { parseCase } from '../load/load.js';
import { fakeChoice } from './fake-target.js';
import { directoryOf, type ResultLine, readResults } from './results.js';
import { type RunOptions, run } from './run.js';

function make(slug: string, steps: string, more = ''): Case {
  const text = `id: ${slug}\ntitle: t\nrules: [BMP-001]\n${more}steps:\n${steps}`;
  return parseCase(text, { file: `${slug}.yaml`, area: 'demo', slug });
}

const one = (slug: string): Case =>
  make(slug, `  - log: before\n  - qmp: {${slug}: {x: 1}}\n  - log: after\n`);
const ECHO = '-> {"execute": "echo", "arguments": {"x": 1}}\n<- {"return": {"x": 1}}\n';
const ECHO_GOLDEN = `## case: echo\n# before\n${ECHO}# after\n`;

/** Runs cases on fakes with the goldens of a directory. */
async function results(
  cases: readonly Case[],
  options: { goldens?: string; targets?: string[]; log?: string[]; abort?: AbortController } & Partial<
    Omit<RunOptions, 'targets'>
  >,
): Promise<readonly ResultLine[]> {
  const { goldens = '/none', targets = ['fake'], log = [], abort = new AbortController(), ...more } = options;
  const outcome = await run({
    cases,
    format: 'first',
    jobs: 1,
    limitMs: 10_000,
    caseLimitMs: 60_000,
    signal: abort.signal,
    out: null,
    expectedFor: () => [],
    errorId: () => undefined,
    onResult: () => {},
    ...more,
    goldens,
    targets: targets.map((name) => fakeChoice(name, log)),
  });
  return outcome.results;
}

t.test('pass, fail, and a case without a golden', async (t) => {
  const goldens = t.testdir({ demo: { 'echo.out': ECHO_GOLDEN, 'generated.out': 'other\n' } });
  const found = await results([one('echo'), one('generated'), one('event')], { goldens });
  t.match(found[0], {
    case: 'echo',
    area: 'demo',
    target: 'fake',
    version: '1.2.3',
    format: 'raw',
    verdict: 'pass',
    rules: ['BMP-001'],
  });
  t.match(found[1], {
    verdict: 'fail',
    diff: /^-other\n\+# before\n/,
    line: 5,
    reason: 'the transcript differs from the golden',
  });
  t.match(found[2], { verdict: 'fail', reason: /there is no golden: .*qbm golden accept event --reason/ });
});

t.test('a target that is restarted and killed', async (t) => {
  const steps = [
    'open: {node: disk, size: 1M}',
    'restart: {}',
    'open: {node: disk, existing: true}',
    'kill: {}',
  ];
  const found = make('again', `${steps.map((step) => `  - ${step}\n`).join('')}  - observe: disk\n`);
  const transcripts: string[] = [];
  const onTranscript = (_: Case, __: string, transcript: string): void => void transcripts.push(transcript);
  const targets = ['fake', 'fake:mortal', 'fake:incapable'];
  const [, mortal, incapable] = await results([found], { targets, onTranscript });
  const until = 'open disk: 1048576 bytes\n   ok\nrestart\n   ok\nopen disk: existing\n   ok\nkill\n';
  t.equal(transcripts[0], `${until}   ok\nobserve disk\n<- error REF-E-NODE GenericError: no node disk\n`);
  t.equal(transcripts[1], `${until}! crash\n`);
  t.match(mortal, { verdict: 'crash', fault: 'crash: the fake stays dead', line: 8 });
  t.match(incapable, { verdict: 'skip', reason: 'the target lacks node, restart' });
});

t.test('the step that differs is named by its line', async (t) => {
  const goldens = t.testdir({ demo: { 'echo.out': ECHO_GOLDEN.replace('"x": 1}}\n# a', '"x": 2}}\n# a') } });
  const [result] = await results([one('echo')], { goldens });
  t.match(result, { verdict: 'fail', line: 6 });
  t.equal(
    result!.diff,
    [
      ' # before',
      ' -> {"execute": "echo", "arguments": {"x": 1}}',
      '-<- {"return": {"x": 2}}',
      '+<- {"return": {"x": 1}}',
      ' # after',
    ].join('\n'),
  );
});

t.test('faults end the case, not the run', async (t) => {
  const cases = ['crash', 'echo', 'hang', 'garbage', 'bug', 'unmapped', 'decline'].map(one);
  const goldens = t.testdir({ demo: { 'echo.out': ECHO_GOLDEN, 'crash.out': '# before\n' } });
  const found = await results(cases, { goldens });
  t.match(found, [
    {
      verdict: 'crash',
      fault: 'crash: the fake died of signal 11',
      stderr: /a word/,
      diff: /\n\+! crash$/,
      line: 6,
    },
    { verdict: 'pass' },
    { verdict: 'hang', fault: /^hang: the fake gave no answer/, line: 6 },
    { verdict: 'fail', fault: 'garbage: the fake answered "<html>"', line: 6 },
    { verdict: 'error', reason: /the harness failed: RangeError: a mistake in the harness/ },
    { verdict: 'unmapped-error', reason: 'an error without an id: GenericError: Words that nobody knows' },
    { verdict: 'skip', reason: 'the target declines: not made yet', link: 'https://example.org/1' },
  ]);
  t.equal(found[1]!.stderr, undefined);
});

t.test('a request that is never answered, on a target that does not notice', async (t) => {
  const log: string[] = [];
  const goldens = t.testdir({ demo: { 'echo.out': ECHO_GOLDEN } });
  const found = await results([one('stuck'), one('echo')], { goldens, log, limitMs: 50 });
  t.match(found, [{ verdict: 'hang', fault: 'hang: no answer within 0.05 s' }, { verdict: 'pass' }]);
  t.same(log.slice(0, 3), ['begin stuck raw', 'close', 'begin echo raw'], 'the target was replaced');
  const [slow] = await results([one('stuck')], { caseLimitMs: 20 });
  t.match(slow, { verdict: 'hang', fault: 'hang: the case took more than 0.02 s' });
});

t.test('a target that hangs again and again is given up', async (t) => {
  const cases = ['a', 'b', 'c', 'd', 'e'].map((slug) => make(slug, '  - qmp: {hang: {}}\n'));
  const found = await results(cases, {});
  t.same(
    found.map((result) => result.verdict),
    ['hang', 'hang', 'hang', 'hang', 'hang'],
  );
  t.match(found[3], { reason: 'not tried: the 3 cases before it ended with hang', ms: 0 });
});

t.test('a target that cannot be had', async (t) => {
  const found = await results([one('echo'), one('event')], { targets: ['fake:gone', 'fake'] });
  t.match(found, [
    { target: 'fake:gone', verdict: 'error', reason: 'fake:gone cannot be had: no fake in PATH' },
    { target: 'fake:gone', verdict: 'error' },
    { target: 'fake', verdict: 'fail' },
    { target: 'fake', verdict: 'fail' },
  ]);
});

t.test('skipped for want of a capability or a format', async (t) => {
  const found = await results([one('echo'), make('overlay', '  - log: x\n', 'formats: [overlay]\n')], {
    targets: ['fake:incapable'],
  });
  t.match(found, [
    { verdict: 'skip', reason: 'the target lacks command:echo, qmp' },
    { verdict: 'skip', format: 'overlay', reason: 'the target has no format overlay' },
  ]);
  const [other] = await results([make('raw', '  - log: x\n', 'formats: [raw]\n')], { format: 'overlay' });
  t.match(other, { verdict: 'skip', reason: 'it is not for the format overlay' });
});

t.test('formats', async (t) => {
  const goldens = t.testdir({ demo: { 'echo.out': ECHO_GOLDEN } });
  const formats = async (format: RunOptions['format'], target: string): Promise<string[]> =>
    (await results([one('echo')], { goldens, format, targets: [target] })).map(
      (r) => `${r.format} ${r.verdict}`,
    );
  t.same(await formats('first', 'fake:formats'), ['raw pass']);
  t.same(await formats('all', 'fake:formats'), ['raw pass', 'overlay pass']);
  t.same(await formats('overlay', 'fake:formats'), ['overlay pass']);
  t.same(await formats('all', 'fake'), ['raw pass']);
});

t.test('expected deviations', async (t) => {
  const goldens = t.testdir({ demo: { 'echo.out': ECHO_GOLDEN } });
  const hunk = [
    ' # before',
    ' -> {"execute": "echo", "arguments": {"x": 1}}',
    '-<- {"return": {"x": 1}}',
    '+<- {"return": {"deviant": true, "x": 1}}',
    ' # after',
  ].join('\n');
  const entry: ExpectedDeviation = {
    case: 'echo',
    format: undefined,
    versions: [],
    reason: 'known',
    link: 'https://x',
    hunk,
  };
  const verdict = async (target: string, ...entries: ExpectedDeviation[]): Promise<ResultLine> =>
    (await results([one('echo')], { goldens, targets: [target], expectedFor: () => entries }))[0]!;
  t.match(await verdict('fake:deviant'), { verdict: 'fail', diff: hunk });
  t.match(await verdict('fake:deviant', entry), {
    verdict: 'deviates',
    reason: 'known',
    link: 'https://x',
    diff: hunk,
  });
  t.match(await verdict('fake:deviant', { ...entry, versions: ['1.2'] }), { verdict: 'deviates' });
  t.match(await verdict('fake:deviant', { ...entry, versions: ['1.3'] }), { verdict: 'fail' });
  t.match(await verdict('fake:deviant', { ...entry, hunk: '-a\n+b' }), {
    verdict: 'fail',
    reason: 'it deviates otherwise than listed',
  });
  t.match(await verdict('fake:deviant', { ...entry, reason: 'TODO' }), {
    verdict: 'fail',
    reason: /without a reason/,
  });
  t.match(await verdict('fake', entry), { verdict: 'stale', reason: /remove the entry/ });
  t.match(await verdict('fake'), { verdict: 'pass' });
});

t.test('a crash can be an expected deviation', async (t) => {
  const goldens = t.testdir({
    demo: {
      'crash.out': '# before\n-> {"execute": "crash", "arguments": {"x": 1}}\n<- {"return": {}}\n# after\n',
    },
  });
  const hunk = [
    ' # before',
    ' -> {"execute": "crash", "arguments": {"x": 1}}',
    '-<- {"return": {}}',
    '-# after',
    '+! crash',
  ].join('\n');
  const entry: ExpectedDeviation = {
    case: 'crash',
    format: undefined,
    versions: [],
    reason: 'r',
    link: undefined,
    hunk,
  };
  t.match(await results([one('crash')], { goldens, expectedFor: () => [entry] }), [{ verdict: 'deviates' }]);
});

t.test('an adapter is compared by ids, without sha256', async (t) => {
  const found = make(
    'twice',
    '  - open: {node: d, size: 512}\n  - qmp: {block-dirty-bitmap-add: {node: d, name: b}}\n  - qmp: {block-dirty-bitmap-add: {node: d, name: b}}\n  - observe: d\n',
  );
  const texts: string[] = [];
  await results([found], { onTranscript: (_case, _format, text) => void texts.push(text) });
  const golden = texts[0]!;
  t.match(golden, /Bitmap already exists: b\n[\s\S]*sha256/);
  const goldens = t.testdir({ demo: { 'twice.out': golden } });
  t.match(await results([found], { goldens, targets: ['fake', 'fake:adapter'] }), [
    { verdict: 'pass' },
    { verdict: 'pass' },
  ]);
});

t.test('either: one of the outcomes, else the real answer', async (t) => {
  const either = make(
    'either',
    `  - either:\n      step: {qmp: {echo: {x: 1}}}\n      outcomes: [['<- {"return": {"x": 1}}'], ['<- {"return": {}}']]\n`,
  );
  const goldens = t.testdir({
    demo: { 'either.out': `${ECHO.split('\n')[0]}\n   one of 2 allowed outcomes\n` },
  });
  const found = await results([either], { goldens, targets: ['fake', 'fake:deviant'] });
  t.match(found, [
    { verdict: 'allowed' },
    {
      verdict: 'fail',
      diff: /\n- {3}one of 2 allowed outcomes\n\+<- \{"return": \{"deviant": true, "x": 1\}\}$/,
    },
  ]);
});

t.test('many instances: results in order, every instance closed', async (t) => {
  const goldens = t.testdir({});
  const log: string[] = [];
  const cases = Array.from({ length: 20 }, (_, i) => make(`c${i}`, '  - qmp: {echo: {}}\n'));
  const seen: string[] = [];
  const found = await results(cases, {
    goldens,
    jobs: 4,
    log,
    onResult: (result) => void seen.push(result.case),
  });
  t.same(
    seen,
    cases.map((one) => one.id),
  );
  t.equal(found.length, 20);
  t.ok(log.filter((line) => line === 'close').length >= 4);
});

t.test('what a run leaves', async (t) => {
  const dir = t.testdir({ golden: { demo: { 'echo.out': ECHO_GOLDEN } } });
  const [goldens, out] = [join(dir, 'golden'), join(dir, 'out')];
  await results([one('echo'), one('event')], { goldens, out, targets: ['fake', 'fake:deviant'] });
  t.match(readResults(out), [
    { verdict: 'pass' },
    { verdict: 'fail', kept: true },
    { target: 'fake:deviant', kept: true },
    {},
  ]);
  const kept = join(out, directoryOf('fake:deviant'), 'raw', 'demo', 'echo.out');
  t.match(
    readFileSync(kept, 'utf8'),
    /^# before\n.*\n<- \{"return": \{"deviant": true, "x": 1\}\}\n# after\n$/,
  );
  t.notOk(existsSync(join(out, 'fake', 'raw', 'demo', 'echo.out')), 'what passes is not kept');
  await results([one('echo')], { goldens, out });
  t.equal(readResults(out).length, 1, 'the results are those of the last run');
  t.same(readdirSync(goldens), ['demo'], 'a run writes no goldens');
});

t.test('an interrupt ends the run and closes the target', async (t) => {
  const abort = new AbortController();
  const log: string[] = [];
  const running = results([one('stuck'), one('echo')], { abort, log });
  setImmediate(() => abort.abort());
  t.same(await running, []);
  t.same(log.slice(0, 2), ['begin stuck raw', 'close']);
});

t.test('directories of targets', (t) => {
  t.equal(directoryOf('qsd'), 'qsd');
  t.match(directoryOf('qsd@/opt/x'), /^qsd@_opt_x-[0-9a-f]{8}$/);
  t.match(directoryOf('..'), /^\.\.-[0-9a-f]{8}$/);
  t.not(directoryOf('adapter:a b'), directoryOf('adapter:a_b'));
  t.end();
});

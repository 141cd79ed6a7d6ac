import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const MAIN = fileURLToPath(new URL('fake-main.js', import.meta.url));
const ENV = { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined };

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function start(
  cwd: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = ENV,
): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr!.setEncoding('utf8').on('data', (text: string) => (err += text));
  return { child, ended: once(child, 'close').then(([code]) => ({ code: code as number | null, out, err })) };
}

/** `qbm ARGS` with fake targets in a directory. */
async function qbm(cwd: string, ...args: string[]): Promise<Ended> {
  return start(cwd, args).ended;
}

const head = (id: string): string => `id: ${id}\ntitle: Title of ${id}\nrules: [BMP-001]\n`;
const one = (id: string, command = id): string => `${head(id)}steps:\n  - qmp: {${command}: {x: 1}}\n`;
const ECHO = '## case: echo\n-> {"execute": "echo", "arguments": {"x": 1}}\n<- {"return": {"x": 1}}\n';

const HERE = ['--cases', 'cases'];

t.test('exit code 0: everything as expected', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo') } },
    golden: { demo: { 'echo.out': ECHO } },
  });
  const { code, out, err } = await qbm(dir, 'run', ...HERE);
  t.equal(err, '');
  t.match(out, /^TAP version 14\n# fake: .*\nok 1 - fake raw demo\/echo\n1\.\.1\n# fake: 1 pass\n$/);
  t.equal(code, 0);
  t.match(readFileSync(join(dir, 'out', 'results.jsonl'), 'utf8'), /"verdict":"pass"/);
});

t.test('exit code 1: unexpected results, shown so that a stranger understands', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo'), 'crash.yaml': one('crash') } },
    golden: { demo: { 'echo.out': ECHO, 'crash.out': 'x\n' } },
  });
  const { code, out } = await qbm(
    dir,
    'run',
    ...HERE,
    '--target',
    'fake:deviant',
    '--reporter',
    'pretty',
    '--reporter',
    'junit=j.xml',
  );
  t.equal(code, 1);
  t.match(out, 'Title of echo\n      at cases/demo/echo.yaml:5\n');
  t.match(out, '| - <- {"return": {"x": 1}}\n      | + <- {"return": {"deviant": true, "x": 1}}\n');
  t.match(out, 'try: qbm run echo --target fake:deviant --cases cases\n');
  t.match(out, 'fake:deviant: 1 fail, 1 crash\n');
  t.match(readFileSync(join(dir, 'j.xml'), 'utf8'), 'tests="2" failures="2"');
});

t.test('exit code 1: nothing executed', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo') } },
    golden: { demo: { 'echo.out': ECHO } },
  });
  const skipped = await qbm(dir, 'run', ...HERE, '--target', 'fake:incapable');
  t.match(skipped, { code: 1, out: /not ok 2 - nothing was executed: every selected case was skipped/ });
  const half = await qbm(dir, 'run', ...HERE, '--target', 'fake', '--target', 'fake:incapable');
  t.match(half, { code: 1, out: /nothing was executed on fake:incapable/ });
  const chosen = await qbm(dir, 'run', 'echo', ...HERE, '--target', 'fake', '--target', 'fake:incapable');
  t.match(chosen, { code: 0 });
  const quiet = await qbm(dir, 'run', ...HERE, '--target', 'fake:incapable', '--reporter', 'jsonl');
  t.match(quiet, { code: 1, out: /^\{.*\}\n$/, err: /^qbm: nothing was executed/ });
  const none = await qbm(t.testdir({ cases: {} }), 'run', ...HERE);
  t.match(none, { code: 1, out: /nothing was executed/ });
});

t.test('exit code 2: the harness or its surroundings', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo') } },
    golden: { demo: { 'echo.out': ECHO, 'gone.out': 'x\n' } },
    file: 'x',
  });
  t.match(await qbm(dir, 'run', ...HERE), {
    code: 2,
    out: /a golden without a case: golden\/demo\/gone\.out; .*rm golden\/demo\/gone\.out/,
  });
  t.match(await qbm(dir, 'run', 'echo', ...HERE), { code: 0 }, 'a chosen case is not about the others');
  t.match(await qbm(dir, 'run', 'echo', ...HERE, '--target', 'fake:gone'), {
    code: 2,
    out: /fake:gone cannot be had: no fake in PATH/,
  });
  t.match(await qbm(dir, 'run', 'echo', ...HERE, '--out', 'file'), { code: 2, err: /^qbm: E/ });
  t.match(await qbm(dir, 'run', 'echo', ...HERE, '--reporter', 'tap=no/dir'), { code: 2, err: /ENOENT/ });
  t.match(await qbm(dir, 'run', '--cases', 'none'), { code: 2, err: /none: no such directory of cases/ });
  const bug = t.testdir({ cases: { demo: { 'bug.yaml': one('bug') } }, golden: {} });
  t.match(await qbm(bug, 'run', ...HERE), { code: 2, out: /a mistake in the harness/ });
});

t.test('exit code 2: hostile case files, all problems at once', async (t) => {
  const dir = t.testdir({
    cases: {
      a: {
        'bomb.yaml': 'a: &a [1]\nb: [*a, *a]\n',
        'echo.yaml': one('echo'),
        'verb.yaml': `${head('verb')}steps: [{opne: {}}]\n`,
      },
      b: { 'echo.yaml': one('echo'), 'empty.yaml': '' },
    },
    golden: {},
  });
  const { code, err } = await qbm(dir, 'run', ...HERE);
  t.equal(code, 2);
  t.match(err, 'cases/a/bomb.yaml:1:4: anchors (&name) are not used here');
  t.match(err, 'cases/a/verb.yaml:4:10: no such verb: "opne", did you mean "open"?');
  t.match(err, /cases\/b\/echo\.yaml: the id "echo" is already that of cases\/a\/echo\.yaml/);
  t.match(err, 'cases/b/empty.yaml:1:1: the file is empty');
  t.match(err, /qbm: \d problems; nothing was run\n$/);
});

t.test('exit code 64: usage', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo') } },
    golden: { demo: { 'echo.out': ECHO } },
  });
  for (const [args, wanted] of [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['run', '--jobs', '0'], /A number from 1 to 64/],
    [['run', '--limit', 'soon'], /A number of seconds/],
    [['run', '--format', 'qcow2'], /Allowed choices are raw, overlay, all/],
    [['run', '--reporter', 'html'], /Reporters are pretty, tap, jsonl, junit/],
    [['run', ...HERE, '--reporter', 'tap', '--reporter', 'jsonl'], /two reporters cannot both/],
    [['run', '--targte', 'x'], /Did you mean --target\?/],
    [['run', ...HERE, 'ehco'], /no case matches "ehco", did you mean "echo"\?/],
    [['run', ...HERE, '--target', 'quemu'], /no such target: quemu/],
    [['run', ...HERE, '--target', 'fakes', '--expected', 'x'], /--expected is the list of one target/],
    [['diff', 'fake'], /missing required argument/],
    [['diff', ...HERE, 'fakes', 'fake'], /"fakes" is 2 targets \(fake, fake:deviant\): name one/],
    [['expect', ...HERE, '--target', 'fake', 'echo'], /takes no selectors/],
    [['expect', ...HERE], /--target NAME/],
    [['golden', 'accept', ...HERE], /accept needs --reason/],
    [[], /Usage: qbm/],
  ] as const) {
    const { code, err } = await qbm(dir, ...args);
    t.match(err, wanted);
    t.equal(code, 64, args.join(' '));
  }
});

t.test('exit code 130: interrupted', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'a.yaml': one('a', 'echo'), 'b.yaml': one('b', 'stuck') } },
    golden: {},
  });
  const { child, ended } = start(dir, ['run', ...HERE]);
  // The first result is out; the second case is never answered.
  await once(child.stdout!, 'data');
  child.kill('SIGINT');
  const { code, out } = await ended;
  t.equal(code, 130);
  t.match(out, 'Bail out! interrupted');
});

t.test('help, everywhere, with examples', async (t) => {
  const dir = t.testdir({});
  for (const args of [
    ['--help'],
    ...['run', 'diff', 'list', 'targets', 'rules', 'expect', 'golden'].map((name) => [name, '--help']),
  ]) {
    t.match(await qbm(dir, ...args), { code: 0, err: '', out: /Examples:\n/ });
  }
  t.match(await qbm(dir, 'golden', 'accept', '--help'), { code: 0, out: /--reason <text>/ });
  t.match(await qbm(dir, '--version'), { code: 0, out: /^\d+\.\d+\.\d+\n$/ });
});

t.test('expect, deviates, stale', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo'), 'event.yaml': one('event') } },
    golden: { demo: { 'echo.out': ECHO } },
  });
  const deviant = [...HERE, '--target', 'fake:deviant'];
  t.match(await qbm(dir, 'expect', ...deviant, '--out', 'e.yaml'), {
    code: 2,
    err: /event: fail: there is no golden/,
  });
  t.notOk(existsSync(join(dir, 'e.yaml')), 'nothing is written');
  t.match(await qbm(dir, 'golden', 'accept', ...HERE, '--reason', 'first'), {
    code: 0,
    out: /^demo\/event: accepted from fake 1\.2\.3, \+3 -0 lines\n$/,
  });
  t.match(await qbm(dir, 'expect', ...deviant, '--out', 'e.yaml'), {
    code: 0,
    out: 'e.yaml: 1 entries, 1 of them need a reason\n',
  });
  const run = ['run', ...deviant, '--expected', 'e.yaml'];
  t.match(await qbm(dir, ...run), { code: 1, out: /listed as an expected deviation without a reason/ });
  const list = readFileSync(join(dir, 'e.yaml'), 'utf8');
  t.match(list, /- case: echo\n {2}versions: \["1\.2"\]\n {2}reason: "TODO"\n {2}hunk: \|2-\n/);
  writeFileSync(join(dir, 'e.yaml'), list.replace('TODO', 'it is so'));
  t.match(await qbm(dir, ...run), {
    code: 0,
    out: /not ok 1 - fake:deviant raw demo\/echo # TODO deviates: it is so/,
  });
  t.match(
    await qbm(dir, 'expect', ...deviant, '--out', 'e.yaml'),
    { code: 0, out: 'e.yaml: 1 entries\n' },
    'the reason is kept',
  );
  t.match(await qbm(dir, 'run', ...HERE, '--expected', 'e.yaml'), { code: 1, out: /verdict: stale/ });
  writeFileSync(join(dir, 'e.yaml'), list.replace('case: echo', 'case: ehco'));
  t.match(await qbm(dir, ...run), { code: 2, err: /lists "ehco", which is no case/ });
  t.match(await qbm(dir, 'run', ...HERE, '--expected', 'none.yaml'), {
    code: 2,
    err: /none\.yaml: cannot be opened/,
  });
});

t.test('golden list, diff, accept', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo') } },
    golden: { demo: { 'echo.out': ECHO, 'old.out': '' } },
  });
  const golden = join(dir, 'golden', 'demo', 'echo.out');
  t.match(await qbm(dir, 'run', 'echo', ...HERE, '--target', 'fakes'), { code: 1 });
  t.equal(readFileSync(golden, 'utf8'), ECHO, 'a run writes no golden');
  t.match(await qbm(dir, 'golden', 'list', ...HERE), {
    code: 0,
    out: /^demo\/echo +fake:deviant +raw +fail\ndemo\/old +- +- +is a golden without a case\n$/,
  });
  t.match(await qbm(dir, 'golden', 'diff', ...HERE), {
    code: 1,
    out: /\n-<- \{"return": \{"x": 1\}\}\n\+<- /,
  });
  t.match(await qbm(dir, 'golden', 'accept', 'echo', ...HERE, '--reason', 'x'), {
    code: 1,
    err: /fake:deviant and fake disagree/,
  });
  t.equal(readFileSync(golden, 'utf8'), ECHO);
  const accept = ['golden', 'accept', 'echo', ...HERE, '--target', 'fake:deviant', '--reason', 'it is right'];
  t.match(await qbm(dir, ...accept), {
    code: 0,
    out: 'demo/echo: accepted from fake:deviant 1.2.3, +1 -1 lines\n',
  });
  t.match(
    readFileSync(golden, 'utf8'),
    /^## case: echo\n## accepted from: fake:deviant 1\.2\.3\n## reason: it is right\n-> /,
  );
  t.match(await qbm(dir, 'golden', 'diff', ...HERE), { code: 0, out: '' });
});

t.test('golden accept refuses what proves nothing', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'crash.yaml': one('crash'), 'unmapped.yaml': one('unmapped') } },
    golden: {},
  });
  const { code, err } = await qbm(dir, 'golden', 'accept', ...HERE, '--reason', 'x');
  t.equal(code, 1);
  t.match(err, 'demo/crash: not accepted: fake did not finish it');
  t.match(err, 'demo/unmapped: not accepted: an error has no id');
});

t.test('diff', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo'), 'event.yaml': one('event') } },
    golden: {},
    'all.yaml': '- {title: Echoes, why: They are, cases: [echo]}',
    'more.yaml': '- {title: Echoes, why: They are, cases: [echo, event]}',
    'none.yaml': '[]',
  });
  t.match(await qbm(dir, 'diff', ...HERE, 'fake', 'fake'), {
    code: 0,
    out: '2 compared, 0 different: fake, fake\n',
  });
  const { code, out } = await qbm(dir, 'diff', ...HERE, 'fake', 'fake:deviant');
  t.equal(code, 1);
  t.match(out, /^demo\/echo: Title of echo\n {2}--- fake\n {2}\+\+\+ fake:deviant\n/);
  t.match(out, '2 compared, 1 different: fake, fake:deviant\n');
  t.notMatch(out, 'demo/event');
  const changes = (file: string) => qbm(dir, 'diff', ...HERE, 'fake', 'fake:deviant', '--changes', file);
  t.match(await changes('all.yaml'), {
    code: 0,
    out: /^# What changed .*2 cases compared, 1 different, 0 not/s,
  });
  t.match(await changes('more.yaml'), { code: 1, err: '"Echoes" does not show in event' });
  t.match(await changes('none.yaml'), { code: 1, out: '## Not explained' });
  t.match(await changes('missing.yaml'), { code: 2, err: 'missing.yaml' });
  t.match(await qbm(dir, 'diff', ...HERE, 'fake', 'fake:gone'), { code: 2, err: /cannot be had/ });
  t.match(await qbm(dir, 'diff', ...HERE, 'fake', 'fake:incapable'), {
    code: 1,
    err: /no case runs on both/,
  });
});

t.test('list, targets, rules', async (t) => {
  const dir = t.testdir({
    cases: { demo: { 'echo.yaml': one('echo') } },
    golden: {},
    spec: { 'a.md': '### BMP-001 · One\n*must · x*\n', 'a.ts': '// BMP-001\n' },
    bad: { 'a.md': '### BMP-001 · One\n*must · x*\n' },
  });
  t.match(await qbm(dir, 'list', ...HERE), { code: 0, out: 'demo/echo  Title of echo\n' });
  t.match(await qbm(dir, 'list', ...HERE, '--json', 'demo'), {
    code: 0,
    out: /^\{"id":"echo","area":"demo",.*"steps":1,.*\}\n$/,
  });
  t.match(await qbm(dir, 'targets'), {
    code: 0,
    out: /reference +the specification[\s\S]*generated-node-name/,
  });
  t.match(await qbm(dir, 'targets', 'fake', 'fake:gone'), {
    code: 2,
    out: /fake: fake 1\.2\.3 \(for tests\)/,
    err: /fake:gone cannot be had/,
  });
  t.match(await qbm(dir, 'rules', ...HERE, '--spec', 'spec', '--check'), {
    code: 0,
    out: /BMP-001 +must +One +a\.ts +1 +0 +-\n/,
    err: '',
  });
  t.match(await qbm(dir, 'rules', ...HERE, '--spec', 'bad', '--check'), {
    code: 1,
    err: /bad\/a\.md:1:1: BMP-001 has not code/,
  });
});

t.test('a reader that leaves early is no failure', async (t) => {
  const cases = Object.fromEntries(
    Array.from({ length: 300 }, (_, i) => [`c${i}.yaml`, one(`c${i}`, 'echo')]),
  );
  const dir = t.testdir({ cases: { demo: cases }, golden: {} });
  const { child, ended } = start(dir, ['run', ...HERE]);
  child.stdout!.destroy();
  t.match(await ended, { code: 1, err: '' });
});

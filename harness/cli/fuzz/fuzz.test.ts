import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { runSession } from '../../fuzz/campaign/engine.js';
import { errorId, FIRST, targets } from '../../fuzz/campaign/fake-world.js';
import { readRounds, workersIn } from '../../fuzz/campaign/files.js';
import { findingsIn } from '../../fuzz/campaign/findings.js';
import { numbersFrom } from '../../fuzz/campaign/plan.js';
import { type Printed, runHere } from './run-for-tests.js';
import { knownIn } from './world.js';

// Many processes are started, on machines with other things to do.
t.setTimeout(1_800_000);

const MAIN = fileURLToPath(new URL('./fake-main.js', import.meta.url));

const WORLD = new URL('../../fuzz/campaign/fake-world.js', import.meta.url).href;

/** What a process has printed; killed, it has no code. */
type Ended = Omit<Printed, 'code'> & { readonly code: number | null };

/** A process of its own, that can be killed. */
function start(args: readonly string[]): { child: ChildProcess; ended: Promise<Ended> } {
  const child = spawn(process.execPath, [MAIN, 'fuzz', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout!.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr!.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve) =>
    child.on('close', (code) => resolve({ code, stdout, stderr })),
  );
  return { child, ended };
}

/** The engine in this process: starting another one takes long. Its workers are processes all the same. */
function fuzz(...args: string[]): Promise<Printed> {
  return runHere(['fuzz', ...args], { world: WORLD, targets, errorId });
}

/** The rounds in a directory, as they were written. */
function roundsIn(directory: string): number[] {
  return workersIn(directory).flatMap(({ rounds }) => rounds.map(({ round }) => round));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);
const ascending = (numbers: number[]): number[] => numbers.sort((a, b) => a - b);

t.test('a campaign finds each mistake once, small, and says what it did not reach', async (t) => {
  const out = join(t.testdir(), 'campaign');
  const args = ['--target', 'fake:bug', '--runs', '200', '--seed', '1', '--out', out];
  const { code, stdout, stderr } = await start(args).ended;
  t.equal(code, 1, stderr);
  t.same(ascending(roundsIn(out)), upTo(200));
  const findings = findingsIn(workersIn(out));
  t.same(
    findings.map(({ files }) => [files.found.signature.kind, files.minimal?.history.steps.length]).sort(),
    [
      ['crash', 2],
      ['differs', 3],
      ['hang', 2],
    ],
  );
  for (const { files, count } of findings) {
    t.ok(count >= 1);
    t.same(files.rerun?.shown, files.rerun?.of);
    t.match(readFileSync(join(files.path, 'transcript.txt'), 'utf8'), /^expected +fake:bug\n/);
  }
  t.match(stdout, /^property +histories +steps +bad/m);
  t.match(stdout, /never reached:\n {2}toy: a hundred additions\n/);
  t.match(stdout, /3 findings, 3 of them new/);
  t.notMatch(stderr, /\r/, 'progress is for terminals');
});

t.test('the same seed is the same campaign', async (t) => {
  const dir = t.testdir();
  const seeds = async (name: string): Promise<unknown> => {
    const out = join(dir, name);
    await fuzz('--target', 'fake:good', '--runs', '60', '--seed', '9', '--out', out, '--workers', '1');
    return workersIn(out)
      .flatMap(({ rounds }) => rounds)
      .map(({ round, seed, property }) => [round, seed, property])
      .sort(([a], [b]) => Number(a) - Number(b));
  };
  t.same(await seeds('one'), await seeds('two'));
});

t.test('killed ten times at any moment, it goes on: nothing is lost, nothing is done twice', async (t) => {
  const out = join(t.testdir(), 'campaign');
  const below = numbersFrom(Date.now());
  const runs = 600;
  const found = new Set<string>();
  let args = ['--target', 'fake:slow', '--seed', '1', '--out', out];
  let kills = 0;
  while (kills < 10) {
    const { child, ended } = start([...args, '--runs', String(runs)]);
    const before = existsSync(out) ? roundsIn(out).length : 0;
    // So much of it is done that there is something to lose.
    const goal = Math.min(runs - 1, before + 1 + below(40));
    while (child.exitCode === null && (!existsSync(out) || roundsIn(out).length < goal))
      await new Promise((resolve) => setTimeout(resolve, 5));
    child.kill('SIGKILL');
    await ended;
    kills++;
    for (const { path } of workersIn(out)) {
      for (const id of readdirSync(join(path, 'findings'))) {
        if (!id.startsWith('.')) found.add(join(path, 'findings', id));
      }
    }
    args = ['--resume', out];
  }
  const end = await fuzz('--resume', out, '--runs', String(runs));
  t.equal(end.code, 1, end.stderr);
  t.same(ascending(roundsIn(out)), upTo(runs), 'each round once');
  for (const path of found) t.ok(existsSync(join(path, 'history.yaml')), path);
  const findings = findingsIn(workersIn(out));
  t.same(findings.map(({ files }) => files.found.signature.kind).sort(), ['crash', 'differs', 'hang']);
  t.ok(findings.every(({ files }) => files.minimal !== null));
});

/** Every round that is counted under a finding, with whether that finding is on disk. */
function countedIn(out: string): { found: string; isThere: boolean }[] {
  const workers = readdirSync(join(out, 'workers')).map((name) => join(out, 'workers', name));
  const kept = new Set(workers.flatMap((path) => readdirSync(join(path, 'findings'))));
  return workers
    .flatMap((path) => readRounds(join(path, 'rounds.jsonl')))
    .flatMap(({ finding }) => (finding === undefined ? [] : { found: finding, isThere: kept.has(finding) }));
}

t.test('a worker or an engine that dies while something is to be kept loses nothing', async (t) => {
  const dir = t.testdir();
  for (const variant of ['asking', 'orphan']) {
    const out = join(dir, variant);
    process.env[FIRST] = join(dir, `${variant}.first`);
    const args = ['--target', `fake:${variant}`, '--runs', '150', '--seed', '1', '--out', out];
    const { code } = await start([...args, '--workers', '2']).ended;
    t.ok(existsSync(process.env[FIRST]), 'it happened');
    t.equal(code, variant === 'asking' ? 1 : null);
    const { code: after, stderr } = await fuzz('--resume', out, '--runs', '150');
    t.equal(after, 1, stderr);
    t.notMatch(stderr, /warning/);
    t.same(ascending(roundsIn(out)), upTo(150), 'each round once');
    const counted = countedIn(out);
    t.ok(counted.length > 0);
    t.same(
      counted.filter(({ isThere }) => !isThere),
      [],
    );
    const findings = findingsIn(workersIn(out));
    t.same(findings.map(({ files }) => files.found.signature.kind).sort(), ['crash', 'differs', 'hang']);
    t.ok(findings.every(({ files }) => files.minimal !== null));
  }
  delete process.env[FIRST];
});

t.test('what a worker had found when it died is made small by the next one', async (t) => {
  const dir = t.testdir();
  const out = join(dir, 'campaign');
  process.env[FIRST] = join(dir, 'first');
  const { code } = await fuzz('--target', 'fake:again', '--runs', '100', '--seed', '1', '--out', out);
  t.ok(existsSync(process.env[FIRST]), 'it happened');
  delete process.env[FIRST];
  t.equal(code, 1);
  const findings = findingsIn(workersIn(out));
  t.equal(findings.length, 3);
  t.ok(findings.every(({ files }) => files.minimal !== null));
});

t.test('a session that is to end soon leaves as it is what is not small by then', async (t) => {
  const out = join(t.testdir(), 'campaign');
  const [choice] = await targets('fake:stuck');
  const places = knownIn({});
  const end = await runSession({
    directory: out,
    plan: { target: 'fake:stuck', properties: ['toy'], seed: 1 },
    shard: { index: 1, of: 1 },
    workers: 1,
    runs: null,
    ms: 5000,
    endMs: 500,
    limitMs: 1000,
    memory: 2 ** 30,
    identity: await choice!.create().identify(),
    known: places.file,
    cases: places.cases,
    world: WORLD,
    signal: new AbortController().signal,
    onProgress: () => {},
    onFinding: () => t.fail('it is not known how often it shows'),
    onWarning: (line) => t.fail(line),
  });
  t.match(end, { failure: null, isInterrupted: false });
  t.ok(end.progress.ms < 60_000, 'a worker that is not told to end at once has 90 s');
  const { code, stdout } = await runHere(['report', out], { world: WORLD, targets, errorId });
  t.equal(code, 0);
  t.match(stdout, /^ {2}new \d+×, not played again {2}/m);
});

t.test('directories of shards, copied together, are one campaign', async (t) => {
  const dir = t.testdir();
  const all = join(dir, 'all');
  await mkdir(all);
  for (const part of ['1/2', '2/2']) {
    const out = join(dir, part.replace('/', 'of'));
    await fuzz('--target', 'fake:bug', '--runs', '80', '--seed', '4', '--out', out, '--shard', part);
    await cp(out, all, { recursive: true });
  }
  const alone = await fuzz('--resume', join(dir, '2of2'), '--runs', '81');
  t.match(alone, { code: 1, stderr: /part 2\/2, in /, stdout: /^81 histories/m }, 'the only part goes on');
  t.match(await fuzz('--resume', all, '--runs', '90'), {
    code: 64,
    stderr: /there are parts 1\/2 and 2\/2 in .*: say which one is to go on, for instance --shard 1\/2/,
  });
  t.equal(roundsIn(all).length, 160);
  t.equal(findingsIn(workersIn(all)).length, 3, 'what both found is one finding');
  const { code, stdout } = await fuzz('--resume', all, '--runs', '90', '--shard', '2/2');
  t.equal(code, 1);
  t.match(stdout, /170 histories/);
});

t.test('what cannot go on ends with 2 and says why', async (t) => {
  const dir = t.testdir();
  const run = (variant: string, ...more: string[]): Promise<Printed> =>
    fuzz('--target', `fake:${variant}`, '--runs', '500', '--out', join(dir, variant), ...more);
  t.match(await run('gone'), { code: 2, stderr: /the campaign was not begun: no fake in PATH/ });
  t.match(await run('dies'), {
    code: 2,
    stderr: /could not go on: the first 6 histories all ended badly, the last with a crash/,
  });
  t.match(await run('hangs'), { code: 2, stderr: /all ended badly, the last with a hang: no answer/ });
  t.match(await run('full'), { code: 2, stderr: /could not go on: ENOSPC.*\n.*--resume/ });
  t.match(await run('fills'), { code: 2, stderr: /could not go on: ENOSPC/, stdout: /^\d findings/m });
  for (const { files } of findingsIn(workersIn(join(dir, 'fills'))))
    t.match(files, { rerun: null, minimal: null }, 'nothing is known of it, but that it is there');
  t.match(await run('fatal'), { code: 2, stderr: /a worker was killed by SIGKILL/ });
  t.match(await run('broken'), { code: 2, stderr: /TypeError: a mistake in the harness/ });
  t.match(await run('unable'), {
    code: 2,
    stderr: /nothing was played/,
    stdout: /500 \(100 %\).*\n\ncould not be played:\n {2}toy: 500× {2}it cannot do anything\n/,
  });
});

t.test('a directory that cannot be written to', async (t) => {
  const { code, stderr } = await fuzz('--target', 'fake:good', '--runs', '5', '--out', '/proc/campaign');
  t.equal(code, 2);
  t.match(stderr, /\/proc\/campaign/);
});

t.test('what shows only now and then is not made small, or told with how often', async (t) => {
  const out = join(t.testdir(), 'campaign');
  const { code, stdout } = await fuzz(
    '--target',
    'fake:flaky',
    '--runs',
    '150',
    '--seed',
    '2',
    '--out',
    out,
    '--quick',
  );
  t.equal(code, 0, 'quick fails for what is reliable only');
  t.match(stdout, /not every time/);
});

t.test('Ctrl-C: 130, workers gone, and how to go on', async (t) => {
  const out = join(t.testdir(), 'campaign');
  const { child, ended } = start(['--target', 'fake:slow', '--time', '1h', '--out', out]);
  while (!existsSync(out) || roundsIn(out).length < 5) await new Promise((resolve) => setTimeout(resolve, 5));
  child.kill('SIGINT');
  const { code, stderr } = await ended;
  t.equal(code, 130);
  t.match(stderr, /to go on: qbm fuzz --resume/);
  for (const { info } of workersIn(out)) t.throws(() => process.kill(info.pid, 0), { code: 'ESRCH' });
});

t.test('a time limit', async (t) => {
  const out = join(t.testdir(), 'campaign');
  const { code, stderr } = await fuzz('--target', 'fake:good', '--time', '1s', '--out', out);
  t.equal(code, 0, stderr);
  t.ok(roundsIn(out).length > 0);
});

t.test('help lists the properties, or says where they are listed', async (t) => {
  t.match(await fuzz('--help'), { code: 0, stdout: /Properties:\n {2}toy {2}a few commands\n/ });
  t.match(await runHere(['help', 'fuzz'], { targets, errorId }), {
    code: 0,
    stdout: /qbm fuzz --help lists/,
  });
});

t.test('mistakes of usage', async (t) => {
  const dir = t.testdir();
  const out = join(dir, 'campaign');
  await fuzz('--target', 'fake:good', '--runs', '3', '--seed', '1', '--out', out);
  for (const [args, message] of [
    [['nonsense'], /no such property: nonsense; there are toy/],
    [['--shard', '3/2'], /A shard like 2\/4/],
    [['--time', 'long'], /A time like 60s/],
    [['--runs', '0'], /A whole number from 1/],
    [['--resume', join(dir, 'nothing')], /there is no campaign in/],
    [['--resume', out, '--target', 'fake:bug'], /that campaign is one of fake:good/],
    [['--target', 'fake:good', '--seed', '2', '--out', out], /there is a campaign in/],
    [['--target', 'fake:good', '--seed', '1', '--out', out], /there is a campaign in/],
    [['--target', 'fake:good', '--target', 'fake:bug'], /one target/],
  ] as const) {
    const { code, stderr } = await fuzz(...args);
    t.equal(code, 64, args.join(' '));
    t.match(stderr, message);
  }
});

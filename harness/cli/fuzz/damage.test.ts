import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t, { type Test } from 'tap';
import { errorId, targets } from '../../fuzz/campaign/fake-world.js';
import { workersIn } from '../../fuzz/campaign/files.js';
import { type Printed, runHere } from './run-for-tests.js';

// Many processes are started, on machines with other things to do.
t.setTimeout(1_800_000);

const WORLD = new URL('../../fuzz/campaign/fake-world.js', import.meta.url).href;

/** In this process, which has workers where there is something to play: starting more of them takes long. */
const run = (...args: readonly string[]): Promise<Printed> =>
  runHere(args, { world: WORLD, targets, errorId });

const dir = t.testdir();
const good = join(dir, 'good');
let copies = 0;

/** A copy of the good campaign, and where things are in it. */
function copy(): { out: string; plan: string; worker: string; log: string; finding: string } {
  const out = join(dir, `copy${copies++}`);
  cpSync(good, out, { recursive: true });
  const plan = join(out, readdirSync(out).find((name) => name.startsWith('campaign-'))!);
  const worker = join(out, 'workers', readdirSync(join(out, 'workers'))[0]!);
  const finding = join(worker, 'findings', readdirSync(join(worker, 'findings'))[0]!);
  return { out, plan, worker, log: join(worker, 'rounds.jsonl'), finding };
}

/** The text of a found.json with some members that are wrong. */
function found(more: object): string {
  const signature = { id: 'a', kind: 'crash', where: 'b', what: 'c' };
  const outcome = { kind: 'crash', step: 0, message: 'd', stderr: '' };
  return JSON.stringify({ signature, outcome, round: 1, target: 'e', program: 'f', version: 'g', ...more });
}

const LISTS = { kind: 'differs', step: 0, expected: [], observed: ['x', 7], oracle: 'model' };

/** What an error says, without a stack. */
function isClear(t: Test, { stderr, stdout }: Printed, what: RegExp | string): void {
  t.match(stderr, what);
  t.notMatch(stderr, /^\s+at /m, 'no stack');
  t.notMatch(stdout, /NaN|undefined/);
}

t.before(async () => {
  const { code, stdout } = await run(
    ...['fuzz', '--target', 'fake:bug', '--runs', '150', '--seed', '1', '--workers', '1', '--out', good],
  );
  t.equal(code, 1);
  t.match(stdout, /\b3 findings, 3 of them new/);
});

t.test('a damaged plan, or what says whose rounds they are: an error that names it', async (t) => {
  for (const [file, text, what] of [
    ['plan', 'garbage', /campaign-\w+\.json: is no JSON; restore/],
    ['plan', '{}', /campaign-\w+\.json: "target" is missing; restore/],
    ['plan', '{"target":"fake:bug","properties":[],"seed":1}', /"properties": must contain at least 1/],
    [
      'plan',
      '{"target":"fake:bug","properties":["toy"],"seed":2}',
      /holds campaign \w+, not that of its name/,
    ],
    ['worker', '{}', /worker\.json: "campaign" is missing; restore it .* or remove /],
    ['worker', '\0\xff{', /worker\.json: is no JSON/],
    ['worker', '', /worker\.json: the file is empty/],
    ['worker', null, /worker\.json: the file is missing/],
  ] as const) {
    const { out, plan, worker } = copy();
    const path = file === 'plan' ? plan : join(worker, 'worker.json');
    if (text === null) rmSync(path);
    else writeFileSync(path, text);
    for (const args of [
      ['report', out],
      ['fuzz', '--resume', out, '--runs', '1'],
    ]) {
      const ended = await run(...args);
      t.equal(ended.code, 2, `${args[0]}: ${text}`);
      isClear(t, ended, what);
    }
  }
});

t.test('a damaged line is no round: it is told, and the round is played again', async (t) => {
  const { out, log } = copy();
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const first = JSON.parse(lines[0]!) as { round: number };
  const wrong = [
    { ...first, goals: 7 },
    { ...first, states: 5 },
    { round: first.round },
    { ...first, round: 1e30 },
    { ...first, round: 1.5 },
    { ...first, round: -1 },
    { ...first, steps: 0.5 },
    { ...first, outcome: 'other' },
    7,
    null,
  ];
  const changed = [
    ...lines,
    ...wrong.map((one) => JSON.stringify(one)),
    '',
    'torn in the middle',
    '{"round":3',
  ];
  writeFileSync(log, changed.join('\n'));
  const ended = await run('report', out);
  t.equal(ended.code, 0, ended.stderr);
  isClear(t, ended, /rounds\.jsonl:151: no record of a round, left out: "goals": must be array; remove/);
  t.match(ended.stderr, /:153: .*"property" is missing/);
  t.match(ended.stderr, /:154: .*"round": must be <= 9007199254740991;/);
  const warned = [...ended.stderr.matchAll(/^qbm: warning: .*rounds\.jsonl:(\d+)/gm)].map(([, line]) =>
    Number(line),
  );
  t.same(
    warned,
    Array.from({ length: 12 }, (_, index) => 151 + index),
    'all but the last, which a kill leaves',
  );
  t.match(ended.stdout, /^150 histories/m);

  writeFileSync(log, ['{}', ...lines.slice(1), ''].join('\n'));
  const again = await run('fuzz', '--resume', out, '--runs', '150');
  isClear(t, again, /rounds\.jsonl:1: no record/);
  t.equal(again.stderr.match(/rounds\.jsonl:1:/g)?.length, 1, 'once');
  t.match(again.stdout, /^150 histories/m);
});

t.test('a damaged finding: the others are reported, it is told; by itself it is an error', async (t) => {
  for (const [name, text, what] of [
    ['found.json', '{}', /found\.json: "signature" is missing/],
    ['found.json', found({ signature: 3 }), /found\.json: "signature": must be object/],
    ['found.json', found({ signature: {} }), /found\.json: "signature": "id" is missing/],
    ['found.json', found({ outcome: { kind: 'differs' } }), /found\.json: "outcome": "step" is missing/],
    ['found.json', found({ outcome: LISTS }), /found\.json: "outcome": "observed": item 2: must be string/],
    ['found.json', found({ outcome: { ...LISTS, kind: 'hang' } }), /"outcome": "message" is missing/],
    ['found.json', found({ outcome: { kind: 'other' } }), /found\.json: "outcome": value of tag "kind"/],
    ['found.json', '', /found\.json: the file is empty/],
    ['found.json', '{"signature":{"id', /found\.json: is no JSON/],
    ['minimal.json', '{}', /minimal\.json: "id" is missing/],
    ['minimal.yaml', null, /minimal\.yaml: cannot be opened: ENOENT/],
    ['minimal.yaml', 'a: [', /minimal\.yaml:\d+:\d+: /],
    ['history.yaml', 'steps: 7\n', /history\.yaml:\d+:\d+: /],
    ['rerun.json', '[]', /rerun\.json: must be object/],
  ] as const) {
    const { out, finding } = copy();
    if (text === null) rmSync(join(finding, name));
    else writeFileSync(join(finding, name), text);
    const report = await run('report', out);
    t.equal(report.code, 0, `${name}: ${text}`);
    isClear(t, report, what);
    t.match(report.stderr, `the finding is left out: remove ${finding}, or restore it`);
    t.match(report.stdout, /\b2 findings/);
    for (const args of [
      ['replay', finding],
      ['promote', finding, '--reason', 'x'],
    ]) {
      const ended = await run(...args);
      t.equal(ended.code, 2, `${args[0]} ${name}: ${text}`);
      isClear(t, ended, what);
      t.match(ended.stderr, `; remove ${finding}, or restore it`);
    }
  }
});

t.test('with a damaged finding a campaign is gone on with, and played again', async (t) => {
  const { out, finding } = copy();
  writeFileSync(join(finding, 'history.yaml'), 'garbage');
  const resumed = await run('fuzz', '--resume', out, '--runs', '151');
  t.equal(resumed.code, 1);
  isClear(t, resumed, /history\.yaml:1:1: /);
  t.match(resumed.stdout, /^151 histories/m);
  const replayed = await run('replay', out, '--times', '1');
  t.equal(replayed.code, 0, replayed.stderr);
  isClear(t, replayed, /history\.yaml:1:1: .*the finding is left out/);
  t.equal(replayed.stdout.match(/ still /g)?.length, 2);
});

t.test(
  'what is not there is told: a log, a finding, a plan; an empty worker directory is what a kill leaves',
  async (t) => {
    const { out, plan, log, finding } = copy();
    mkdirSync(join(out, 'workers', 'killed', 'corpus'), { recursive: true });
    t.match(await run('report', out), { code: 0, stderr: '' });
    rmSync(join(finding, 'found.json'));
    rmSync(log);
    const ended = await run('report', out);
    t.equal(ended.code, 0);
    isClear(t, ended, /found\.json: the file is missing; the finding is left out/);
    t.match(ended.stderr, /rounds\.jsonl: the file is missing, its rounds are not counted/);
    const other = copy();
    cpSync(other.plan, join(out, 'campaign-old.json'));
    rmSync(plan);
    await run('fuzz', '--target', 'fake:good', '--runs', '1', '--seed', '9', '--out', join(dir, 'other'));
    cpSync(join(dir, 'other'), out, { recursive: true });
    t.match((await run('report', out)).stderr, /campaign-\w+\.json: the file is missing; restore/);
  },
);

t.test(
  'rounds whose finding is nowhere are told and played again; one with a copy elsewhere is there',
  async (t) => {
    const { out, worker, finding } = copy();
    const id = basename(finding);
    const count = readFileSync(join(worker, 'rounds.jsonl'), 'utf8').split(`"finding":"${id}"`).length - 1;
    const elsewhere = join(out, 'workers', `${basename(worker)}0`);
    cpSync(worker, elsewhere, { recursive: true });
    rmSync(finding, { recursive: true });
    t.match(await run('report', out), { code: 0, stderr: '', stdout: /^150 histories.*\b3 findings/ms });
    rmSync(elsewhere, { recursive: true });
    const report = await run('report', out);
    isClear(
      t,
      report,
      new RegExp(`rounds? [\\d, and more]* met finding ${id}, of which no directory is there`),
    );
    t.match(report.stdout, new RegExp(`^${150 - count} histories`, 'm'));
    t.match(report.stdout, /\b2 findings/);
    const resumed = await run('fuzz', '--resume', out, '--runs', '150');
    t.equal(resumed.code, 1);
    isClear(t, resumed, /of which no directory is there/);
    t.match(resumed.stdout, /^150 histories.*\b3 findings/ms);
    t.match(await run('report', out), { code: 0, stderr: '', stdout: /^150 histories/m }, 'told no more');
  },
);

t.test(
  'a campaign that goes on changes what it had reached; a damaged history of its corpus is left out',
  async (t) => {
    const { out, worker } = copy();
    const [damaged, ...others] = readdirSync(join(worker, 'corpus'));
    appendFileSync(join(worker, 'corpus', damaged!), 'damaged');
    const resumed = await run('fuzz', '--resume', out, '--runs', '250', '--workers', '1');
    t.equal(resumed.code, 1, resumed.stderr);
    isClear(
      t,
      resumed,
      `warning: ${join(worker, 'corpus', damaged!)}: it does not hold the history of its name`,
    );
    const [later] = workersIn(out).filter(({ path }) => path !== worker);
    const parents = later!.rounds.flatMap(({ parent }) => (parent === undefined ? [] : [`${parent}.yaml`]));
    t.ok(
      parents.some((name) => others.includes(name)),
      'what the first worker had reached was changed',
    );
    t.notOk(parents.includes(damaged!));
  },
);

t.test('paths and limits that cannot be meant', async (t) => {
  const { out, finding, log } = copy();
  appendFileSync(join(dir, 'list.yaml'), '[]\n');
  const nothing = join(dir, 'nothing');
  for (const [args, what] of [
    [['fuzz', '--out', ''], /--out is empty/],
    [['fuzz', '--out', log], /--out: .*rounds\.jsonl is a file, a directory was expected/],
    [['fuzz', '--out', join(log, 'below')], /--out: .*rounds\.jsonl is a file, a directory was expected/],
    [['fuzz', '--resume', log], /is a file: the directory of a campaign was expected/],
    [['report', log], /is a file: the directory of a campaign was expected/],
    [['report', ''], /there is no campaign in ""/],
    [['report', out, '--known', nothing], /--known: there is no .*nothing/],
    [['fuzz', '--resume', out, '--known', nothing], /--known: there is no .*nothing/],
    [['fuzz', '--resume', out, '--known', dir], /--known: .* is a directory/],
    [['report', out, '--cases', nothing], /--cases: there is no .*nothing/],
    [['replay', finding, '--cases', nothing], /--cases: there is no .*nothing/],
    [['promote', finding, '--reason', 'x', '--cases', nothing], /--cases: there is no .*nothing/],
    [
      ['promote', finding, '--reason', 'x', '--known', join(nothing, 'list.yaml')],
      /--known: there is no .*nothing/,
    ],
    [['promote', finding, '--reason', 'x', '--rule', 'XXX-999'], /--rule XXX-999: there is no such rule/],
    [['replay', finding, '--limit', '1e9'], /at most 86400/],
    [['replay', finding, '--limit', ''], /at most 86400/],
    [['promote', finding, '--reason', 'x', '--limit', '1e9'], /at most 86400/],
  ] as const) {
    const ended = await run(...args);
    t.equal(ended.code, 64, args.join(' '));
    isClear(t, ended, what);
  }
  t.match(await run('report', '--help'), { code: 0, stdout: /Exit codes: 0 / });
});

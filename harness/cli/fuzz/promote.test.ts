import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readFinding } from '../../fuzz/campaign/findings.js';
import { investigate } from '../../fuzz/campaign/investigate.js';
import { type Bad, signatureOf } from '../../fuzz/finding/signature.js';
import { historyText, parseHistory } from '../../fuzz/history-text.js';
import { WORLD } from '../../fuzz/world.js';
import { findInPath, parseTarget } from '../../target/parse.js';
import { closeAll } from '../../target/process.js';
import { QSD_PROGRAM } from '../../target/qmp/qsd.js';
import { errorId, targets } from '../known.js';
import { type Printed, runHere } from './run-for-tests.js';

// Each probe of a crash starts the program anew, on machines with other things to do.
t.setTimeout(1_800_000);
t.teardown(closeAll);

const isMissing = findInPath(QSD_PROGRAM) === null;
if (isMissing && process.env.CI !== undefined) t.fail(`${QSD_PROGRAM} is missing`);
const skip = isMissing && `no ${QSD_PROGRAM} in PATH`;

const run = (...args: string[]): Promise<Printed> => runHere(args, { targets, errorId });

/** Long, and at its end a transaction that ends QEMU 7.2. It asks for what it does not use. */
const HISTORY = `property: transaction
format: overlay
requires: [command:block-dirty-bitmap-merge]
steps:
  - open: {node: disk7, size: 1M}
  - open: {node: other, size: 64K}
  - qmp: {block-dirty-bitmap-add: {node: disk7, name: monday, granularity: 512}}
  - io: {node: disk7, write: [4096, 512], pattern: 7}
  - observe: other
  - qmp:
      transaction:
        actions:
          - {type: block-dirty-bitmap-clear, data: {node: disk7, name: monday}}
          - {type: block-dirty-bitmap-enable, data: {node: disk7, name: tuesday}}
  - observe: disk7
`;

t.test('a finding on QEMU, from its history to a regression that deviates as listed', { skip }, async (t) => {
  const dir = t.testdir();
  const path = join(dir, 'findings', '0123456789ab');
  await mkdir(path, { recursive: true });
  const history = parseHistory(HISTORY, 'test');
  const choice = parseTarget('qsd');
  const options = { limitMs: 10_000, signal: new AbortController().signal };
  const prober = WORLD.prober(choice, options);
  t.teardown(() => prober.close());
  const outcome = (await prober.probe(history)) as Bad;
  t.match(outcome, { kind: 'crash', step: 5 });
  const target = choice.create();
  const { program, version } = await target.identify();
  await target.close();
  const signature = signatureOf(history, outcome);
  const found = { signature, outcome, round: 1, target: 'qsd', program, version };
  writeFileSync(join(path, 'found.json'), JSON.stringify(found));
  writeFileSync(join(path, 'history.yaml'), historyText(history));

  t.equal((await run('promote', path, '--reason', 'x')).code, 1, 'it has to be small first');
  const property = WORLD.properties.find(({ name }) => name === 'transaction');
  const enough = new AbortController().signal;
  const names = (desc: string, errorClass: string): string | undefined => errorId('qsd', desc, errorClass);
  await investigate(path, { prober, property, choice, enough, errorId: names, ...options });
  const { minimal } = readFinding(path)!;
  t.match(minimal, { rerun: { shown: 5, of: 5 }, isComplete: true, history: { format: 'raw' } });
  t.equal(minimal?.history.steps.length, 1);
  t.same(minimal?.history.requires, ['command:transaction'], 'what its steps need, no more');
  t.match(readFileSync(join(path, 'transcript.txt'), 'utf8'), /BMP-E-|REF-E-NODE/);

  t.match(await run('replay', path), {
    code: 0,
    stdout: /^qsd\n {2}still +[0-9a-f]{12} {2}crash[\s\S]*\n {2}1 played: 1 still\n$/,
  });
  t.match(await run('replay', path, '--target', 'reference'), { code: 1, stdout: /\n {2}fixed/ });

  const cases = join(dir, 'cases');
  await mkdir(cases);
  const places = ['--cases', cases, '--expected', join(dir, 'expected.yaml')];
  const known = ['--known', join(dir, 'known.yaml')];
  t.match(await run('promote', path, ...places, ...known), { code: 64, stderr: /needs --reason/ });
  const nameless = join(dir, 'nameless');
  await cp(path, nameless, { recursive: true });
  const refused = 'qmp: {block-dirty-bitmap-remove: {node: no-such-node, name: b0}}';
  const minimalText = [
    'property: transaction',
    'format: raw',
    'requires: []',
    'steps:',
    `  - ${refused}`,
    '',
  ];
  writeFileSync(join(nameless, 'minimal.yaml'), minimalText.join('\n'));
  const ofNameless = ['promote', nameless, '--target', 'qsd', '--reason', 'x', ...places, ...known];
  t.match(await runHere(ofNameless, { targets, errorId: () => undefined }), {
    code: 1,
    stderr: /not promoted: qsd: an error without an id: GenericError: .*\n.*give it an id.*error-table\.ts/,
  });
  const args = ['--target', 'qsd', '--id', 'enable-of-nothing', '--reason', 'It ends.', ...places, ...known];
  t.match(await run('promote', path, ...args, '--id', 'Not a slug'), { code: 64, stderr: /small letters/ });
  t.notOk(existsSync(join(cases, 'regressions')), 'nothing was written');
  const [first, last] = [
    "- {case: a, reason: 'by hand', hunk: x}\n",
    "- {case: z, reason: 'by hand', hunk: x}\n",
  ];
  writeFileSync(join(dir, 'expected.yaml'), first + last);
  const promoted = await run('promote', path, ...args, '--rule', 'TXN-002');
  t.equal(promoted.code, 0, promoted.stderr);
  const list = readFileSync(join(dir, 'expected.yaml'), 'utf8');
  t.ok(list.startsWith(`${first}- case: enable-of-nothing\n`) && list.endsWith(last), list);
  writeFileSync(join(dir, 'expected.yaml'), list.slice(first.length, -last.length));
  t.same(readdirSync(join(cases, 'regressions')), ['enable-of-nothing.yaml']);
  t.match(readFileSync(join(dir, 'known.yaml'), 'utf8'), /case: regressions\/enable-of-nothing\n/);
  t.match(await run('promote', path, ...args), { code: 64, stderr: /is there already/ });

  const again = await run(
    'run',
    'enable-of-nothing',
    '--target',
    'qsd',
    ...places,
    '--out',
    join(dir, 'out'),
  );
  t.match(again, { code: 0, stdout: /# deviates|deviates/ });
  t.match(
    await run('run', 'enable-of-nothing', '--cases', cases, '--out', join(dir, 'out')),
    { code: 0 },
    'the reference passes',
  );
  await verify(t, join(cases, 'regressions'), join(dir, 'expected.yaml'));
});

/** What replay says of a case, by what is listed for it. */
async function verify(t: Test, regressions: string, expected: string): Promise<void> {
  const replay = (...more: string[]): Promise<Printed> => run('replay', regressions, '--times', '1', ...more);
  const qsd = ['--target', 'qsd', '--expected', expected];
  const list = readFileSync(expected, 'utf8');
  const elsewhere = list.replace(/versions: .*/, 'versions: ["4.0"]');
  t.match(await replay(...qsd), {
    code: 0,
    stdout: /^qsd\n {2}still +regressions\/enable-of-nothing\n {2}1 played: 1 still\n$/,
  });
  writeFileSync(expected, elsewhere);
  t.match(await replay(...qsd), { code: 0, stdout: /1 still/ }, 'whatever version it is listed for');
  writeFileSync(expected, elsewhere.replace('+! crash', '+! hang'));
  t.match(await replay(...qsd), { code: 1, stdout: /new .*\n +crash: .*otherwise than listed for 4\.0\n/ });
  t.match(await replay('--target', 'qsd'), {
    code: 1,
    stdout: /nothing is listed for this case\n[\s\S]*1 new\n/,
  });
  writeFileSync(expected, elsewhere);
  t.match(await replay('--target', 'reference', '--expected', expected), {
    code: 0,
    stdout: /1 same|1 fixed/,
  });
  t.match(await replay('--target', 'reference'), { code: 0, stdout: /same .*\n {2}1 played: 1 same\n$/ });
  t.match(await replay(...qsd, '--target', 'reference'), { code: 64, stderr: /list of one target/ });
  writeFileSync(join(regressions, 'broken.yaml'), 'steps: 1\n');
  t.match(await replay('--target', 'reference'), { code: 2, stderr: /broken\.yaml/ });
}

t.test('what cannot be played again or promoted', async (t) => {
  const dir = t.testdir({ empty: {} });
  t.match(await run('replay', join(dir, 'nothing')), { code: 64, stderr: /is no finding, campaign/ });
  t.match(await run('replay', join(dir, 'empty')), { code: 64, stderr: /nothing to play/ });
  t.match(await run('promote', dir, '--reason', 'x'), { code: 64, stderr: /is no finding/ });
  t.match(await run('report', dir), { code: 64, stderr: /no campaign/ });
  t.match(await run('replay', 'merge-empty-list', '--times', '0'), { code: 64, stderr: /whole number/ });
});

t.test('a case is compared with its golden', async (t) => {
  t.match(await run('replay', 'merge-empty-list', '--times', '1'), {
    code: 0,
    stdout: /^reference\n {2}same +bitmap\/merge-empty-list\n {2}1 played: 1 same\n$/,
  });
});

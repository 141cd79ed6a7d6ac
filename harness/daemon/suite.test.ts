/** The suite from outside: a part of the cases on `qbm daemon`, a process that knows nothing of the harness. */
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { runProgram } from '../target/img/tools.js';

/** What a daemon does that the reference in process does not: sockets, files, an end, and bitmaps that outlive it. */
const AREAS = ['export', 'persistence/restart-*', 'persistence/kill-*', 'iotests:236'];
const LIMIT_MS = 240_000;

t.setTimeout(LIMIT_MS);

t.test('cases on the daemon have the goldens of all', { timeout: LIMIT_MS }, async (t) => {
  const main = join(packageRoot(), 'dist', 'harness', 'cli', 'main.js');
  const daemon = `'${process.execPath}' '${main}' daemon --chardev stdio,id=c --monitor c`;
  const out = t.testdir({});
  const words = [
    process.execPath,
    main,
    'run',
    ...AREAS,
    '--format',
    'all',
    '--jobs',
    '2',
    '--target',
    `qmp:${daemon}`,
  ];
  const result = await runProgram([...words, '--reporter', 'jsonl', '--out', out], { limitMs: LIMIT_MS });
  const verdicts = result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((line) => 'case' in line);
  const bad = verdicts.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skip');
  t.same(bad, []);
  t.ok(verdicts.filter(({ verdict }) => verdict === 'pass').length > 60, 'most of them can be run');
  t.equal(result.code, 0);
});

/**
 * The suite from outside, on `qbm daemon`, a process that knows nothing of the harness: all areas, all formats. What is only about
 * tools or stored files (the areas image and format) needs no daemon, and is run elsewhere.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { runProgram } from '../target/img/tools.js';

const WITHOUT_DAEMON: ReadonlySet<string> = new Set(['format', 'image']);
const LIMIT_MS = 1_200_000;

/** It is a storage daemon, as QEMU's: there is no machine whose devices could come and go. */
const SKIPPED = /^the target lacks devices$/;

/** Cases that a process without a harness in it answers otherwise, by what it is told. */
const OTHERWISE: ReadonlySet<string> = new Set([
  // The image of the case names what is below it with its directory, and neither drive-* nor a tool that gets a name alone
  // has a way to vouch for it (QBM-040).
  'drive-existing',
  'mirror-drive-existing-backed-full',
  'mirror-drive-existing-backed-none',
  'mirror-drive-existing-backed-top',
  'mirror-drive-large-clusters',
  'mirror-drive-missing-backing',
  'stream-of-zeros-through-faults',
]);

interface Line {
  readonly case: string;
  readonly verdict: string;
  readonly reason?: string;
}

t.setTimeout(LIMIT_MS);

t.test('cases on the daemon have the goldens of all', { timeout: LIMIT_MS }, async (t) => {
  const main = join(packageRoot(), 'dist', 'harness', 'cli', 'main.js');
  const daemon = `'${process.execPath}' '${main}' daemon --chardev stdio,id=c --monitor c`;
  const areas = readdirSync(join(packageRoot(), 'cases'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !WITHOUT_DAEMON.has(entry.name))
    .map(({ name }) => name);
  const words = [process.execPath, main, 'run', ...areas, '--format', 'all', '--jobs', '2'];
  const result = await runProgram(
    [...words, '--target', `qmp:${daemon}`, '--reporter', 'jsonl', '--out', t.testdir({})],
    { limitMs: LIMIT_MS },
  );
  const lines: Line[] = result.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))
    .filter((line) => 'case' in line);
  const skipped = lines.filter(({ verdict }) => verdict === 'skip');
  t.same(
    skipped.filter(({ reason }) => !SKIPPED.test(reason ?? '')),
    [],
    'nothing is skipped without a reason that is known',
  );
  const isGood = ({ verdict }: Line): boolean => verdict === 'pass' || verdict === 'allowed';
  const bad = lines.filter((line) => !isGood(line) && line.verdict !== 'skip');
  t.same(
    bad.filter((line) => !OTHERWISE.has(line.case)),
    [],
  );
  t.same(
    [...OTHERWISE].filter((id) => !bad.some((line) => line.case === id)),
    [],
    'what is listed is still so',
  );
  t.ok(lines.filter(isGood).length > 900, 'most of them can be run');
});

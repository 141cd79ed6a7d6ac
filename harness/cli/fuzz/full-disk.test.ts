/** A campaign on a real target, where a file system is full. It is made in a namespace of its own, which needs no rights. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { findInPath } from '../../target/find-program.js';
import { QSD_PROGRAM } from '../../target/qmp/qsd.js';

// A process that is started takes long on machines with other things to do.
t.setTimeout(1_800_000);

const MAIN = fileURLToPath(new URL('../main.js', import.meta.url));
const NAMESPACE = ['--map-root-user', '--mount', 'sh', '-c'];

/** `sh -c SCRIPT WORDS…` where mounting is allowed, and nobody else sees it. */
function inNamespace(script: string, ...words: string[]): { code: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync('unshare', [...NAMESPACE, script, ...words], {
    encoding: 'utf8',
    timeout: 600_000,
  });
  return { code: status, out: stdout, err: stderr };
}

const reason = ((): string | false => {
  if (findInPath(QSD_PROGRAM) === null) return `no ${QSD_PROGRAM} in PATH`;
  const tried = inNamespace('mount -t tmpfs none "$0"', t.testdir({}));
  return tried.code !== 0 && 'file systems cannot be mounted here';
})();

/** A campaign whose TMPDIR and directory are `$1` and `$2`; one of them is the small file system `$0`. */
const CAMPAIGN = `mount -t tmpfs -o size=400k none "$0" && mkdir -p "$1" &&
  TMPDIR="$1" "$3" "$4" fuzz bitmap transaction lifecycle --target qsd --seed 7 --runs 300 --workers 1 --out "$2"
  code=$?; find "$2" -name '*.tmp'; exit $code`;

t.test('a full disk is no finding: the campaign ends with 2 and says so', { skip: reason }, async (t) => {
  // The path of a socket below TMPDIR must be short.
  const dir = mkdtempSync(join(tmpdir(), 'qbm-full-'));
  t.teardown(() => rmSync(dir, { recursive: true }));
  const [small, roomy, campaign] = ['small', 'roomy', 'campaign'].map((name) => join(dir, name));
  for (const path of [small, roomy, campaign]) mkdirSync(path!);
  const run = (scratch: string, out: string) =>
    inNamespace(CAMPAIGN, small!, scratch, out, process.execPath, MAIN);

  const scratch = run(small!, campaign!);
  t.equal(scratch.code, 2, scratch.err);
  t.match(
    scratch.err,
    /could not go on: no space is left for the files of histories: .*small.* has \d+ bytes/,
  );
  t.match(scratch.err, /to go on: qbm fuzz --resume/);
  t.match(scratch.out, /^0 findings/m);
  const [worker] = readdirSync(join(campaign!, 'workers'));
  t.same(readdirSync(join(campaign!, 'workers', worker!, 'findings')), []);

  const out = run(roomy!, join(small!, 'out'));
  t.equal(out.code, 2, out.err);
  t.match(
    out.err,
    /could not go on: .*small\/out\/workers\/.*: (ENOSPC: no space left on device|only a part)/,
  );
  t.match(out.out, / findings, 0 of them new$/m);
  t.notMatch(out.out, /\.tmp$/m, 'nothing half written is left');
});

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { unless } from '../target/fixtures.js';
import { QEMU_SYSTEM_PROGRAM } from '../target/qmp/qemu-system.js';
import { QSD_PROGRAM } from '../target/qmp/qsd.js';

const MAIN = fileURLToPath(new URL('main.js', import.meta.url));

/** One small case, on which a bench of the whole suite is a matter of a second. */
const CASE = `id: tiny
title: A new bitmap is clean
rules: [BMP-001]
steps:
  - open: {node: disk, size: 64K}
  - qmp: {block-dirty-bitmap-add: {node: disk, name: b}}
  - observe: disk
`;

async function bench(args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const [code] = await once(child, 'close');
  return { code: code as number | null, out, err };
}

t.test('the suite of one case is measured', { skip: unless(QSD_PROGRAM, QEMU_SYSTEM_PROGRAM) }, async (t) => {
  const dir = t.testdir({ cases: { demo: { 'tiny.yaml': CASE } } });
  const { code, out, err } = await bench(['suite', '--quick', '--json', '--cases', `${dir}/cases`]);
  t.equal(err, '');
  t.equal(code, 0);
  const { quick, missing, sections } = JSON.parse(out);
  t.same({ quick, missing }, { quick: true, missing: [] });
  t.match(sections, [{ bench: 'suite', sides: ['QEMU', 'reference'] }]);
  const [{ rows }] = sections;
  t.equal(rows.length, 8);
  t.match(rows[0], {
    what: 'qsd, cold',
    ratio: { median: Number },
    repeated: 1,
    bar: { at: 'least', value: 10 },
  });
});

t.test('without QEMU, one line for each program, and no rows', async (t) => {
  const dir = t.testdir({ cases: { demo: { 'tiny.yaml': CASE } } });
  const { code, out, err } = await bench(['command', 'suite', 'nbd', '--quick', '--cases', `${dir}/cases`], {
    ...process.env,
    PATH: dir,
  });
  t.equal(code, 0);
  t.match(
    err,
    /^bench: no qemu-storage-daemon in PATH.*\nbench: no qemu-system-x86_64 in PATH.*\n(bench: no \S+ in PATH, nbd is left out\.\n){4}$/,
  );
  t.match(out, /^Node v.*\n\n$/);
});

t.test('NBD servers of the same bytes', { skip: unless('qemu-nbd', 'nbdkit', 'nbdcopy') }, async (t) => {
  const { code, out, err } = await bench(['nbd', '--quick', '--json']);
  t.equal(err, '');
  t.equal(code, 0);
  const { rows } = JSON.parse(out).sections[0];
  t.equal(rows.length, 9);
  t.match(rows[0], { what: /^nbdcopy.*: qemu-nbd$/, ratio: { median: Number }, bar: { value: 0.8 } });
  t.match(rows[3], { what: /random.*: qemu-nbd$/, ratio: { median: Number }, bar: { value: 1 } });
});

t.test('usage', async (t) => {
  const unknown = await bench(['no-such-bench']);
  t.match(unknown, {
    code: 64,
    out: '',
    err: /no such bench: no-such-bench; there are command, suite, bitmap/,
  });
  t.match(await bench(['--no-such-option']), { code: 64, out: '' });
  t.match(await bench(['--help']), { code: 0, out: /command .*\n.*suite .*\n.*bitmap /, err: '' });
});

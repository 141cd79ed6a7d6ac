/** The tools of the reference as processes: their streams, their exit codes, and their end. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { comparable, qemuIoVersion } from '../../spec/host/io/io-for-tests.js';

const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));
/** Milliseconds; a limit only against hanging. */
const LIMIT = 30_000;
const version = qemuIoVersion();
const skip = version?.startsWith('7.2.') ? false : `qemu-io 7.2 is not in PATH (found: ${version ?? 'none'})`;

const directory = mkdtempSync(join(tmpdir(), 'qbm-tools-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));
writeFileSync(join(directory, 'disk'), new Uint8Array(65536));

function run(program: readonly string[], argv: readonly string[], input = '') {
  const [file, ...words] = [...program, ...argv] as [string, ...string[]];
  const options = { cwd: directory, input, timeout: LIMIT, maxBuffer: 2 ** 28 };
  const { status, stdout, stderr } = spawnSync(file, words, { ...options, encoding: 'utf8' });
  return { code: status, stdout: comparable(stdout), stderr: comparable(stderr) };
}

const QBM = [process.execPath, MAIN];
const IO = [...QBM, 'io'];
const DISK = ['-f', 'raw', 'disk'];

t.test('whatever comes on standard input, in pieces of 1023 bytes, as qemu-io takes it', { skip }, (t) => {
  const inputs = [
    `length ${'x'.repeat(2000)}\nlength\n`,
    `length${' '.repeat(1017)}quit\nlength\n`,
    `length${' '.repeat(1016)}\nlength\n`,
    'x'.repeat(100_000),
    'length',
    `${'length\n'.repeat(20_000)}lengt`,
    '\0\nlen\0gth\n\u0001\u007f \t \v\nread 0 1\n',
  ];
  for (const [index, input] of inputs.entries()) {
    t.same(run(IO, DISK, input), run(['qemu-io'], DISK, input), `input ${index}`);
  }
  t.end();
});

t.test('bytes that are no text are no command', (t) => {
  const input = Buffer.from(Array.from({ length: 65536 }, (_, at) => (at * 7919) % 251));
  const { status, stderr } = spawnSync(process.execPath, [MAIN, 'io', ...DISK], {
    cwd: directory,
    input,
    timeout: LIMIT,
    encoding: 'utf8',
  });
  t.equal(status, 1);
  t.match(stderr, /^command ".*" not found$/m);
  t.notMatch(stderr, /Error|at .*\.js/);
  t.end();
});

t.test('exit codes are those of the tool', (t) => {
  t.equal(run(IO, [...DISK, '-c', 'read 0 512']).code, 0);
  t.equal(run(IO, [...DISK, '-c', 'read -P 1 0 512']).code, 1);
  t.equal(run(IO, ['nothing']).code, 1);
  t.equal(run(IO, ['--nonsense']).code, 1);
  t.match(run(IO, ['--help']), { code: 0, stdout: /^Usage: qbm io/, stderr: '' });
  t.match(run(IO, ['--version']), { code: 0, stdout: /^qbm io version \d+\.\d+/ });
  t.match(run(QBM, ['--help']), { code: 0, stdout: /qbm io/ });
  t.end();
});

t.test('when nobody reads any more it ends, however much more is to come', (t) => {
  const words = `yes length | '${process.execPath}' '${MAIN}' io -f raw disk | head -n 1`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', words], {
    cwd: directory,
    timeout: LIMIT,
    encoding: 'utf8',
  });
  t.same({ status, stdout }, { status: 0, stdout: 'qbm io> 64 KiB\n' });
  t.equal(stderr, '');
  t.end();
});

t.test('it waits at its prompt, answers a line at a time, and Ctrl-C ends it', async (t) => {
  // As a user's shell starts it: what the test runner puts into the environment would catch the signal.
  const bare = ['-i', process.execPath, MAIN, 'io', ...DISK];
  const child = spawn('env', bare, { cwd: directory, stdio: 'pipe' });
  t.teardown(() => void child.kill('SIGKILL'));
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT);
  let said = '';
  const until = async (end: string): Promise<void> => {
    while (!said.endsWith(end)) {
      const [chunk] = (await once(child.stdout, 'data')) as [Buffer];
      said += chunk.toString();
    }
  };
  await until('qbm io> ');
  child.stdin.write('length\n');
  await until('64 KiB\nqbm io> ');
  child.stdin.write('write -q -P 5 0 512\nread -q -P 5 0 512\n');
  await until('64 KiB\nqbm io> qbm io> qbm io> ');
  const ended = once(child, 'exit');
  child.kill('SIGINT');
  t.same(await ended, [null, 'SIGINT']);
  clearTimeout(limit);
  t.match(run(IO, [...DISK, '-c', 'read -q -P 5 0 512']), { code: 0 }, 'what was answered is there');
});

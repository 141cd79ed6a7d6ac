/** The daemon in this process: options as qemu-storage-daemon words its refusals, monitors, and its end. */
import { existsSync, statSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { runDaemon } from './run.js';

/** A running daemon, and what it says. */
class Running {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly #stop = new AbortController();
  readonly code: Promise<number>;
  errors = '';
  #said = '';
  #wake = (): void => {};

  constructor(...argv: string[]) {
    this.stdout.setEncoding('utf8');
    this.stdout.on('data', (text: string) => {
      this.#said += text;
      this.#wake();
    });
    this.code = runDaemon(argv, {
      stdin: this.stdin,
      stdout: this.stdout,
      stderr: (text) => {
        this.errors += text;
      },
      version: '1.2.3',
      stop: this.#stop.signal,
    });
  }

  /** The next line of standard output. */
  async line(): Promise<string> {
    for (;;) {
      const at = this.#said.indexOf('\n');
      if (at >= 0) {
        const line = this.#said.slice(0, at).trimEnd();
        this.#said = this.#said.slice(at + 1);
        return line.replace(/"timestamp": \{[^}]*\}, /, '');
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async ask(command: string, args: object = {}): Promise<string> {
    this.stdin.write(`${JSON.stringify({ execute: command, arguments: args })}\n`);
    return this.line();
  }

  stop(): void {
    this.#stop.abort();
  }
}

async function directory(t: Test): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'qbm-daemon-'));
  t.teardown(() => rm(path, { recursive: true }));
  return path;
}

t.test(
  'what is wrong with the command line is said as qemu-storage-daemon says it, with exit code 1',
  async (t) => {
    const wrong: [string[], string][] = [
      [['--foo'], "unrecognized option '--foo'"],
      [['extra'], 'extra: Unexpected argument'],
      [['--blockdev'], "option '--blockdev' requires an argument"],
      [['--blockdev', 'foo'], "--blockdev foo: Parameter 'driver' does not accept value 'foo'"],
      [['--blockdev', 'node-name=a'], "--blockdev node-name=a: Parameter 'driver' is missing"],
      [['--blockdev', 'null-co'], "--blockdev null-co: 'node-name' must be specified for the root node"],
      [
        ['--blockdev', 'null-co,node-name=a,x=1'],
        "--blockdev null-co,node-name=a,x=1: Parameter 'x' is unexpected",
      ],
      [['--blockdev', '{}'], "--blockdev {}: Parameter 'driver' is missing"],
      [['--chardev', 'stdio'], "--chardev stdio: Parameter 'id' is missing"],
      [['--monitor', 'c'], '--monitor c: chardev "c" not found'],
      [['--nbd-server', 'foo'], "--nbd-server foo: Expected '=' after parameter 'foo'"],
      [['--nbd-server', 'addr.type=unix'], "--nbd-server addr.type=unix: Parameter 'addr.path' is missing"],
      [
        ['--nbd-server', 'addr.type=unix,addr.path=/nowhere/x'],
        '--nbd-server addr.type=unix,addr.path=/nowhere/x: Failed to bind socket to /nowhere/x: No such file or directory',
      ],
      [
        ['--export', 'nbd,id=a,node-name=x'],
        "--export nbd,id=a,node-name=x: Cannot find device='' nor node-name='x'",
      ],
      [['--pidfile', '/nowhere/x'], "cannot create PID file '/nowhere/x': No such file or directory"],
    ];
    for (const [argv, error] of wrong) {
      const running = new Running(...argv);
      t.equal(await running.code, 1);
      t.equal(running.errors, `qbm daemon: ${error}\n`);
    }
  },
);

t.test('a monitor on standard input and output, until quit', async (t) => {
  const running = new Running(
    '--blockdev',
    'null-co,node-name=n,size=1M',
    '--chardev',
    'stdio,id=c',
    '--monitor',
    'c',
  );
  t.match(await running.line(), /^\{"QMP": .*"package": "qbm 1\.2\.3"/);
  t.match(await running.ask('query-block'), /CommandNotFound/);
  t.equal(await running.ask('qmp_capabilities'), '{"return": {}}');
  t.match(await running.ask('query-named-block-nodes'), /"virtual-size": 1048576/);
  t.equal(await running.ask('quit'), '{"return": {}}');
  t.equal(await running.code, 0);
  t.equal(running.errors, '');
});

t.test('sockets are the user’s own, events come before the reply, and all is gone at the end', async (t) => {
  const path = join(await directory(t), 'nbd');
  const qmp = `${path}-qmp`;
  const stdio = ['--chardev', 'stdio,id=c', '--monitor', 'c'];
  const socket = ['--chardev', `socket,id=s,path=${qmp},server=on,wait=off`, '--monitor', 's'];
  const running = new Running('--blockdev', 'null-co,node-name=n', ...socket, ...stdio);
  await running.line();
  await running.ask('qmp_capabilities');
  const addr = { type: 'unix', data: { path } };
  t.equal(await running.ask('nbd-server-start', { addr }), '{"return": {}}');
  t.match(await running.ask('nbd-server-start', { addr }), /NBD server already running/);
  for (const name of [path, qmp]) t.equal(statSync(name).mode & 0o777, 0o600);
  await running.ask('block-export-add', { type: 'nbd', id: 'e', 'node-name': 'n' });
  const client = connect(path);
  await new Promise((resolve) => client.once('data', resolve));
  const other = connect(qmp);
  await new Promise((resolve) => other.once('data', resolve));
  const ended = new Promise((resolve) => client.once('close', resolve));
  t.equal(await running.ask('nbd-server-stop'), '{"event": "BLOCK_EXPORT_DELETED", "data": {"id": "e"}}');
  t.equal(await running.line(), '{"return": {}}');
  await ended;
  running.stop();
  t.equal(await running.code, 0);
  t.equal(existsSync(path), false);
  t.equal(existsSync(qmp), false);
});

t.test('a file in the place of a socket stays, a socket that was left goes', async (t) => {
  const path = join(await directory(t), 'nbd');
  writeFileSync(path, 'precious');
  const running = new Running('--nbd-server', `addr.type=unix,addr.path=${path}`);
  t.equal(await running.code, 1);
  t.match(running.errors, /Failed to bind socket to .*: Address already in use/);
  t.equal(statSync(path).size, 8);
});

/** For tests: `qbm daemon` and qemu-storage-daemon as processes, which take the same options, each with its QMP. */
import { existsSync, readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { JsonObject } from '../../spec/json/value.js';
import { packageRoot } from '../cli/environment.js';
import { runProgram } from '../target/img/tools.js';
import { type Child, ScratchDirectory, settles, startChild } from '../target/process.js';
import { QmpClient } from '../target/qmp/client.js';
import type { ToolOutcome } from '../target/target.js';

/** Milliseconds for whatever is waited for: far more than it takes on a machine with much to do. */
export const LIMIT_MS = 60_000;

export type DaemonKind = 'qbm' | 'qsd';

const COMMANDS: Readonly<Record<DaemonKind, readonly string[]>> = {
  qbm: [process.execPath, join(packageRoot(), 'dist', 'harness', 'cli', 'main.js'), 'daemon'],
  qsd: ['qemu-storage-daemon'],
};

export class DaemonProcess {
  readonly child: Child;
  readonly qmp: QmpClient;
  /** of the NBD server, where a test tells it to listen */
  readonly socket: string;
  readonly directory: string;

  private constructor(child: Child, qmp: QmpClient, directory: string) {
    this.child = child;
    this.qmp = qmp;
    this.directory = directory;
    this.socket = join(directory, 'nbd');
  }

  /**
   * Starts one in `directory`, in which options name files, with a monitor of its own on standard input and output.
   * `programs`: the directory of another version.
   */
  static async start(
    what: DaemonKind | { readonly kind: DaemonKind; readonly programs: string | undefined },
    directory: string,
    ...options: string[]
  ): Promise<DaemonProcess> {
    const { kind, programs } = typeof what === 'string' ? { kind: what, programs: undefined } : what;
    const [command, ...args] = COMMANDS[kind];
    const file = programs === undefined ? command : join(programs, command!);
    const monitor = ['--chardev', 'stdio,id=test', '--monitor', 'test'];
    const child = await startChild({
      file: file!,
      args: [...args, ...options, ...monitor],
      cwd: directory,
      channel: 'stdio',
    });
    const qmp = await QmpClient.connect(child, child, { isOurs: () => false }, LIMIT_MS);
    return new DaemonProcess(child, qmp, directory);
  }

  async ask(command: string, args?: JsonObject): Promise<unknown> {
    const reply = await this.qmp.execute(command, args, LIMIT_MS);
    return 'return' in reply ? reply.return : reply.error;
  }

  /** Runs a client in the directory of the daemon. */
  async client(...words: string[]): Promise<ToolOutcome> {
    return runProgram(words, { cwd: this.directory, limitMs: LIMIT_MS });
  }

  /** Ends it by a signal. @returns its exit code; null if it did not end by itself */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    process.kill(this.child.pid, signal);
    if (!(await settles(this.child.exited, LIMIT_MS))) throw new Error(`it still runs after ${signal}`);
    return this.child.exit!.code;
  }

  async destroy(): Promise<void> {
    this.qmp.close();
    await this.child.destroy();
  }

  /** Bytes of memory that it has now. */
  get memory(): number {
    const [, kib = '0'] =
      /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8')) ?? [];
    return Number(kib) * 1024;
  }
}

/** Runs `work` in a directory of its own; what it started is gone afterwards. */
export async function inScratch(
  work: (directory: string, started: Pick<DaemonProcess, 'destroy'>[]) => Promise<void>,
): Promise<void> {
  const scratch = new ScratchDirectory();
  const started: Pick<DaemonProcess, 'destroy'>[] = [];
  try {
    await work(scratch.path, started);
  } finally {
    for (const daemon of started) await daemon.destroy();
    await scratch.remove();
  }
}

/** A connection to a socket, once somebody listens there. */
export async function connected(path: string): Promise<Socket> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    if (existsSync(path)) {
      const socket = connect(path);
      const isOpen = await new Promise<boolean>((resolve) => {
        socket.once('connect', () => resolve(true));
        socket.once('error', () => resolve(false));
      });
      socket.on('error', () => {});
      if (isOpen) return socket;
    }
    if (performance.now() > deadline) throw new Error(`nobody listens at ${path}`);
    await wait(5);
  }
}

/** Until `condition` holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never: ${what}`);
    await wait(5);
  }
}

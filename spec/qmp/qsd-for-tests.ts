/** A qemu-storage-daemon for the differential tests: sends bytes, collects what comes back. Only tests import this. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const PROGRAM = 'qemu-storage-daemon';
/** milliseconds for one answer; far more than it takes, a limit only against hanging */
const LIMIT = 20_000;

/** The version, as "7.2.22", or undefined where the program is not installed. */
export function daemonVersion(): string | undefined {
  const run = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return run.error ? undefined : /version ([0-9.]+)/.exec(run.stdout)?.[1];
}

export class Daemon implements Disposable {
  private readonly child: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;
  private asked = 0;

  constructor(...options: string[]) {
    const monitor = ['--chardev', 'stdio,id=qmp', '--monitor', 'chardev=qmp'];
    this.child = spawn(PROGRAM, [...monitor, ...options], { stdio: 'pipe' });
    // a daemon that died shows in the next read; the pipe's own complaint adds nothing
    this.child.stdin.on('error', () => {});
    // nobody reads its warnings, and a full pipe would hold it up
    this.child.stderr.resume();
    this.lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
  }

  send(text: string): void {
    this.child.stdin.write(text);
  }

  /** The next line. Rejects when the daemon ends or says nothing for too long. */
  async line(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new Error(`${PROGRAM} does not answer`)), LIMIT);
    });
    try {
      const { value, done } = await Promise.race([this.lines.next(), late]);
      if (done) throw new Error(`${PROGRAM} has ended`);
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * The lines that answer `input`, without events. `input` must leave the parser at rest: what tells the end is a
   * command sent after it, whose own answer is dropped.
   */
  async ask(input: Uint8Array | string): Promise<string[]> {
    const mark = `mark ${++this.asked}`;
    this.child.stdin.write(input);
    this.child.stdin.write(`{"execute": "query-version", "id": "${mark}"}\n`);
    const answers: string[] = [];
    for (;;) {
      const line = await this.line();
      if (line.includes(`"${mark}"`)) return answers;
      if (!line.includes('"event":')) answers.push(line);
    }
  }

  /** Ends it, and waits until all that it held is free. */
  async end(): Promise<void> {
    const gone = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await gone;
  }

  [Symbol.dispose](): void {
    this.child.kill('SIGKILL');
  }
}

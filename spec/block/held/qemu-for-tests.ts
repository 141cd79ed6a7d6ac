/** A qemu-system for tests: what it prints and what it answers come on one stream, in their order. Only tests import this. */
import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

const PROGRAM = 'qemu-system-x86_64';
const OPTIONS = ['-machine', 'pc', '-S', '-nodefaults', '-display', 'none', '-qmp', 'stdio'];
/** milliseconds for one line; far more than it takes, a limit only against hanging */
const LIMIT = 20_000;

/** The version, as "7.2.22", or undefined where the program is not installed. */
export function qemuVersion(): string | undefined {
  const run = spawnSync(PROGRAM, ['--version'], { encoding: 'utf8' });
  return run.error ? undefined : /version ([0-9.]+)/.exec(run.stdout)?.[1];
}

export class Qemu implements Disposable {
  readonly #child: ChildProcessWithoutNullStreams = spawn(PROGRAM, OPTIONS, { stdio: 'pipe' });
  readonly #lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  #printed: string[] = [];

  constructor() {
    this.#child.stdin.on('error', () => {}); // that it has ended shows in the next line
    this.#child.stderr.resume();
  }

  /** After the greeting. @throws Error if the command is refused */
  async ask(name: string, args: object = {}): Promise<unknown> {
    this.#child.stdin.write(`${JSON.stringify({ execute: name, arguments: args })}\n`);
    for (;;) {
      const line = await this.#line();
      const reply = line.startsWith('{') ? (JSON.parse(line) as Record<string, unknown>) : null;
      if (reply === null) this.#printed.push(line);
      else if ('return' in reply) return reply.return;
      else if ('error' in reply) throw new Error(`${name}: ${line}`);
    }
  }

  /** The lines that were printed since it was asked last, as many as there are to be; more, if more were. */
  async printed(count: number): Promise<string[]> {
    while (this.#printed.length < count) {
      const line = await this.#line();
      if (!line.startsWith('{')) this.#printed.push(line);
    }
    const printed = this.#printed;
    this.#printed = [];
    return printed;
  }

  async #line(): Promise<string> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`${PROGRAM} says nothing; before: ${this.#printed.join('; ')}`)),
        LIMIT,
      );
    });
    try {
      const { value, done } = await Promise.race([this.#lines.next(), late]);
      if (done === true) throw new Error(`${PROGRAM} has ended`);
      return value;
    } finally {
      clearTimeout(timer);
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill('SIGKILL');
  }
}

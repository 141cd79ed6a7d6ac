/**
 * Programs under test as children of this process, and the scratch directories they work in. This is the one place
 * that knows all of them, so that none outlives the harness: not after a fault, not after Ctrl-C or SIGKILL.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Duplex, PassThrough, type Readable, type Writable } from 'node:stream';
import { AfterKill } from './after-kill.js';
import { TargetFault } from './target.js';

/** How a child ended. Exactly one of the two is not null. */
export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ChildOptions {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /**
   * `socket`: the child finds a connected unix socket as its file descriptor 3, stdin is empty and stdout is a log.
   * `stdio`: the dialogue goes over stdin and stdout.
   * `log`: none; stdin is empty and stdout is a log.
   */
  readonly channel: 'socket' | 'stdio' | 'log';
  /** what a person has to do when there is no such program */
  readonly hint?: string;
}

/** How much of a log is kept: the last bytes, which is where a program says why it died. */
const LOG_LIMIT = 16 * 1024;
/** How long a child may take to heed SIGTERM, milliseconds. */
const TERM_LIMIT_MS = 2000;
/** How long we wait for a child that got SIGKILL; it only takes longer when the kernel holds it in I/O. */
const KILL_LIMIT_MS = 5000;
/** A unix socket's path has at most 107 bytes (sun_path); this leaves room for ours below the directory. */
const LONGEST_TEMPORARY_DIRECTORY = 60;

const children = new Set<Child>();
const directories = new Set<ScratchDirectory>();
const afterKill = new AfterKill();

/** The last {@link LOG_LIMIT} bytes of what a child printed, and how much it was in all. */
class Log {
  #chunks: Buffer[] = [];
  #kept = 0;
  total = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#kept += chunk.length;
    this.total += chunk.length;
    while (this.#kept - this.#chunks[0]!.length >= LOG_LIMIT) this.#kept -= this.#chunks.shift()!.length;
  }

  /** What was printed after the first `from` bytes, as far as it is kept. */
  since(from: number): string {
    const text = Buffer.concat(this.#chunks);
    const dropped = this.total - text.length;
    return text.subarray(Math.max(0, from - dropped, text.length - LOG_LIMIT)).toString('utf8');
  }
}

/** A running program. It dies with this process, however that ends. */
export class Child {
  readonly process: ChildProcess;
  readonly name: string;
  /** where requests are written */
  readonly input: Writable;
  /** where replies are read */
  readonly output: Readable;
  /** set once the child is gone and its output has been read to the end */
  exit: Exit | null = null;
  /** resolves (never rejects) when {@link exit} is set */
  readonly exited: Promise<Exit>;
  readonly #stderr = new Log();

  /** Use {@link startChild}. */
  constructor(process: ChildProcess, options: ChildOptions) {
    this.process = process;
    this.name = options.file;
    const socket = options.channel === 'socket' ? (process.stdio[3] as Duplex) : null;
    this.input = socket ?? process.stdin ?? new PassThrough();
    this.output = socket ?? process.stdout!;
    if (options.channel !== 'stdio') process.stdout!.on('data', (chunk: Buffer) => this.#stderr.add(chunk));
    // A write to a program that has just died fails; the death itself is what gets reported.
    this.input.on('error', () => {});
    this.output.on('error', () => {});
    process.stderr!.on('data', (chunk: Buffer) => this.#stderr.add(chunk));
    process.on('error', () => {});
    this.exited = new Promise((resolve) => {
      const gone = (code: number | null, signal: NodeJS.Signals | null) => {
        if (this.exit !== null) return;
        this.exit = { code, signal };
        children.delete(this);
        afterKill.remove(this.pid);
        unguard();
        resolve(this.exit);
      };
      // 'close' comes after the last output. A grandchild that holds the pipes open must not hide the death.
      process.on('close', gone);
      process.on('exit', (code, signal) => {
        this.#signalGroup('SIGKILL');
        setTimeout(gone, 200, code, signal).unref();
      });
    });
    children.add(this);
    afterKill.add(this.pid);
    guard();
  }

  get pid(): number {
    return this.process.pid!;
  }

  /** How many bytes the child has printed to its log so far; a mark for {@link stderr}. */
  get printed(): number {
    return this.#stderr.total;
  }

  /** The end of what the child printed on stderr (and on stdout, where that is no channel), since a mark. */
  stderr(since = 0): string {
    return this.#stderr.since(since);
  }

  /** Kills the child and whatever it started, at once. The death itself is seen in {@link exited}. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): void {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    if (!this.#signalGroup(signal)) this.process.kill(signal);
  }

  /** Asks the child to end, then makes it. Safe at any time and more than once. */
  async stop(): Promise<void> {
    if (this.exit !== null) return;
    this.kill('SIGTERM');
    if (await settles(this.exited, TERM_LIMIT_MS)) return;
    await this.destroy();
  }

  /** Makes the child end, without asking. */
  async destroy(): Promise<void> {
    if (this.exit !== null) return;
    this.kill('SIGKILL');
    await settles(this.exited, KILL_LIMIT_MS);
  }

  /** "killed by SIGSEGV" or "ended with code 1", with the end of its log; null while it lives. */
  death(since = 0): string | null {
    if (this.exit === null) return null;
    const { code, signal } = this.exit;
    const how = signal === null ? `ended with code ${code}` : `was killed by ${signal}`;
    return `${this.name} ${how}${this.quoteLog(since)}`;
  }

  /** Signals the child and whatever it started; false if there is no such group any more. */
  #signalGroup(signal: NodeJS.Signals): boolean {
    try {
      return process.kill(-this.pid, signal);
    } catch {
      return false;
    }
  }

  /** The end of the log as the last part of a message; empty if there is none. */
  quoteLog(since = 0): string {
    const log = this.stderr(since).trimEnd();
    return log === '' ? '' : `; it printed:\n${log.replace(/^/gm, '  | ')}`;
  }
}

/**
 * Starts a program.
 *
 * @throws TargetFault `surroundings` when there is no such program or it may not be run
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const stdin = options.channel === 'stdio' ? 'pipe' : 'ignore';
  const child = spawn(options.file, options.args, {
    stdio: [stdin, 'pipe', 'pipe', ...(options.channel === 'socket' ? (['pipe'] as const) : [])],
    // A group of its own: Ctrl-C reaches us alone, and whatever the program starts dies with it.
    detached: true,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (child.pid === undefined) {
    const why = await new Promise<NodeJS.ErrnoException>((resolve) => child.once('error', resolve));
    const what = why.code === 'ENOENT' ? 'there is no such program' : why.message;
    throw new TargetFault(
      'surroundings',
      `cannot start ${options.file}: ${what}${options.hint ? `. ${options.hint}` : ''}`,
    );
  }
  return new Child(child, options);
}

/** A directory of our own under the system's temporary directory. */
export class ScratchDirectory {
  readonly path: string;

  constructor() {
    const parent = tmpdir().length > LONGEST_TEMPORARY_DIRECTORY ? '/tmp' : tmpdir();
    try {
      this.path = mkdtempSync(join(parent, `qbm-${process.pid}-`));
    } catch (error) {
      throw new TargetFault(
        'surroundings',
        `cannot make a directory in ${parent}: ${(error as Error).message}`,
      );
    }
    directories.add(this);
    afterKill.add(this.path);
    guard();
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
    directories.delete(this);
    afterKill.remove(this.path);
    unguard();
  }
}

/** Stops every child and removes every directory. What the CLI calls before it exits. */
export async function closeAll(): Promise<void> {
  await Promise.all([...children].map((child) => child.stop()));
  await Promise.all([...directories].map((directory) => directory.remove()));
}

/** Whether `promise` settles within `limitMs`. */
export async function settles(promise: Promise<unknown>, limitMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  const done = promise.then(
    () => true,
    () => true,
  );
  try {
    return await Promise.race([done, limit]);
  } finally {
    clearTimeout(timer);
  }
}

function closeAllNow(): void {
  for (const child of children) child.kill('SIGKILL');
  for (const directory of directories) rmSync(directory.path, { recursive: true, force: true });
  directories.clear();
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * A signal that nobody else handles ends this process, as it would without us, but after our children. One that
 * somebody handles (the CLI, which calls {@link closeAll} and exits with 130) is theirs.
 */
function onSignal(signal: NodeJS.Signals): void {
  if (process.listenerCount(signal) > 1) return;
  closeAllNow();
  process.removeListener(signal, onSignal);
  process.kill(process.pid, signal);
}

let guarded = false;

/** The listeners are there only while there is something to guard: a library must not change what Ctrl-C does. */
function guard(): void {
  if (guarded) return;
  guarded = true;
  process.on('exit', closeAllNow);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

function unguard(): void {
  if (!guarded || children.size > 0 || directories.size > 0) return;
  guarded = false;
  process.removeListener('exit', closeAllNow);
  for (const signal of SIGNALS) process.removeListener(signal, onSignal);
}

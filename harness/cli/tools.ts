/**
 * The tools of the reference in a real process: `qbm img` and `qbm io` over the files of this machine. They take the
 * command line as it stands, have exit codes of their own, and work from their first statement to their last without giving
 * way: so their streams are synchronous, and Ctrl-C ends them as it ends qemu-img and qemu-io.
 */
import { readSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { DirectoryStorage } from '../../spec/host/directory-storage.js';
import { runImg } from '../../spec/host/img/img.js';
import { type IoToolWorld, runIo } from '../../spec/host/io/io.js';
import { nodeSha256 } from '../../spec/host/sha256.js';
import { packageVersion } from './environment.js';

type Tool = (argv: readonly string[], world: IoToolWorld) => number;

/** By the name of the subcommand. */
export const TOOLS: { readonly [name: string]: Tool } = { img: runImg, io: runIo };

const STDIN = 0;
const STDOUT = 1;
const STDERR = 2;
/** Bytes of a line at most, as qemu-io reads them: what is longer comes as several lines. */
const LONGEST_LINE = 1023;
/** Milliseconds after which a stream that had nothing to give, or no room, is asked again. */
const PATIENCE = 5;
const NEWLINE = 0x0a;

/** Runs a tool on this process's streams and files. Returns its exit code. */
export function runTool(tool: Tool, argv: readonly string[]): number {
  const stdout = new Output(STDOUT);
  const stderr = new Output(STDERR);
  const stdin = new Lines();
  const code = tool(argv, {
    storage: new DirectoryStorage('.', { followLinks: true }),
    makeHash: nodeSha256,
    stdout: (text) => stdout.write(text),
    stderr: (text) => stderr.write(text),
    // Where nobody reads any more, nobody needs another answer.
    readLine: () => (stdout.isBroken ? undefined : stdin.next()),
    isTerminal: isatty(STDOUT),
    now: () => performance.now() / 1000,
    sleep,
    version: packageVersion(),
  });
  if (stdout.lost === null) return code;
  stderr.write(`qbm: the output is not complete: ${stdout.lost}\n`);
  return Math.max(code, 1);
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

class Output {
  isBroken = false;
  /** why something is lost, if that is a failure */
  lost: string | null = null;
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  write(text: string): void {
    const bytes = Buffer.from(text);
    for (let done = 0; done < bytes.length && !this.isBroken; ) {
      try {
        done += writeSync(this.#fd, bytes, done);
      } catch (error) {
        this.#failed(error as NodeJS.ErrnoException);
      }
    }
  }

  #failed({ code, message }: NodeJS.ErrnoException): void {
    if (code === 'EAGAIN') {
      sleep(PATIENCE);
      return;
    }
    this.isBroken = true;
    // A reader that has seen enough (`qbm img … | head`) is no failure.
    if (code !== 'EPIPE') this.lost = message;
  }
}

/** Standard input, line by line. Never more than a block of it is in memory. */
class Lines {
  readonly #block = Buffer.alloc(65536);
  /** what of the block has been read and not given out */
  #rest = this.#block.subarray(0, 0);

  /** The next line without its newline, or undefined at the end. */
  next(): string | undefined {
    const pieces: Buffer[] = [];
    let length = 0;
    while (length < LONGEST_LINE) {
      if (this.#rest.length === 0 && !this.#fill()) break;
      const end = this.#rest.indexOf(NEWLINE);
      const most = LONGEST_LINE - length;
      const isWhole = end >= 0 && end < most;
      const piece = this.#rest.subarray(0, isWhole ? end : Math.min(most, this.#rest.length));
      // The block is filled anew before the line is put together.
      pieces.push(Buffer.from(piece));
      length += piece.length;
      this.#rest = this.#rest.subarray(piece.length + (isWhole ? 1 : 0));
      if (isWhole) return Buffer.concat(pieces).toString();
    }
    return length === 0 ? undefined : Buffer.concat(pieces).toString();
  }

  #fill(): boolean {
    for (;;) {
      try {
        const length = readSync(STDIN, this.#block);
        this.#rest = this.#block.subarray(0, length);
        return length > 0;
      } catch (error) {
        // Whoever shares the terminal may have made it answer at once.
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') return false;
        sleep(PATIENCE);
      }
    }
  }
}

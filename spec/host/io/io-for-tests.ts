/** The same command line on `qbm io` and on a real qemu-io, over files of the same content, and what both say. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryStorage } from '../directory-storage.js';
import { nodeSha256 } from '../sha256.js';
import { runIo } from './io.js';

/** Milliseconds for one run of qemu-io; a limit only against hanging. */
const LIMIT = 20_000;

/** The version, as "7.2.22", or undefined where the program is not installed. */
export function qemuIoVersion(): string | undefined {
  const run = spawnSync('qemu-io', ['--version'], { encoding: 'utf8' });
  return run.error ? undefined : /version ([0-9.]+)/.exec(run.stdout)?.[1];
}

/** Files by name: a text, or so many zeros. */
export type Files = { readonly [name: string]: string | number };

/** What a run said and left. */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** the content of all files afterwards, as latin1 */
  readonly files: { readonly [name: string]: string };
}

export class Bench implements Disposable {
  readonly #root = mkdtempSync(join(tmpdir(), 'qbm-io-'));

  /** `qbm io`, in this process. `input` is its standard input, in lines. */
  ours(argv: readonly string[], files: Files, input: string[] = []): Outcome {
    const directory = this.#fill('ours', files);
    const streams = { stdout: '', stderr: '' };
    const lines = [...input];
    const code = runIo(argv, {
      storage: new DirectoryStorage(directory),
      makeHash: nodeSha256,
      stdout: (text) => {
        streams.stdout += text;
      },
      stderr: (text) => {
        streams.stderr += text;
      },
      readLine: () => lines.shift(),
      isTerminal: false,
    });
    return outcome(code, streams.stdout, streams.stderr, directory);
  }

  theirs(argv: readonly string[], files: Files, input: string[] = []): Outcome {
    const directory = this.#fill('theirs', files);
    const text = input.map((line) => `${line}\n`).join('');
    const run = spawnSync('qemu-io', argv, {
      cwd: directory,
      input: text,
      encoding: 'utf8',
      timeout: LIMIT,
      maxBuffer: 2 ** 28,
    });
    return outcome(run.status, run.stdout, run.stderr, directory);
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  #fill(name: string, files: Files): string {
    const directory = join(this.#root, name);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory);
    for (const [file, content] of Object.entries(files)) {
      writeFileSync(join(directory, file), typeof content === 'string' ? content : new Uint8Array(content));
    }
    return directory;
  }
}

function outcome(code: number | null, stdout: string, stderr: string, directory: string): Outcome {
  const files: { [name: string]: string } = {};
  for (const name of readdirSync(directory)) files[name] = readFileSync(join(directory, name), 'latin1');
  return { code, stdout: comparable(stdout), stderr: comparable(stderr), files };
}

/** Without what differs by right: how long it took, what the program is called, and what it does in a few words. */
export function comparable(text: string): string {
  return text
    .replace(/^(.* 1 ops);.*$/gm, '$1')
    .replace(/^(\d+,1),[\d:.]+,(?:inf|nan|[\d.]+),(?:inf|nan|[\d.]+)$/gm, '$1')
    .replace(/^qemu-io(: |> )/gm, 'qbm io$1')
    .replace(/(?:qemu-io> )+/g, (prompts) => prompts.replaceAll('qemu-io', 'qbm io'))
    .replace(/^([a-z_?]+ (?:\S+ )*-- ).*$/gm, '$1');
}

/** Image tools that are programs of their own: qemu-img and qemu-io, or somebody's own in their place. */
import { accessSync, constants } from 'node:fs';
import { dirname, join } from 'node:path';
import { findInPath } from '../find-program.js';
import { settles, startChild } from '../process.js';
import { TargetFault, type ToolOutcome, type ToolPart } from '../target.js';
import { capabilitiesIn } from './help.js';

/** How the tools are started: the words before their arguments. */
export interface ToolCommands {
  readonly img: readonly string[];
  readonly io: readonly string[];
}

/** More output is no answer: the longest honest one, a map of thousands of areas, has less. */
const LONGEST_OUTPUT = 8 * 1024 * 1024;

export const QEMU_IMG = 'qemu-img';
export const QEMU_IO = 'qemu-io';

/**
 * The tools that belong to a program of QEMU: those in the same directory.
 *
 * @param program a name that is looked up in PATH, or a path
 * @returns null unless both are there
 */
export function toolsBeside(program: string): ToolCommands | null {
  const file = program.includes('/') ? program : findInPath(program);
  if (file === null) return null;
  const [img, io] = [join(dirname(file), QEMU_IMG), join(dirname(file), QEMU_IO)];
  return [img, io].every(isExecutable) ? { img: [img], io: [io] } : null;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The capabilities that tools give: none where there is no such tool. @throws TargetFault */
export async function capabilitiesOf(tools: ToolCommands, limitMs: number): Promise<string[]> {
  const { code, stdout } = await runProgram([...tools.img, '--help'], { limitMs });
  if (code !== 0) return [];
  return [...capabilitiesIn(stdout).filter((name) => name.startsWith('img')), 'image-io'];
}

/** Tools for one case. */
export class ProgramTools implements ToolPart {
  readonly formatName: string;
  readonly #commands: ToolCommands;
  readonly #directory: string;
  readonly #limitMs: number;

  constructor(commands: ToolCommands, directory: string, formatName: string, limitMs: number) {
    this.#commands = commands;
    this.#directory = directory;
    this.formatName = formatName;
    this.#limitMs = limitMs;
  }

  async run(tool: 'img' | 'io', args: readonly string[], input: string): Promise<ToolOutcome> {
    return runProgram([...this.#commands[tool], ...args], {
      input,
      cwd: this.#directory,
      limitMs: this.#limitMs,
    });
  }
}

export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  /** milliseconds; after it the program is killed */
  readonly limitMs: number;
  /** what a person has to do when there is no such program */
  readonly hint?: string;
}

/**
 * Runs a program to its end.
 *
 * @throws TargetFault `hang` when it takes too long, `crash` when a signal ends it, `garbage` for endless output
 */
export async function runProgram(words: readonly string[], options: RunOptions): Promise<ToolOutcome> {
  const { input = '', limitMs, cwd, hint } = options;
  const [file, ...args] = words;
  const child = await startChild({
    file: file!,
    args,
    channel: 'stdio',
    ...(cwd === undefined ? {} : { cwd }),
    ...(hint === undefined ? {} : { hint }),
  });
  const chunks: Buffer[] = [];
  let length = 0;
  child.output.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length <= LONGEST_OUTPUT) chunks.push(chunk);
    else child.kill();
  });
  child.input.end(input);
  const isOver = await settles(child.exited, limitMs);
  if (!isOver) {
    await child.destroy();
    throw new TargetFault('hang', `${file} did not end within ${limitMs} ms${child.quoteLog()}`);
  }
  if (length > LONGEST_OUTPUT) {
    throw new TargetFault('garbage', `${file} printed more than ${LONGEST_OUTPUT} bytes`);
  }
  const code = child.exit?.code ?? null;
  if (code === null) throw new TargetFault('crash', child.death()!);
  return { code, stdout: Buffer.concat(chunks).toString('utf8'), stderr: child.stderr() };
}

/** Image tools by themselves as a target: `img:qemu-img`. Every step is a process of its own; nothing is resident. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { JsonObject } from '../../../spec/json/value.js';
import { ScratchDirectory } from '../process.js';
import { bytesOf, makeSparse, pathOf } from '../qmp/images.js';
import { splitCommand } from '../shell-words.js';
import {
  type CaseContext,
  Declined,
  type Identity,
  type IoOutcome,
  type NodeObservation,
  type Reply,
  type Session,
  type Target,
  TargetFault,
} from '../target.js';
import { capabilitiesIn, formatsIn } from './help.js';
import { ProgramTools, runProgram, type ToolCommands } from './tools.js';

/** How long a tool may take to say what it is, milliseconds. */
const IDENTIFY_LIMIT_MS = 30_000;
export const IMG_HINT = 'On Debian 12 it is in the package qemu-utils: apt-get install qemu-utils';
/** The overlay formats that `{format}` may stand for; a tool that has several means the first. */
const OVERLAY_FORMATS = ['qcow2', 'qbm'];

/**
 * The commands of both tools, from that of the image tool: the last "img" in it becomes "io".
 *
 * @throws Error when `command` is no command, or has no "img" in it
 */
export function toolCommands(command: string): ToolCommands {
  const at = command.lastIndexOf('img');
  if (at === -1) {
    throw new Error(
      `no "img" in the command "${command}": the tool for requests is found by putting "io" in its place`,
    );
  }
  return {
    img: splitCommand(command),
    io: splitCommand(`${command.slice(0, at)}io${command.slice(at + 'img'.length)}`),
  };
}

export class ImgTarget implements Target {
  readonly name: string;
  readonly kind = 'img';
  readonly #commands: ToolCommands;
  #known: { readonly identity: Identity; readonly overlay: string | null } | null = null;
  #scratch: ScratchDirectory | null = null;
  #sessions = 0;

  /** @throws Error when `command` is no command */
  constructor(name: string, command: string) {
    this.name = name;
    this.#commands = toolCommands(command);
  }

  async identify(): Promise<Identity> {
    return (await this.#ask()).identity;
  }

  async begin(context: CaseContext): Promise<Session> {
    const { overlay } = await this.#ask();
    this.#scratch ??= new ScratchDirectory();
    // A number of its own: what is left of a case that hung may still write to its directory.
    const directory = join(this.#scratch.path, `case-${++this.#sessions}`);
    await mkdir(directory);
    const formatName = context.format === 'overlay' ? overlay! : context.format;
    return new ImgSession(
      directory,
      new ProgramTools(this.#commands, directory, formatName, context.limitMs),
    );
  }

  async close(): Promise<void> {
    const scratch = this.#scratch;
    this.#scratch = null;
    await scratch?.remove();
  }

  async #ask(): Promise<{ identity: Identity; overlay: string | null }> {
    if (this.#known !== null) return this.#known;
    const ask = (tool: keyof ToolCommands, option: string): Promise<string> => this.#demand(tool, option);
    const { version, origin } = versionIn(await ask('img', '--version'), this.#commands.img.join(' '));
    await ask('io', '--version');
    const help = await ask('img', '--help');
    const formats = formatsIn(help);
    const overlay = OVERLAY_FORMATS.find((format) => formats.includes(format)) ?? null;
    const program = this.#commands.img.map((word) => word.replace(/^.*\//s, '')).join(' ');
    const identity = {
      program: `${program} ${version}${origin}`,
      version,
      capabilities: new Set([...capabilitiesIn(help), 'image-io', ...(overlay === 'qbm' ? ['bytes'] : [])]),
      formats: new Set([
        ...(formats.includes('raw') ? ['raw'] : []),
        ...(overlay === null ? [] : ['overlay']),
      ]),
    };
    this.#known = { identity, overlay };
    return this.#known;
  }

  async #demand(tool: keyof ToolCommands, option: string): Promise<string> {
    const words = [...this.#commands[tool], option];
    const { code, stdout, stderr } = await runProgram(words, { limitMs: IDENTIFY_LIMIT_MS, hint: IMG_HINT });
    if (code === 0) return stdout;
    throw new TargetFault('surroundings', `${words.join(' ')} ended with code ${code}: ${stderr.trim()}`);
  }
}

/** "qemu-img version 7.2.22 (Debian 1:7.2+dfsg-…)" */
function versionIn(text: string, command: string): { version: string; origin: string } {
  const found = /\bversion (\d\S*)(?: (\(.*\)))?/.exec(text);
  if (found !== null) return { version: found[1]!, origin: found[2] === undefined ? '' : ` ${found[2]}` };
  throw new TargetFault(
    'surroundings',
    `${command} --version says no "version N": ${JSON.stringify(text.slice(0, 100))}`,
  );
}

class ImgSession implements Session {
  readonly directory: string;
  readonly tools: ProgramTools;

  constructor(directory: string, tools: ProgramTools) {
    this.directory = directory;
    this.tools = tools;
  }

  async create(name: string, size: number): Promise<void> {
    await makeSparse(pathOf(this.directory, name), size);
  }

  async bytes(name: string): Promise<Uint8Array | null> {
    return bytesOf(pathOf(this.directory, name));
  }

  async open(): Promise<Reply> {
    throw noNodes();
  }

  async qmp(): Promise<Reply> {
    throw noNodes();
  }

  async qmpText(): Promise<Reply> {
    throw noNodes();
  }

  async io(): Promise<IoOutcome> {
    throw noNodes();
  }

  async observe(): Promise<NodeObservation | Reply> {
    throw noNodes();
  }

  async restart(): Promise<void> {
    throw noNodes();
  }

  events(): JsonObject[] {
    return [];
  }

  async end(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

function noNodes(): Declined {
  return new Declined('the target is an image tool: it has no nodes and no monitor');
}

/** What every subcommand of qbm img has: its machine, its streams, and how it ends. */
import type { Node } from '../../block/node.js';
import { RequestError } from '../../block/request-error.js';
import { jsonObject } from '../../json/value.js';
import { QmpError } from '../../qmp/errors.js';
import { Machine } from '../../qmp/machine.js';
import { Refusal } from '../../refusal.js';
import { reasonOf as errnoText } from '../../storage/reason.js';
import { StorageError } from '../../storage/storage.js';
import { OpenImageError } from '../open-error.js';
import { closeImage, type OpenFlags, openImage } from '../open-image.js';
import type { ToolWorld } from '../tool.js';

/** How the tool calls itself in messages. */
export const PROGRAM = 'qbm img';

/** The end of a subcommand: a text for standard error, and the exit code. */
export class ImgError extends Error {
  readonly code: number;
  /** what to do about it: a line of its own */
  readonly hint: string | null;
  constructor(message: string, code = 1, hint: string | null = null) {
    super(message);
    this.name = 'ImgError';
    this.code = code;
    this.hint = hint;
  }
}

export type CacheMode = 'none' | 'writeback' | 'writethrough' | 'directsync' | 'unsafe';

const CACHES: readonly string[] = ['none', 'off', 'writeback', 'writethrough', 'directsync', 'unsafe'];

/** @throws ImgError if there is no such mode */
export function checkCache(mode: string, what = 'cache'): void {
  if (!CACHES.includes(mode)) throw new ImgError(`Invalid ${what} option: ${mode}`);
}

export class Context {
  readonly world: ToolWorld;
  readonly machine: Machine;
  isQuiet = false;

  constructor(world: ToolWorld) {
    this.world = world;
    this.machine = new Machine({ storage: world.storage, makeHash: world.makeHash, writer: PROGRAM });
  }

  /** To standard output, with its newline. */
  print(text: string): void {
    this.world.stdout(`${text}\n`);
  }

  /** As {@link print}, unless -q was given. */
  say(text: string): void {
    if (!this.isQuiet) this.print(text);
  }

  /** To standard error, as from this program. */
  complain(text: string): void {
    this.world.stderr(`${PROGRAM}: ${text}\n`);
  }

  /** @throws ImgError with `code` */
  open(name: string, flags: OpenFlags, code = 1): Node {
    try {
      const warn = (text: string): void => this.world.stderr(text);
      return openImage(this.machine, name, { warn, ...flags });
    } catch (error) {
      if (!(error instanceof OpenImageError)) throw error;
      throw new ImgError(`Could not open '${name}': ${error.message}`, code);
    }
  }

  close(node: Node): void {
    closeImage(this.machine, node);
  }
}

/** Options of blockdev-add that go with every image a tool opens for writing. */
export function writing(cache?: string) {
  const isUnsafe = cache === 'unsafe';
  return jsonObject({ discard: 'unmap', cache: jsonObject({ 'no-flush': isUnsafe }) });
}

/** What refused, in one text; anything that is no refusal is a mistake of this program and goes on up. */
export function reasonOf(error: unknown): string {
  if (error instanceof StorageError || error instanceof RequestError) return errnoText(error.errno);
  if (error instanceof Refusal || error instanceof OpenImageError || error instanceof QmpError)
    return error.message;
  throw error;
}

/** What to do about a refusal, where QEMU says so, too. */
export function hintOf(error: unknown): string | null {
  return (error instanceof Refusal || error instanceof QmpError) && error.id === 'BMP-E-INCONSISTENT'
    ? 'Try block-dirty-bitmap-remove to delete this bitmap from disk'
    : null;
}

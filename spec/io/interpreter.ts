/** IMG-020. Runs a line: finds the command, counts its words, sees whether it may write, and gives out why it was refused. */
import { Refusal } from '../refusal.js';
import { type AioQueue, completeAio, type IoCommand, IoFailure, type IoWorld } from './command.js';
import type { Disk } from './disk.js';
import { RequestError } from './request.js';

export class Interpreter {
  readonly #world: IoWorld;
  readonly #commands: ReadonlyMap<string, IoCommand>;
  readonly #aio: AioQueue = [];

  /** @param commands all that there are */
  constructor(world: IoWorld, commands: readonly IoCommand[]) {
    this.#world = world;
    this.#commands = new Map(
      commands.flatMap((command) =>
        [command.name, ...(command.alias ? [command.alias] : [])].map((name) => [name, command]),
      ),
    );
  }

  /** Runs one line on `disk`, or on nothing if there is none. False if it failed; nothing at all is no failure. */
  run(line: string, disk: Disk | null): boolean {
    // A byte 0 ends a text, as it does in C; words are separated by blanks only.
    const [name, ...words] = line
      .split('\0', 1)[0]!
      .split(' ')
      .filter((word) => word !== '');
    if (name === undefined) return true;
    const command = this.#commands.get(name);
    try {
      if (command === undefined) throw new IoFailure('complain', `command "${name}" not found\n`);
      return this.#call(command, name, words, disk) ?? true;
    } catch (failure) {
      // QEMU 7.2 dies of info and alloc on a drive without a medium.
      if (failure instanceof RequestError) {
        this.#world.print(`${name} failed: ${failure.message}\n`);
        return false;
      }
      if (!(failure instanceof IoFailure)) throw failure;
      this.#world[failure.stream](failure.message);
      return false;
    }
  }

  /** Waits for the answers to all requests. */
  finish(): void {
    completeAio(this.#aio);
  }

  #call(command: IoCommand, name: string, words: string[], disk: Disk | null): boolean | undefined {
    const call = { world: this.#world, name, words, aio: this.#aio };
    if ('isPlain' in command) {
      if (command.needsImage) checkOpen(disk);
      checkCount(command, name, words.length);
      return command.run(call) as boolean | undefined;
    }
    checkOpen(disk);
    checkCount(command, name, words.length);
    if (command.needs !== undefined) need(disk, command.needs);
    return command.run(disk, call) as boolean | undefined;
  }
}

function checkOpen(disk: Disk | null): asserts disk is Disk {
  if (disk === null) throw new IoFailure('complain', "no file open, try 'help open'\n");
}

function need(disk: Disk, permissions: number): void {
  try {
    disk.need(permissions);
  } catch (error) {
    if (error instanceof Refusal) throw new IoFailure('report', error.message);
    throw error;
  }
}

function checkCount({ words: [least, most] }: IoCommand, name: string, count: number): void {
  if (count >= least && (most === null || count <= most)) return;
  const expected =
    most === null ? `at least ${least}` : least === most ? `${least}` : `between ${least} and ${most}`;
  throw new IoFailure('complain', `bad argument count ${count} to ${name}, expected ${expected} arguments\n`);
}

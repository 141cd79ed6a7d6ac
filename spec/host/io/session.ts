/** IMG-027. One run of `qbm io`: the image that is open, the commands that open and close it, and all others on it. */
import type { Node } from '../../block/node.js';
import { CONSISTENT_READ, WRITE } from '../../block/permissions.js';
import { completeAio, type IoCommand, IoFailure, type IoWorld, type PlainCommand } from '../../io/command.js';
import { NODE_COMMANDS } from '../../io/commands.js';
import { type Disk, NodeDisk } from '../../io/disk.js';
import { Interpreter } from '../../io/interpreter.js';
import { helpOn, SLEEP } from '../../io/plain.js';
import { Machine } from '../../qmp/machine.js';
import { Refusal } from '../../refusal.js';
import { reasonOf } from '../../storage/reason.js';
import { StorageError } from '../../storage/storage.js';
import { OpenImageError } from '../open-error.js';
import { closeImage, openImage } from '../open-image.js';
import type { ToolWorld } from '../tool.js';
import { PROGRAM } from './help.js';
import { openCommand, reopenCommand } from './open-commands.js';
import type { OpenOptions } from './open-options.js';

/** What to open: a name, options as text, or both; options are those of `open -o`. */
export interface ImageToOpen {
  readonly name: string | undefined;
  readonly pairs: string | undefined;
  readonly options: OpenOptions;
}

interface OpenImage {
  readonly disk: Disk;
  readonly image: ImageToOpen;
}

export class Session {
  /** `quit` was given */
  isOver = false;
  readonly #world: IoWorld;
  readonly #warn: (text: string) => void;
  readonly #machine: Machine;
  readonly #interpreter: Interpreter;
  #open: OpenImage | null = null;

  constructor(tool: ToolWorld, world: IoWorld) {
    this.#world = world;
    this.#warn = tool.stderr;
    this.#machine = new Machine({
      storage: tool.storage,
      makeHash: tool.makeHash,
      writer: PROGRAM,
      print: (_stream, text) => world.print(text),
    });
    const commands: IoCommand[] = [
      ...NODE_COMMANDS,
      SLEEP,
      openCommand(this),
      this.#closeCommand(),
      reopenCommand(this),
      this.#quitCommand(),
    ];
    commands.push(helpOn(() => commands));
    this.#interpreter = new Interpreter(world, commands);
  }

  /** Runs a line; false if it failed. */
  run(line: string): boolean {
    return this.#interpreter.run(line, this.#open?.disk ?? null);
  }

  /** The end: all answers, and the image closes. False if that failed. */
  end(): boolean {
    this.#interpreter.finish();
    return this.guard(() => this.#close());
  }

  /** Does what may fail; false, and said why, if it did. */
  guard(act: () => void): boolean {
    try {
      act();
      return true;
    } catch (failure) {
      if (!(failure instanceof IoFailure)) throw failure;
      this.#world[failure.stream](failure.message);
      return false;
    }
  }

  /** @throws IoFailure */
  open(image: ImageToOpen): void {
    if (this.#open !== null) throw new IoFailure('report', "file open already, try 'help close'");
    const { name, pairs, options } = image;
    try {
      if (options.conflict !== null) throw new OpenImageError(options.conflict);
      const node = openImage(this.#machine, name ?? pairs ?? '', {
        isOptions: name === undefined,
        pairs: name === undefined ? undefined : pairs,
        format: options.format,
        write: !options.isReadOnly,
        forceShare: options.isShared,
        options: options.node,
        warn: this.#warn,
      });
      this.#open = { disk: this.#use(node, options), image };
    } catch (error) {
      throw new OpenFailure(name === undefined ? '' : ` device ${name}`, messageOf(error));
    }
  }

  #use(node: Node, { isReadOnly, cache }: OpenOptions): Disk {
    try {
      return new NodeDisk(
        this.#machine.graph,
        node,
        CONSISTENT_READ | (isReadOnly ? 0 : WRITE),
        cache.writesThrough,
      );
    } catch (error) {
      closeImage(this.#machine, node);
      throw error;
    }
  }

  /** How the image that is open was opened. */
  get image(): ImageToOpen {
    return this.#opened().image;
  }

  get nodeName(): string {
    return this.#opened().disk.node.name;
  }

  get driverName(): string {
    return this.#opened().disk.node.driver.name;
  }

  /** The image closes and opens in another way; if that is refused, in the way before. @throws IoFailure */
  reopen(image: ImageToOpen): void {
    const before = this.image;
    this.#interpreter.finish();
    this.#close();
    try {
      this.open(image);
    } catch (error) {
      this.open(before);
      if (error instanceof OpenFailure) throw new IoFailure('report', error.why);
      throw error;
    }
  }

  #opened(): OpenImage {
    if (this.#open === null) throw new Error('no image is open');
    return this.#open;
  }

  #close(): void {
    if (this.#open === null) return;
    const { disk } = this.#open;
    const { node } = disk;
    this.#open = null;
    // QEMU waits for what is held, and so for ever. REF-094
    this.#machine.graph.requests.cancelAll();
    try {
      disk.close();
      closeImage(this.#machine, node);
    } catch (error) {
      throw new IoFailure('report', `the image was not closed in good order: ${messageOf(error)}`);
    }
  }

  #closeCommand(): PlainCommand {
    return {
      isPlain: true,
      needsImage: true,
      name: 'close',
      alias: 'c',
      words: [0, 0],
      summary: 'closes the image',
      run: (call) => {
        completeAio(call.aio);
        this.#close();
      },
    };
  }

  #quitCommand(): PlainCommand {
    return {
      isPlain: true,
      name: 'quit',
      alias: 'q',
      words: [0, null],
      summary: 'ends the program',
      run: () => {
        this.isOver = true;
      },
    };
  }
}

/** The image could not be opened. */
class OpenFailure extends IoFailure {
  readonly why: string;
  constructor(device: string, why: string) {
    super('report', `can't open${device}: ${why}`);
    this.why = why;
  }
}

/** What refused, in words; anything else is a mistake of this program, and goes on up. */
function messageOf(error: unknown): string {
  if (error instanceof StorageError) return `${error.file}: ${reasonOf(error.errno)}`;
  if (error instanceof OpenImageError || error instanceof Refusal) return error.message;
  throw error;
}

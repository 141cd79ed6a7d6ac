/**
 * What a command of qemu-io is, and what it has to work with. Commands act on a node, wherever that comes from: `qbm io`
 * opens it from a file, a machine has it by name.
 */
import type { Storage } from '../storage/storage.js';
import type { Disk } from './disk.js';

/** What commands need of whoever runs them. */
export interface IoWorld {
  /** takes text as it stands: results, and refusals of requests */
  readonly print: (text: string) => void;
  /** takes lines that begin with the command or stand for themselves: words that are no command, wrong options */
  readonly complain: (text: string) => void;
  /** takes one message, without a newline, to which the program's name belongs */
  readonly report: (message: string) => void;
  /** seconds from any beginning; how long a request took is a difference of two */
  readonly now: () => number;
  /** lets so many milliseconds pass */
  readonly sleep: (milliseconds: number) => void;
  /** lets what goes on by itself go on, by one step; false: there is nothing */
  readonly step: () => boolean;
  /** where the file of `write -s` is */
  readonly storage: Storage;
}

/** A command that is being run. */
export interface IoCall {
  readonly world: IoWorld;
  /** as it was typed: `r` or `read` */
  readonly name: string;
  /** the words after the name */
  readonly words: readonly string[];
  readonly aio: AioQueue;
}

/** Answers to requests of aio_read and aio_write that nobody has waited for yet, oldest first. */
export type AioQueue = (() => void)[];

/** Gives out all answers that are there. */
export function completeAio(queue: AioQueue): void {
  for (const answer of queue.splice(0)) answer();
}

/** false: it failed, and has said so */
// biome-ignore lint/suspicious/noConfusingVoidType: a command that cannot fail is a function without a return value
type Outcome = boolean | void;

interface CommandFace {
  readonly name: string;
  /** a shorter name */
  readonly alias?: string;
  /** how many words have to follow, and how many may; null: any number */
  readonly words: readonly [least: number, most: number | null];
  /** options and operands, as help shows them */
  readonly usage?: string;
  /** what it does, in a few words */
  readonly summary: string;
  /** more about it, several lines */
  readonly help?: string;
}

/** A command on the open node. It has done what it was told unless it returns false or throws an {@link IoFailure}. */
export interface NodeCommand extends CommandFace {
  /** what it needs of the node, besides reading */
  readonly needs?: number;
  run(disk: Disk, call: IoCall): Outcome;
}

/** A command that does not work on a node. */
export interface PlainCommand extends CommandFace {
  readonly isPlain: true;
  /** refused all the same while no image is open */
  readonly needsImage?: true;
  run(call: IoCall): Outcome;
}

export type IoCommand = NodeCommand | PlainCommand;

/** A command gives up, with a text that belongs on one of the streams. */
export class IoFailure extends Error {
  readonly stream: 'print' | 'complain' | 'report';
  constructor(stream: 'print' | 'complain' | 'report', text: string) {
    super(text);
    this.name = 'IoFailure';
    this.stream = stream;
  }
}

/** `read [-q] off len -- what it does` */
export function usageLine(command: IoCommand, name = command.name): string {
  const usage = command.usage === undefined ? '' : `${command.usage} `;
  return `${name} ${usage}-- ${command.summary}\n`;
}

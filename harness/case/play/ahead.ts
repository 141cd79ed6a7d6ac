/**
 * Commands of a history that are sent before the replies to those before them have come, so that the target has something
 * to do while their replies are compared. What is asked is known from the beginning, and replies come in the order of the
 * commands, so it shows in no transcript; but what goes on by itself, a job or a device that comes and goes, would be met at
 * another moment. So this ends at the first step that may begin such a thing.
 */
import { BITMAP_COMMANDS, isAboutBitmaps } from '../../target/qmp/bitmap-commands.js';
import type { Reply } from '../../target/target.js';
import type { Action, Step } from '../case.js';

/** How many commands are on their way at most; what QEMU does not read yet waits in the socket. */
const MOST = 16;

/** Done when their reply comes: they disturb nothing that the harness has on the target, and cause no event. */
const AT_ONCE: ReadonlySet<string> = new Set([
  ...BITMAP_COMMANDS,
  'x-debug-block-dirty-bitmap-sha256',
  'query-named-block-nodes',
  'query-block',
]);

/** What comes to an end with its reply as well, though it is not sent ahead. */
const ENDS = /^(blockdev-(add|del)|block_resize|block-dirty-bitmap-.*|query-.*|x-debug-.*)$/;

type Command = Extract<Action, { verb: 'qmp' }>;

export class Ahead {
  readonly #steps: readonly Step[];
  readonly #send: (command: Command) => Promise<Reply>;
  /** the first step that may leave something behind which goes on by itself */
  readonly #end: number;
  readonly #underWay = new Map<number, Promise<Reply>>();
  /** the first step that has not been sent ahead */
  #next = 0;

  /** @param send sends at once, in the order of the calls */
  constructor(steps: readonly Step[], send: (command: Command) => Promise<Reply>) {
    this.#steps = steps;
    this.#send = send;
    const end = steps.findIndex(({ action }) => !endsWithItsReply(action));
    this.#end = end === -1 ? steps.length : end;
  }

  /** The reply to the command of a step. Steps are asked for in order. */
  reply(index: number, command: Command): Promise<Reply> {
    // Several at a time: that is one write, and one waking of the target, for all of them.
    if (isAtOnce(command) && this.#underWay.size <= MOST / 2) this.#sendFrom(index);
    const reply = this.#underWay.get(index) ?? this.#send(command);
    this.#underWay.delete(index);
    return reply;
  }

  #sendFrom(index: number): void {
    this.#next = Math.max(this.#next, index);
    for (; this.#next < Math.min(index + MOST, this.#end); this.#next++) {
      const { action } = this.#steps[this.#next]!;
      if (action.verb !== 'qmp' || !isAtOnce(action)) return;
      const reply = this.#send(action);
      // If the history ends before its step, nobody asks what became of it; a fault of the target is met all the same.
      reply.catch(() => {});
      this.#underWay.set(this.#next, reply);
    }
  }
}

function isAtOnce({ command, arguments: args }: Command): boolean {
  return AT_ONCE.has(command) || (command === 'transaction' && isAboutBitmaps(args));
}

function endsWithItsReply(action: Action): boolean {
  switch (action.verb) {
    case 'qmp':
      return ENDS.test(action.command) || isAtOnce(action);
    case 'create':
    case 'open':
    case 'io':
    case 'observe':
    case 'graph':
    case 'log':
    case 'bytes':
      return true;
    default:
      return false;
  }
}

/** `help` and `sleep`, which need no node. */
import { integer } from './arguments.js';
import { completeAio, type IoCommand, IoFailure, type PlainCommand, usageLine } from './command.js';

export const SLEEP: PlainCommand = {
  isPlain: true,
  name: 'sleep',
  words: [1, 1],
  summary: 'waits so many milliseconds',
  run(call) {
    const time = integer(call.words[0]!);
    if (time === null || time < 0) throw new IoFailure('print', `${call.words[0]} is not a valid number\n`);
    completeAio(call.aio);
    call.world.sleep(time);
  },
};

/** `help` over all of `commands`, itself included. */
export function helpOn(commands: () => readonly IoCommand[]): PlainCommand {
  return {
    isPlain: true,
    name: 'help',
    alias: '?',
    words: [0, 1],
    usage: '[command]',
    summary: 'says what commands there are, or more about one',
    run(call) {
      const [name] = call.words;
      if (name === undefined) {
        const sorted = [...commands()].sort((a, b) => (a.name < b.name ? -1 : 1));
        const lines = sorted.map((command) => usageLine(command)).join('');
        call.world.print(`${lines}\n'help COMMAND' says more about one of them.\n`);
        return;
      }
      const found = commands().find((command) => command.name === name || command.alias === name);
      if (found === undefined) throw new IoFailure('print', `command ${name} not found\n`);
      call.world.print(usageLine(found, name) + (found.help ?? ''));
    },
  };
}

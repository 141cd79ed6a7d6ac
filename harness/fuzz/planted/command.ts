/** Mistakes in what a command does. */
import type { Json } from '../../../spec/json/value.js';
import { Machine } from '../../../spec/qmp/machine.js';
import type { CommandRequest } from '../../../spec/qmp/validate.js';
import { patch, type Undo } from './patch.js';

/** What a command does besides, or instead. */
export function onCommand(
  change: (machine: Machine, request: CommandRequest, go: () => Json) => Json,
): () => Undo {
  return () =>
    patch(
      Machine.prototype,
      'execute',
      (execute) =>
        function (this: Machine, request: CommandRequest) {
          return change(this, request, () => execute.call(this, request));
        },
    );
}

export function nodeOf(machine: Machine, { arguments: args }: CommandRequest, member = 'node-name') {
  return machine.graph.find(String(args?.[member]));
}

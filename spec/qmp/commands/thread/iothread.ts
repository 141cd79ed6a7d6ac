/** In which thread requests of nodes are made. spec/block/THREADS.md, REF-171. */
import { BlockError } from '../../../block/errors.js';
import { Node } from '../../../block/node.js';
import { commandsOf } from '../../command.js';
import type { Machine } from '../../machine.js';
import { alternate, bool, empty, nothing, optional, str, struct } from '../../types.js';
import { canMove, connected, exportsOf } from './place.js';

const define = commandsOf<Machine>();

const StrOrNull = alternate('StrOrNull', { string: str, null: nothing }, 'an id, or null for none');

export const THREAD_COMMANDS = [
  define({
    name: 'x-blockdev-set-iothread',
    doc: 'Moves a node, and those that are connected with it, to an iothread, or back to the main one.',
    args: struct('XBlockdevSetIothreadArguments', {
      'node-name': str,
      iothread: { type: StrOrNull, optional: false, doc: 'null is the main one' },
      force: optional(bool, { doc: 'also if the node is in use; default false' }),
    }),
    returns: empty,
    rules: ['REF-171', 'REF-173'],
    features: ['unstable'],
    execute(machine, { 'node-name': name, iothread, force = false }) {
      // PRECONDITIONS
      const node = machine.graph.find(name);
      if (node === undefined) throw new BlockError('REF-E-NO-NODE', { node: name });
      const isUsed = node.parents.some(({ parent }) => !(parent instanceof Node) && parent.kind !== 'job');
      if (isUsed && !force) throw new BlockError('REF-E-THREAD-USED', { node: name });
      if (iothread !== null && !machine.iothreads.has(iothread)) {
        throw new BlockError('REF-E-NO-THREAD', { id: iothread });
      }
      const nodes = connected(node);
      if (!canMove(machine, nodes, iothread)) throw new BlockError('REF-E-THREAD-FIXED');
      // EFFECTS
      for (const one of nodes) one.iothread = null;
      for (const one of exportsOf(machine, nodes)) if (!one.isFixed) one.place = undefined;
      node.iothread = iothread;
    },
  }),
];

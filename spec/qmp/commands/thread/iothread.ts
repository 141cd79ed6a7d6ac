/** In which thread requests of nodes are made. spec/block/THREADS.md, REF-171. */
import { BlockError } from '../../../block/errors.js';
import { Node } from '../../../block/node.js';
import { commandsOf } from '../../command.js';
import type { Machine } from '../../machine.js';
import { alternate, bool, empty, nothing, optional, str, struct } from '../../types.js';

const define = commandsOf<Machine>();

const StrOrNull = alternate('StrOrNull', { string: str, null: nothing }, 'an id, or null for none');

/** A node and all that are connected with it, by whom else they are used. */
function connected(node: Node): Set<Node> {
  const found = new Set([node]);
  for (const one of found) {
    for (const { child } of one.children) found.add(child);
    for (const { parent } of one.parents) if (parent instanceof Node) found.add(parent);
  }
  return found;
}

function isUsedByDevice(nodes: Iterable<Node>): boolean {
  for (const { parents } of nodes) {
    if (parents.some(({ parent }) => !(parent instanceof Node) && parent.kind === 'device')) return true;
  }
  return false;
}

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
    rules: ['REF-171'],
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
      if (isUsedByDevice(connected(node))) throw new BlockError('REF-E-THREAD-FIXED');
      // EFFECTS
      for (const one of connected(node)) one.iothread = null;
      node.iothread = iothread;
    },
  }),
];

/** Nodes, and who holds them. */
import { jsonObject } from '../../../../spec/json/value.js';
import { nodeOf, onCommand } from '../command.js';
import type { Mistake } from '../mistake.js';

export const GRAPH: readonly Mistake[] = [
  {
    name: 'an export that goes keeps its node',
    part: 'graph',
    like: 'P4',
    plant: onCommand((machine, request, go) => {
      const one = machine.exports.all.find(({ id }) => id === request.arguments?.id);
      const result = go();
      if (request.name === 'block-export-del' && one !== undefined) one.edge.child.pinned += 1;
      return result;
    }),
  },
  {
    name: 'a list of nodes to reopen of which one fails is done in part',
    part: 'graph',
    like: '9ad08c4456',
    plant: onCommand((machine, request, go) => {
      try {
        return go();
      } catch (refusal) {
        const options = request.arguments?.options;
        if (request.name === 'blockdev-reopen' && Array.isArray(options) && options.length > 1) {
          try {
            machine.execute({ name: request.name, arguments: jsonObject({ options: [options[0]!] }) });
          } catch {
            // that one failed, too
          }
        }
        throw refusal;
      }
    }),
  },
  {
    name: 'the node below a node that goes is held for ever',
    part: 'graph',
    like: '4f78a16fee',
    plant: onCommand((machine, request, go) => {
      const node = nodeOf(machine, request);
      const below = node?.children.map(({ child }) => child) ?? [];
      const result = go();
      if (request.name === 'blockdev-del') for (const one of below) one.pinned += 1;
      return result;
    }),
  },
];

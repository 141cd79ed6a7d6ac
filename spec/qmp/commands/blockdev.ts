/** Nodes by command: blockdev-add, blockdev-del, block_resize. NODES.md. */
import { blockedBy } from '../../block/blockers.js';
import { reopen } from '../../block/chain/reopen.js';
import { BlockError } from '../../block/errors.js';
import { resize } from '../../block/resize.js';
import { commandsOf } from '../command.js';
import { givenOf } from '../given.js';
import type { Machine } from '../machine.js';
import { openNode } from '../open/open.js';
import { array, empty, int, optional, str, struct } from '../types.js';
import { BlockdevOptions } from './blockdev-options.js';

const define = commandsOf<Machine>();

export const BLOCKDEV_COMMANDS = [
  define({
    name: 'blockdev-add',
    doc: 'Makes a node, and the nodes below it that its options spell out.',
    args: BlockdevOptions,
    returns: empty,
    rules: ['REF-001', 'REF-002', 'REF-003'],
    execute(machine, options) {
      // PRECONDITIONS
      if (options['node-name'] === undefined) throw new BlockError('REF-E-NAME-NEEDED');
      // EFFECTS
      openNode(machine, options, undefined).monitorOwned = true;
    },
  }),
  define({
    name: 'blockdev-del',
    doc: 'Drops the reference by which blockdev-add holds a node. Refused while anybody else uses it.',
    args: struct('BlockdevDelArguments', { 'node-name': str }),
    returns: empty,
    rules: ['REF-003'],
    execute: (machine, args) => machine.graph.remove(args['node-name']),
  }),
  define({
    name: 'blockdev-reopen',
    doc: 'Gives open nodes other options: all that are named, or none of them. What is not named is as if the node were opened anew.',
    args: struct('BlockdevReopenArguments', { options: array(BlockdevOptions) }),
    returns: empty,
    rules: ['REF-036', 'REF-037', 'REF-038', 'REF-039'],
    execute(machine, { options }) {
      // PRECONDITIONS
      const reopenings = options.map((each) => {
        const name = each['node-name'];
        if (name === undefined) throw new BlockError('REF-E-REOPEN-NAME');
        const node = machine.graph.find(name);
        if (node === undefined) throw new BlockError('REF-E-NO-NODE', { node: name });
        return { node, given: givenOf(each) };
      });
      // EFFECTS
      reopen(machine.graph, reopenings);
    },
  }),
  define({
    name: 'block_resize',
    doc: 'Changes the size of a node, and of its child where the driver passes it on.',
    args: struct('BlockResizeArguments', {
      device: optional(str, { doc: 'name of a drive' }),
      'node-name': optional(str, { doc: 'name of the node' }),
      size: { type: int, optional: false, doc: 'bytes' },
    }),
    returns: empty,
    rules: ['REF-008', 'REF-009', 'REF-010', 'BMP-023'],
    execute(machine, args) {
      // PRECONDITIONS
      const node = machine.graph.lookup(args.device, args['node-name']);
      if (args.size < 0) throw new BlockError('REF-E-SIZE-POSITIVE');
      if (blockedBy(node, 'resize') !== null) {
        throw new BlockError('REF-E-DEVICE-IN-USE', { device: args.device ?? '(null)' });
      }
      // EFFECTS
      resize(machine.graph, node, args.size);
    },
  }),
];

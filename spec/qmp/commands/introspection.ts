/** What this implementation is and can do. QMP.md. */
import { commandsOf } from '../command.js';
import { COMMANDS } from '../command-table.js';
import type { Machine } from '../machine.js';
import { schemaOf } from '../schema.js';
import { any, array, empty, int, str, struct } from '../types.js';

const define = commandsOf<Machine>();

const VersionTriple = struct('VersionTriple', { major: int, minor: int, micro: int });
const VersionInfo = struct('VersionInfo', { qemu: VersionTriple, package: str });
const CommandInfo = struct('CommandInfo', { name: str });

/** The QEMU whose behaviour is specified. */
export const VERSION = { qemu: { major: 7, minor: 2, micro: 22 }, package: 'qbm reference' } as const;

export const INTROSPECTION_COMMANDS = [
  define({
    name: 'query-version',
    doc: 'The version of QEMU that is followed.',
    args: empty,
    returns: VersionInfo,
    rules: ['QMP-031'],
    execute: () => VERSION,
  }),
  define({
    name: 'query-commands',
    doc: 'The names of all commands.',
    args: empty,
    returns: array(CommandInfo),
    rules: ['QMP-031'],
    execute: () => [...COMMANDS.keys()].map((name) => ({ name })),
  }),
  define({
    name: 'query-qmp-schema',
    doc: 'The types of all commands.',
    args: empty,
    returns: array(any),
    rules: ['QMP-031'],
    execute: () => schemaOf(COMMANDS),
  }),
  define({
    name: 'quit',
    doc: 'Ends the machine once it has answered.',
    args: empty,
    returns: empty,
    rules: ['QMP-031'],
    execute(machine) {
      machine.running = false;
    },
  }),
];

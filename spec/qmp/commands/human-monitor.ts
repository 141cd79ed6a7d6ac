/** human-monitor-command: of QEMU's monitor for people, the one command that cases need. QMP.md, QMP-050. */
import type { Backend } from '../../block/device/backend.js';
import { BackendDisk } from '../../io/backend-disk.js';
import type { IoCommand } from '../../io/command.js';
import { NODE_COMMANDS } from '../../io/commands.js';
import { type Disk, NodeDisk } from '../../io/disk.js';
import { Interpreter } from '../../io/interpreter.js';
import { helpOn, SLEEP } from '../../io/plain.js';
import { Refusal } from '../../refusal.js';
import { commandsOf } from '../command.js';
import { QmpError } from '../errors.js';
import { HumanLine, HumanLineError } from '../human/human-line.js';
import type { Machine } from '../machine.js';
import { int, optional, str, struct } from '../types.js';
import { findBackend } from './media.js';

const define = commandsOf<Machine>();

export const HUMAN_MONITOR_COMMANDS = [
  define({
    name: 'human-monitor-command',
    doc: 'Runs a line of the monitor for people: qemu-io NODE COMMAND. Returns what that monitor shows, which is not what qemu-io prints.',
    args: struct('HumanMonitorCommandArguments', {
      'command-line': str,
      'cpu-index': optional(int, { doc: 'ignored: there are no processors here' }),
    }),
    returns: str,
    rules: ['QMP-050'],
    execute: (machine, args) => humanMonitor(machine, args['command-line']),
  }),
];

const COMMAND = 'qemu-io';

/** What the monitor shows, its lines ended as on a terminal. */
function humanMonitor(machine: Machine, text: string): string {
  const shown: string[] = [];
  try {
    run(machine, new HumanLine(text), (line) => shown.push(line));
  } catch (error) {
    if (error instanceof Refusal || error instanceof QmpError) shown.push(`Error: ${error.message}`);
    else if (error instanceof HumanLineError) {
      if (error.aside !== null) machine.print('stdout', `${error.aside}\n`);
      shown.push(`${COMMAND}: ${error.message}`, `Try "help ${COMMAND}" for more information`);
    } else throw error;
  }
  return shown.map((line) => `${line.replaceAll('\n', '\r\n')}\r\n`).join('');
}

/** @throws HumanLineError; BlockError REF-E-NO-SUCH; QmpError REF-E-NO-DEVICE; DeviceError REF-E-NO-BACKEND */
function run(machine: Machine, line: HumanLine, show: (line: string) => void): void {
  if (line.isEmpty) return;
  const name = line.name();
  if (name !== COMMAND) {
    show(`unknown command: '${name}'`);
    return;
  }
  const isDevice = line.flag('d');
  const who = line.text('block device name expected');
  const command = line.text('string expected');
  line.end();
  const backend = isDevice ? backendOf(machine, who) : machine.devices.findDrive(who);
  const disk =
    backend === undefined
      ? new NodeDisk(machine.graph, machine.graph.lookup('', who), 0)
      : new BackendDisk(machine.graph, backend);
  runOn(machine, disk, command, show);
}

/** @throws QmpError REF-E-NO-DEVICE; DeviceError */
function backendOf(machine: Machine, id: string): Backend {
  return findBackend(machine, { id }).backend;
}

function runOn(machine: Machine, disk: Disk, command: string, show: (line: string) => void): void {
  const commands: IoCommand[] = [...NODE_COMMANDS, SLEEP, helpOn(() => commands)];
  const interpreter = new Interpreter(
    {
      print: (text) => machine.print('stdout', text),
      complain: (text) => machine.print('stderr', text),
      report: show,
      now: () => 0,
      sleep: () => {},
      step: () => machine.step(),
      storage: machine.storage,
    },
    commands,
  );
  try {
    // Whether it failed is told to nobody.
    interpreter.run(command, disk);
    interpreter.finish();
  } finally {
    disk.close();
  }
}

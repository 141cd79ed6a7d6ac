/**
 * QEMU's system emulator as a target, without a guest that runs. Cases about devices have a process of their own: one
 * with a machine, for which the others need not wait.
 */
import { join } from 'node:path';
import { toolsBeside } from '../img/tools.js';
import { startChild } from '../process.js';
import type { CaseContext, Identity, Session, Target, Use } from '../target.js';
import { QmpTarget } from './qmp-target.js';
import type { QmpProgram } from './resident.js';

export const QEMU_SYSTEM_PROGRAM = 'qemu-system-x86_64';
export const QEMU_SYSTEM_HINT =
  'On Debian 12 it is in the package qemu-system-x86: apt-get install qemu-system-x86';

const COMMON = ['-nodefaults', '-display', 'none', '-S'];
const MONITOR = ['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control'];

/** @param directory of the binaries of another version; the program in PATH if undefined */
export function createQemuSystemTarget(name: string, directory?: string, use?: Use): Target {
  return new QemuSystemTarget(name, directory, use);
}

class QemuSystemTarget implements Target {
  readonly name: string;
  readonly kind = 'qemu-system';
  /** only the block layer */
  readonly #bare: QmpTarget;
  readonly #machine: QmpTarget;

  constructor(name: string, directory: string | undefined, use: Use | undefined) {
    const file = directory === undefined ? QEMU_SYSTEM_PROGRAM : join(directory, QEMU_SYSTEM_PROGRAM);
    this.name = name;
    this.#bare = program(name, file, 'none', use);
    this.#machine = program(name, file, 'pc', use);
  }

  async identify(): Promise<Identity> {
    const identity = await this.#bare.identify();
    return { ...identity, capabilities: new Set([...identity.capabilities, 'devices']) };
  }

  begin(context: CaseContext): Promise<Session> {
    return (context.devices ? this.#machine : this.#bare).begin(context);
  }

  async close(): Promise<void> {
    await Promise.all([this.#bare.close(), this.#machine.close()]);
  }
}

function program(name: string, file: string, machine: 'none' | 'pc', use: Use | undefined): QmpTarget {
  const started: QmpProgram = {
    label: QEMU_SYSTEM_PROGRAM,
    hasDevices: machine === 'pc',
    start: async () => {
      const child = await startChild({
        file,
        args: ['-machine', `${machine},accel=tcg`, ...COMMON, ...MONITOR],
        channel: 'socket',
        hint: QEMU_SYSTEM_HINT,
      });
      return { child, channel: child };
    },
  };
  return new QmpTarget(name, 'qemu-system', started, { tools: toolsBeside(file), use });
}

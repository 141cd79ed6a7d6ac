/** QEMU's system emulator as a target: no machine, no guest, only its block layer. */
import { join } from 'node:path';
import { toolsBeside } from '../img/tools.js';
import { startChild } from '../process.js';
import type { Target } from '../target.js';
import { QmpTarget } from './qmp-target.js';

export const QEMU_SYSTEM_PROGRAM = 'qemu-system-x86_64';
export const QEMU_SYSTEM_HINT =
  'On Debian 12 it is in the package qemu-system-x86: apt-get install qemu-system-x86';

const MACHINE = ['-machine', 'none,accel=tcg', '-nodefaults', '-display', 'none', '-S'];
const MONITOR = ['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control'];

/** @param directory of the binaries of another version; the program in PATH if undefined */
export function createQemuSystemTarget(name: string, directory?: string): Target {
  const file = directory === undefined ? QEMU_SYSTEM_PROGRAM : join(directory, QEMU_SYSTEM_PROGRAM);
  const program = {
    label: QEMU_SYSTEM_PROGRAM,
    start: async () => {
      const child = await startChild({
        file,
        args: [...MACHINE, ...MONITOR],
        channel: 'socket',
        hint: QEMU_SYSTEM_HINT,
      });
      return { child, channel: child };
    },
  };
  return new QmpTarget(name, 'qemu-system', program, toolsBeside(file));
}

/** QEMU's storage daemon as a target. */
import { join } from 'node:path';
import { toolsBeside } from '../img/tools.js';
import { startChild } from '../process.js';
import type { Target, Use } from '../target.js';
import { QmpTarget } from './qmp-target.js';

export const QSD_PROGRAM = 'qemu-storage-daemon';
export const QSD_HINT =
  'On Debian 12 it is in the package qemu-system-common: apt-get install qemu-system-common';

/** @param directory of the binaries of another version; the program in PATH if undefined */
export function createQsdTarget(name: string, directory?: string, use?: Use): Target {
  const file = directory === undefined ? QSD_PROGRAM : join(directory, QSD_PROGRAM);
  const program = {
    label: QSD_PROGRAM,
    start: async () => {
      const args = ['--chardev', 'socket,id=qmp,fd=3', '--monitor', 'chardev=qmp'];
      const child = await startChild({ file, args, channel: 'socket', hint: QSD_HINT });
      return { child, channel: child };
    },
  };
  return new QmpTarget(name, 'qsd', program, { tools: toolsBeside(file), use });
}

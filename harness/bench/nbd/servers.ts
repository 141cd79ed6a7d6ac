/** The servers of the same bytes, each a process of its own on a unix socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { packageRoot } from '../../cli/environment.js';
import { findInPath } from '../../target/find-program.js';
import { runProgram } from '../../target/img/tools.js';
import { type Child, startChild } from '../../target/process.js';

export const LIMIT_MS = 60_000;
export const DISK = 'disk';
/** Connections that a server lets in at once: nbdcopy opens four. */
const CONNECTIONS = 16;

export interface Server {
  readonly child: Child;
  readonly socket: string;
  readonly exportName: string;
  readonly uri: string;
}

interface Recipe {
  readonly exportName: string;
  readonly words: (directory: string, socket: string, size: number) => readonly string[];
}

const RECIPES: { readonly [name: string]: Recipe } = {
  'qbm daemon': {
    exportName: DISK,
    words: (_, socket) => [
      ...[process.execPath, join(packageRoot(), 'dist', 'harness', 'cli', 'main.js'), 'daemon'],
      ...['--blockdev', `driver=file,node-name=f,filename=${DISK},read-only=on`],
      ...['--blockdev', `raw,node-name=${DISK},file=f,read-only=on`],
      ...['--nbd-server', `addr.type=unix,addr.path=${socket},max-connections=${CONNECTIONS}`],
      ...['--export', `type=nbd,id=e0,node-name=${DISK}`],
    ],
  },
  'qemu-nbd': {
    exportName: DISK,
    // It takes no relative path of a socket.
    words: (directory, socket) => [
      ...['qemu-nbd', '--persistent', '--read-only', '-f', 'raw', '-e', String(CONNECTIONS), '-x', DISK],
      ...['-k', join(directory, socket), DISK],
    ],
  },
  'nbdkit memory': {
    exportName: '',
    words: (_, socket, size) => ['nbdkit', '-f', '-U', socket, 'memory', String(size)],
  },
};

/** What has to be installed. */
export function missingPrograms(): string[] {
  return ['qemu-nbd', 'qemu-img', 'nbdkit', 'nbdcopy'].filter((program) => findInPath(program) === null);
}

/** Starts a server of the disk in `directory`, once more under another socket if there is one. @throws TargetFault */
export async function startServer(
  name: string,
  directory: string,
  socket: string,
  size: number,
): Promise<Server> {
  const { exportName, words } = RECIPES[name]!;
  const [file, ...args] = words(directory, socket, size);
  const child = await startChild({ file: file!, args, cwd: directory, channel: 'log' });
  const path = join(directory, socket);
  await listens(child, path);
  const uri = `nbd+unix:///${exportName}?socket=${path}`;
  // The memory of nbdkit is empty, and reads of it would touch no memory at all.
  if (name === 'nbdkit memory') {
    const { code, stderr } = await runProgram(['nbdcopy', join(directory, DISK), uri], {
      limitMs: LIMIT_MS,
    });
    if (code !== 0) throw new Error(`nbdcopy cannot fill nbdkit's memory: ${stderr}`);
  }
  return { child, socket: path, exportName, uri };
}

/** @throws Error when it ends, or does not listen in time */
async function listens(child: Child, path: string): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  for (;;) {
    const socket = connect(path);
    const isOpen = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isOpen) return;
    if (child.exit !== null) throw new Error(child.death()!);
    if (performance.now() > deadline) throw new Error(`${child.name} does not listen at ${path}`);
    await wait(10);
  }
}

/**
 * Any program that speaks QMP as a target. On its stdin and stdout; or, if the command has `{socket}` in it, on a
 * unix socket which it is to listen on, whose path stands there. Of a program that is told to be a `daemon`, by this word, the image
 * tools are those that it has under the words `img` and `io`, if it has them.
 */
import { connect, type Socket } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ToolCommands } from '../img/tools.js';
import { type Child, startChild } from '../process.js';
import { splitCommand } from '../shell-words.js';
import { type Target, TargetFault, type Use } from '../target.js';
import { QmpTarget } from './qmp-target.js';
import type { QmpProgram } from './resident.js';

const SOCKET = '{socket}';
/** How long a program may take until it listens, milliseconds. */
const LISTEN_LIMIT_MS = 30_000;
/** Between two attempts to connect. Nothing tells us when a program listens. */
const RETRY_MS = 10;

/** @throws Error when `command` is no command */
export function createQmpTarget(name: string, command: string, use?: Use): Target {
  const words = splitCommand(command);
  const program: QmpProgram = {
    label: basename(words[0]!),
    start: async (directory) => {
      const path = join(directory, 'qmp');
      const [file, ...args] = words.map((word) => word.replaceAll(SOCKET, path));
      if (!command.includes(SOCKET)) {
        const child = await startChild({ file: file!, args, channel: 'stdio' });
        return { child, channel: child };
      }
      const child = await startChild({ file: file!, args, channel: 'log' });
      const socket = await connectOnceListening(child, path);
      return { child, channel: { input: socket, output: socket } };
    },
  };
  return new QmpTarget(name, 'qmp', program, { tools: toolsOf(words), use });
}

/** `prog daemon …` may have `prog img` and `prog io`, as qbm has. */
function toolsOf(words: readonly string[]): ToolCommands | null {
  const at = words.indexOf('daemon');
  if (at < 1) return null;
  const before = words.slice(0, at);
  return { img: [...before, 'img'], io: [...before, 'io'] };
}

async function connectOnceListening(child: Child, path: string): Promise<Socket> {
  const deadline = performance.now() + LISTEN_LIMIT_MS;
  for (;;) {
    const socket = await attempt(path);
    if (socket !== null) return socket;
    if (child.exit !== null) throw new TargetFault('crash', `before it listened for QMP, ${child.death()}`);
    if (performance.now() > deadline) {
      await child.destroy();
      throw new TargetFault(
        'hang',
        `${child.name} does not listen on ${path} after ${LISTEN_LIMIT_MS} ms${child.quoteLog()}`,
      );
    }
    await wait(RETRY_MS);
  }
}

function attempt(path: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.on('error', () => {});
      resolve(socket);
    });
    socket.once('error', () => resolve(null));
  });
}

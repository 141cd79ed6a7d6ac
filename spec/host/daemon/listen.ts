/** Listening on a socket, and what the operating system says when it cannot be. */
import { lstat, stat, unlink } from 'node:fs/promises';
import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { getSystemErrorMap } from 'node:util';

/** Where to listen. */
export type SocketPlace =
  | { readonly path: string }
  | { readonly host: string; readonly port: number | string };

/** As people write it: a path, or `host:port`. */
export function placeName(place: SocketPlace): string {
  return 'path' in place ? place.path : `${place.host}:${place.port}`;
}

/** Why a socket cannot be had; the message is the reason alone. */
export class ListenError extends Error {}

/** Bytes of a path of a socket, by the operating system. */
const LONGEST_PATH = 107;

/**
 * A server that listens there. A socket that somebody left under the path goes; anything else there stays, and is an
 * error. Only the user who runs this can connect to a path. @throws ListenError
 */
export async function listenAt(place: SocketPlace, accept: (socket: Socket) => void): Promise<Server> {
  if ('path' in place) await makeRoom(place.path);
  const server = createServer({ pauseOnConnect: true }, accept);
  const options: ListenOptions =
    'path' in place ? { path: place.path } : { host: place.host, port: portOf(place.port) };
  // The mask holds for the moment in which the socket is made: binding a path is done before listen() returns.
  try {
    const listening = new Promise<void>((resolve, reject) => {
      server.once('listening', resolve);
      server.once('error', reject);
    });
    const mask = process.umask(0o177);
    server.listen(options);
    process.umask(mask);
    await listening;
  } catch (error) {
    throw new ListenError(reasonOf(error));
  }
  // Without a file descriptor left there is no new client; the others go on.
  server.on('error', () => {});
  return server;
}

function portOf(port: number | string): number {
  const number = Number(port);
  if (!Number.isInteger(number) || number < 0 || number > 65535) {
    throw new ListenError(`there is no port '${port}'`);
  }
  return number;
}

async function makeRoom(path: string): Promise<void> {
  if (Buffer.byteLength(path) > LONGEST_PATH) {
    throw new ListenError(`a path of a socket has at most ${LONGEST_PATH} bytes`);
  }
  try {
    // Of a directory that is missing binding would say something else.
    await stat(dirname(path));
  } catch (error) {
    throw new ListenError(reasonOf(error));
  }
  try {
    if ((await lstat(path)).isSocket()) await unlink(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw new ListenError(reasonOf(error));
  }
}

/** "No such file or directory", or what else the operating system calls it. */
export function reasonOf(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException;
  const known = errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1];
  if (known === undefined) return code ?? message;
  return known.charAt(0).toUpperCase() + known.slice(1);
}

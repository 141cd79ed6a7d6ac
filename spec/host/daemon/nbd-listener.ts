/** Where NBD clients come from: a socket that listens where the command says, and nowhere else. spec/nbd/NBD.md, NBD-002, NBD-028. */
import type { Server, Socket } from 'node:net';
import type { NbdAddress } from '../../nbd/address.js';
import { NbdError } from '../../nbd/errors.js';
import type { Exports, NbdListener } from '../../nbd/exports.js';
import { ListenError, listenAt, placeName, type SocketPlace } from './listen.js';
import { NbdClient, PATIENCE_MS } from './nbd-client.js';
import { ReplyRoom } from './reply-room.js';

/** Connections that may wait until there is room for them; what comes after is closed. */
const MOST_WAITING = 128;

export class SocketListener implements NbdListener {
  readonly #exports: () => Exports;
  /** told that requests were served: jobs and events may have something to do */
  readonly #served: () => void;
  #prepared: Server | NbdError | null = null;
  #server: Server | null = null;
  #most = 0;
  readonly #clients = new Map<Socket, NbdClient>();
  readonly #waiting: Socket[] = [];
  readonly #room = new ReplyRoom();

  readonly #patienceMs: number;

  /** @param patienceMs how long a client may take to choose an export, and to take the last words (NBD-041) */
  constructor(exports: () => Exports, served: () => void, patienceMs = PATIENCE_MS) {
    this.#exports = exports;
    this.#served = served;
    this.#patienceMs = patienceMs;
  }

  /**
   * Listens, before the command that asks for it is carried out: a command is answered at once, and the operating
   * system is not asked so quickly. {@link open} has the result, {@link forget} gives it up.
   */
  async prepare(address: NbdAddress): Promise<void> {
    const place = placeOf(address);
    if (place === null) {
      this.#prepared = new NbdError('NBD-E-ADDRESS', { type: address.type });
      return;
    }
    try {
      this.#prepared = await listenAt(place, (socket) => this.#accept(socket));
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      this.#prepared = new NbdError('NBD-E-BIND', { address: placeName(place), reason: error.message });
    }
  }

  /** The command was refused. */
  forget(): void {
    if (this.#prepared !== null && !(this.#prepared instanceof NbdError)) this.#prepared.close();
    this.#prepared = null;
  }

  open(_address: NbdAddress, mostConnections: number): void {
    const prepared = this.#prepared;
    this.#prepared = null;
    if (prepared === null) throw new Error('the socket was not prepared');
    if (prepared instanceof NbdError) throw prepared;
    this.#most = mostConnections === 0 ? Number.POSITIVE_INFINITY : mostConnections;
    this.#server = prepared;
  }

  close(): void {
    this.#server?.close();
    this.#server = null;
    for (const socket of this.#waiting) socket.destroy();
    this.#waiting.length = 0;
    for (const client of this.#clients.values()) client.end();
  }

  #accept(socket: Socket): void {
    socket.on('error', () => socket.destroy()); // a client that is gone is no failure of the server
    if (this.#clients.size < this.#most) this.#serve(socket);
    else if (this.#waiting.length < MOST_WAITING) {
      this.#waiting.push(socket);
      socket.once('close', () => {
        const at = this.#waiting.indexOf(socket);
        if (at >= 0) this.#waiting.splice(at, 1);
      });
    } else socket.destroy();
  }

  #serve(socket: Socket): void {
    socket.once('close', () => {
      this.#clients.delete(socket);
      const next = this.#waiting.shift();
      if (next !== undefined) this.#serve(next);
    });
    const client = new NbdClient({
      socket,
      exports: this.#exports(),
      room: this.#room,
      served: this.#served,
      patienceMs: this.#patienceMs,
    });
    this.#clients.set(socket, client);
  }
}

function placeOf(address: NbdAddress): SocketPlace | null {
  const data = address.data as { readonly [name: string]: string | undefined };
  if (address.type === 'unix') return { path: data.path! };
  if (address.type === 'inet') return { host: data.host!, port: data.port! };
  return null;
}

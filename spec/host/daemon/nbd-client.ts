/** A client of the NBD server: the socket, and the connection that the bytes are for. spec/nbd/NBD.md, NBD-002, NBD-041, NBD-042. */
import type { Socket } from 'node:net';
import type { NbdConnection } from '../../nbd/connection.js';
import type { Exports } from '../../nbd/exports.js';
import type { ReplyRoom } from './reply-room.js';

/** NBD-041: milliseconds in which a client has to choose an export, and to take the last words. */
export const PATIENCE_MS = 10_000;

export interface NbdClientOptions {
  readonly socket: Socket;
  readonly exports: Exports;
  readonly room: ReplyRoom;
  /** told that requests were served: jobs and events may have something to do */
  readonly served: () => void;
  /** milliseconds; NBD-041 */
  readonly patienceMs: number;
}

export class NbdClient {
  readonly #socket: Socket;
  readonly #room: ReplyRoom;
  readonly #served: () => void;
  readonly #connection: NbdConnection;
  readonly #patienceMs: number;
  readonly #handshake: NodeJS.Timeout;
  #isScheduled = false;

  constructor({ socket, exports, room, served, patienceMs }: NbdClientOptions) {
    this.#socket = socket;
    this.#room = room;
    this.#served = served;
    this.#patienceMs = patienceMs;
    const move = (): void => this.#move();
    // What was said before the end is still sent. What lets a request go may be in the middle of a command.
    this.#connection = exports.connect(move, () => this.#later(), room.take);
    this.#handshake = setTimeout(() => {
      if (!this.#connection.hasChosen) exports.disconnect(this.#connection);
    }, patienceMs).unref();
    socket.once('close', () => {
      clearTimeout(this.#handshake);
      exports.disconnect(this.#connection);
    });
    socket.setNoDelay(true);
    socket.on('drain', move);
    socket.on('data', (chunk) => {
      this.#connection.push(chunk);
      move();
    });
    move();
  }

  /** No more is read; what was said may still be taken, for a while. */
  end(): void {
    this.#socket.destroySoon();
    const timer = setTimeout(() => this.#socket.destroy(), this.#patienceMs).unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** What can be sent is sent; while the client does not take it, or waits for what is held, nothing more is read. */
  #move(): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    this.#send(this.#connection.pull());
    if (this.#connection.isClosed) this.end();
    else if (socket.writableNeedDrain || this.#connection.isWaiting) socket.pause();
    else if (this.#connection.isReady) {
      // NBD-042
      socket.pause();
      this.#later();
    } else socket.resume();
    this.#served();
  }

  #send(pieces: readonly Uint8Array[]): void {
    if (pieces.length === 0) return;
    this.#socket.cork();
    for (const piece of pieces) {
      // What was not sent may still be looked at by the system.
      this.#socket.write(piece, (error) => {
        if (!error) this.#room.give(piece);
      });
    }
    this.#socket.uncork();
  }

  /** When others have had their turn. */
  #later(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#move();
    });
  }
}

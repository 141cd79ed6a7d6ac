/**
 * One client of an NBD server: bytes in, bytes out. NBD.md. It opens nothing and waits for nothing: whoever has the
 * socket pushes what came and sends what {@link pull} gives.
 */
import type { Ticket } from '../block/held/held-requests.js';
import type { NbdServer } from './export.js';
import { type Chosen, handshake } from './handshake.js';
import { Input } from './input.js';
import { Output, type Room } from './output.js';
import { transmission } from './transmission.js';

/** NBD-002: bytes of replies that may wait for a client that does not read; then its requests wait, too. */
const MOST_OUTPUT = 256 * 1024;

/** NBD-042: how often a client is listened to before others are: for a request, or for its data. */
const MOST_STEPS = 64;

/** Asks for so many bytes, and gets them; or waits until a request is over. */
export type Wants<T> = Generator<number | Ticket, T, Uint8Array>;

/** The connection ends here, without another word. NBD-001 */
export class Disconnect extends Error {}

export class NbdConnection {
  readonly #input = new Input();
  readonly #output: Output;
  readonly #session: Wants<void>;
  readonly #close = (): void => this.close();
  #chosen: Chosen | null = null;
  #wanted: number | Ticket;
  /** nothing more is read or done; what is in the output may still be sent */
  isClosed = false;

  readonly #ended: () => void;

  readonly #released: () => void;

  /**
   * @param ended called once, when nothing more is read or done
   * @param released called when a request that was held has been answered: there is something to {@link pull}
   * @param room where replies are put together; default: new memory
   */
  constructor(server: NbdServer, ended: () => void = () => {}, released: () => void = () => {}, room?: Room) {
    this.#ended = ended;
    this.#released = released;
    this.#output = new Output(room);
    this.#session = this.#run(server);
    this.#wanted = this.#session.next().value as number | Ticket;
  }

  /** Bytes from the client, which stay as they are from now on. */
  push(chunk: Uint8Array): void {
    if (!this.isClosed) this.#input.push(chunk);
  }

  /** What is to be sent now. Call it again after that: there may be more. */
  pull(): Uint8Array[] {
    for (let count = 0; count < MOST_STEPS && this.isReady; count++) {
      if (this.#output.length >= MOST_OUTPUT) break;
      const wanted = typeof this.#wanted === 'number' ? this.#wanted : 0;
      const next = this.#session.next(this.#input.take(wanted));
      if (next.done === true) this.close();
      else this.#wants(next.value);
    }
    return this.#output.take();
  }

  /** The handshake is over. */
  get hasChosen(): boolean {
    return this.#chosen !== null;
  }

  /** A request of this client is held. NBD-029 */
  get isWaiting(): boolean {
    return typeof this.#wanted !== 'number' && !this.#wanted.isOver;
  }

  /** There is something to {@link pull}: whoever does should let others have their turn. */
  get isReady(): boolean {
    if (this.isClosed) return false;
    return typeof this.#wanted === 'number' ? this.#input.available >= this.#wanted : this.#wanted.isOver;
  }

  /** NBD-029: while a request is held nothing more of this client is looked at. */
  #wants(wanted: number | Ticket): void {
    this.#wanted = wanted;
    if (typeof wanted !== 'number') wanted.whenOver(() => this.#released());
  }

  /** The client is gone, or is to go. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#chosen?.export.disconnected(this.#close);
    this.#ended();
  }

  *#run(server: NbdServer): Wants<void> {
    try {
      const chosen = yield* handshake(server, this.#output);
      if (chosen === null) return;
      this.#chosen = chosen;
      chosen.export.connected(this.#close);
      yield* transmission(chosen, this.#output);
    } catch (error) {
      if (!(error instanceof Disconnect)) throw error;
    }
  }
}

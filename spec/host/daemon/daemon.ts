/**
 * The reference as a server: one machine, with monitors, an NBD server and jobs that go on between requests. Everything
 * happens in one thread, one thing after the other.
 */
import type { Server, Socket } from 'node:net';
import type { JsonFault } from '../../json/fault.js';
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../json/value.js';
import type { NbdAddress } from '../../nbd/address.js';
import { Machine } from '../../qmp/machine.js';
import type { Storage } from '../../storage/storage.js';
import { nodeSha256 } from '../sha256.js';
import { listenAt } from './listen.js';
import { SocketListener } from './nbd-listener.js';
import { Pace } from './pace.js';
import { QmpSession } from './qmp-server.js';

/** Units of work that are done before the sockets have their turn. */
const STEPS_A_TURN = 64;
/** Monitors that may wait until the one before them has gone; what comes after is closed. */
const MOST_WAITING = 128;
/** Milliseconds that the last words may take to be read. */
const LAST_WORDS_MS = 2000;

export interface DaemonOptions {
  readonly storage: Storage;
  /** what the greeting says */
  readonly version: JsonObject;
  /** for what went wrong outside of any command */
  readonly complain: (text: string) => void;
}

export class Daemon {
  readonly machine: Machine;
  readonly version: JsonObject;
  readonly #listener: SocketListener;
  readonly #complain: (text: string) => void;
  readonly #sessions = new Set<QmpSession>();
  readonly #servers: Server[] = [];
  readonly #pace = new Pace();
  #nextTurn: NodeJS.Timeout | undefined;
  #isWorking = false;
  #isClosed = false;
  /** an image could not be closed: something may be lost */
  #isIncomplete = false;
  #ended: ((code: number) => void) | null = null;
  /** the exit code, once the daemon has come to its end */
  readonly end: Promise<number>;

  constructor({ storage, version, complain }: DaemonOptions) {
    this.version = version;
    this.#complain = complain;
    this.#listener = new SocketListener(
      () => this.machine.exports,
      () => this.work(),
    );
    this.machine = new Machine({
      storage,
      makeHash: nodeSha256,
      writer: 'qbm daemon',
      listener: this.#listener,
      pacing: (job) => this.#pace.allows(job, performance.now()),
    });
    this.end = new Promise((resolve) => {
      this.#ended = resolve;
    });
  }

  get isRunning(): boolean {
    return this.#ended !== null;
  }

  /** A session over these streams. */
  serve(input: NodeJS.ReadableStream, output: NodeJS.WritableStream, isPretty: boolean): QmpSession {
    const session = new QmpSession(this, input as Socket, output as Socket, isPretty);
    this.#sessions.add(session);
    return session;
  }

  /** Sessions for all who come, one at a time: the others wait. `came`: somebody has. @throws ListenError */
  async serveAt(path: string, isPretty: boolean): Promise<{ readonly came: Promise<void> }> {
    let arrived = (): void => {};
    const came = new Promise<void>((resolve) => {
      arrived = resolve;
    });
    let current: QmpSession | null = null;
    const waiting: Socket[] = [];
    const next = (): void => {
      const socket = waiting.shift();
      if (socket === undefined) return;
      current = this.serve(socket, socket, isPretty);
      const session = current;
      socket.once('close', () => {
        session.close();
        current = null;
        next();
      });
    };
    const server = await listenAt({ path }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        const at = waiting.indexOf(socket);
        if (at >= 0) waiting.splice(at, 1);
      });
      if (waiting.length === MOST_WAITING) {
        socket.destroy();
        return;
      }
      waiting.push(socket);
      if (current === null) next();
      arrived();
    });
    this.#servers.push(server);
    return { came };
  }

  /** nbd-server-start, from the command line. @throws NbdError */
  async startNbd(address: NbdAddress, mostConnections?: number): Promise<void> {
    if (!this.machine.exports.isServing) await this.#listener.prepare(address);
    this.machine.exports.start(address, { mostConnections });
  }

  /** Before a command: what it asks for of the operating system, which takes time. */
  async before(message: Json | JsonFault): Promise<void> {
    const address = addressOf(message);
    if (address !== null && !this.machine.exports.isServing) await this.#listener.prepare(address);
  }

  /** After a command, before its reply: the events that it caused. */
  after(): void {
    this.#listener.forget();
    if (!this.machine.running) this.#close();
    this.#tell();
  }

  /** Jobs and held requests go on, a little at a time; events are told. */
  work(): void {
    if (!this.machine.running) void this.shutDown(0);
    if (this.#isWorking || !this.isRunning) return;
    this.#isWorking = true;
    let isMore = true;
    this.#pace.begin();
    for (let count = 0; count < STEPS_A_TURN && isMore; count++) isMore = this.machine.step();
    this.#tell();
    this.#isWorking = false;
    clearTimeout(this.#nextTurn);
    if (isMore) setImmediate(() => this.work());
    else if (this.#pace.wait !== null) this.#nextTurn = setTimeout(() => this.work(), this.#pace.wait);
  }

  /** The orderly end. */
  async shutDown(code: number): Promise<void> {
    const ended = this.#ended;
    if (ended === null) return;
    this.#ended = null;
    clearTimeout(this.#nextTurn);
    this.#close();
    this.#tell();
    for (const server of this.#servers) server.close();
    const sessions = [...this.#sessions];
    const flushed = Promise.all(sessions.map((session) => session.flushed()));
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LAST_WORDS_MS);
    });
    await Promise.race([flushed, patience]);
    clearTimeout(timer);
    for (const session of sessions) session.close();
    ended(this.#isIncomplete ? 1 : code);
  }

  /** Images are closed, exports and jobs are gone. */
  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      this.machine.shutDown();
    } catch (error) {
      this.#complain((error as Error).message);
      this.#isIncomplete = true;
    }
  }

  /** A session is over. */
  left(session: QmpSession): void {
    this.#sessions.delete(session);
  }

  #tell(): void {
    const events = this.machine.takeEvents();
    if (events.length === 0) return;
    const now = Date.now();
    const timestamp = jsonObject({ seconds: Math.floor(now / 1000), microseconds: (now % 1000) * 1000 });
    for (const event of events) {
      for (const session of this.#sessions) session.event(jsonObject({ timestamp, ...event }));
    }
  }
}

/** Where a message wants the NBD server to listen, if it is about that and makes sense. */
function addressOf(message: Json | JsonFault): NbdAddress | null {
  if (message instanceof Error || !isJsonObject(message) || message.execute !== 'nbd-server-start')
    return null;
  const addr = isJsonObject(message.arguments) ? message.arguments.addr : undefined;
  if (!isJsonObject(addr) || !isJsonObject(addr.data)) return null;
  const { type, data } = addr;
  const isPlace =
    (type === 'unix' && typeof data.path === 'string') ||
    (type === 'inet' && typeof data.host === 'string' && typeof data.port === 'string') ||
    type === 'vsock' ||
    type === 'fd';
  return isPlace ? { type, data } : null;
}

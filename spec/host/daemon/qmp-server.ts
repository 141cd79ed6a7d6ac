/** QMP over streams: sessions on standard input and output, and on sockets. spec/qmp/QMP.md. */
import type { Readable, Writable } from 'node:stream';
import type { JsonFault } from '../../json/fault.js';
import { layoutPretty } from '../../json/pretty.js';
import type { Json, JsonObject } from '../../json/value.js';
import { writeJson } from '../../json/write.js';
import { Monitor } from '../../qmp/monitor.js';
import type { Daemon } from './daemon.js';

/** Bytes of replies and events that may wait for a client that does not read; one that lets more wait is disconnected. */
const MOST_OUTPUT = 64 * 1024 * 1024;
/** From here on no command of the client is looked at until it has read. */
const MUCH_OUTPUT = 1024 * 1024;

/** One client of one monitor. */
export class QmpSession {
  readonly #daemon: Daemon;
  readonly #input: Readable;
  readonly #output: Writable;
  readonly #isPretty: boolean;
  readonly #monitor: Monitor;
  /** commands that came while another one is being carried out */
  readonly #queue: (Json | JsonFault)[] = [];
  #isBusy = false;
  #isClosed = false;

  constructor(daemon: Daemon, input: Readable, output: Writable, isPretty: boolean) {
    this.#daemon = daemon;
    this.#input = input;
    this.#output = output;
    this.#isPretty = isPretty;
    this.#monitor = new Monitor(daemon.machine, { version: daemon.version });
    output.on('error', () => this.close()); // a client that is gone is no failure of the daemon
    output.on('drain', () => void this.#work());
    input.on('error', () => this.close());
    input.on('data', (chunk: Buffer) => {
      this.#queue.push(...this.#monitor.messages(chunk));
      void this.#work();
    });
    this.#send(this.#monitor.greeting());
    input.resume(); // sockets come paused, so that nothing is lost before somebody listens
  }

  /** An event of the machine: sessions that have not negotiated do not see it. */
  event(event: JsonObject): void {
    if (this.#monitor.isOpen) this.#send(event);
  }

  /** No more commands. What was answered is still sent. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.length = 0;
    this.#input.destroy();
    this.#daemon.left(this);
  }

  /** Resolves when everything that was said has been taken by the operating system. */
  async flushed(): Promise<void> {
    if (this.#output.writableLength === 0 || this.#output.destroyed) return;
    await new Promise<void>((resolve) => {
      this.#output.write('', () => resolve());
      this.#output.once('close', resolve);
    });
  }

  /** Commands in their order, each to its end. */
  async #work(): Promise<void> {
    if (this.#isBusy) return;
    this.#isBusy = true;
    while (this.#queue.length > 0 && this.#output.writableLength < MUCH_OUTPUT && this.#daemon.isRunning) {
      const message = this.#queue.shift()!;
      await this.#daemon.before(message);
      const reply = this.#monitor.reply(message);
      this.#daemon.after();
      this.#send(reply);
    }
    this.#isBusy = false;
    if (this.#queue.length > 0) this.#input.pause();
    else this.#input.resume();
    this.#daemon.work();
  }

  #send(value: Json): void {
    if (this.#output.destroyed) return;
    const text = this.#isPretty ? layoutPretty(value) : writeJson(value);
    this.#output.write(`${text}\r\n`);
    if (this.#output.writableLength > MOST_OUTPUT) {
      this.#output.destroy();
      this.close();
    }
  }
}

/**
 * Bytes to and from an NBD server, with one limit for each request: reading exactly n bytes, or a {@link TargetFault}.
 */
import { connect, type Socket } from 'node:net';
import { TargetFault } from '../target/target.js';

interface Reader {
  readonly length: number;
  readonly resolve: (bytes: Buffer) => void;
  readonly reject: (fault: TargetFault) => void;
}

export class NbdStream {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #reader: Reader | null = null;
  #timer: NodeJS.Timeout | null = null;
  #doing = 'NBD handshake';
  /** set for good by the first fault */
  fault: TargetFault | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#receive(chunk));
    socket.on('error', () => {});
    socket.on('close', () => this.fail('crash', 'the server closed the NBD connection'));
  }

  /** @throws TargetFault `crash` when nobody listens at `path` */
  static connect(path: string): Promise<NbdStream> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      const refused = (error: Error) =>
        reject(new TargetFault('crash', `cannot connect to the NBD server at ${path}: ${error.message}`));
      socket.once('error', refused);
      socket.once('connect', () => {
        socket.removeListener('error', refused);
        resolve(new NbdStream(socket));
      });
    });
  }

  /** Runs `request`; whatever it reads must have come within `limitMs`. */
  async within<T>(limitMs: number, doing: string, request: () => Promise<T>): Promise<T> {
    if (this.fault !== null) throw this.fault;
    this.#doing = doing;
    this.#timer = setTimeout(() => this.fail('hang', `no reply within ${limitMs} ms`), limitMs);
    try {
      return await request();
    } finally {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = null;
    }
  }

  write(bytes: Buffer): void {
    if (this.fault === null) this.#socket.write(bytes);
  }

  /** Exactly `length` bytes. */
  read(length: number): Promise<Buffer> {
    if (this.fault !== null) return Promise.reject(this.fault);
    if (this.#buffered >= length) return Promise.resolve(this.#cut(length));
    return new Promise((resolve, reject) => {
      this.#reader = { length, resolve, reject };
    });
  }

  /** Waits until the server has closed the connection. @returns how many bytes came before that */
  async ended(): Promise<number> {
    let count = this.#buffered;
    if (this.fault !== null) return count;
    this.#socket.on('data', (chunk: Buffer) => {
      count += chunk.length;
    });
    await new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    return count;
  }

  /** Ends the connection with a fault; returns it to be thrown. */
  fail(kind: TargetFault['kind'], message: string): TargetFault {
    this.fault ??= new TargetFault(kind, `${this.#doing}: ${message}`);
    this.#reader?.reject(this.fault);
    this.#reader = null;
    this.#chunks = [];
    this.#buffered = 0;
    this.#socket.destroy();
    return this.fault;
  }

  /** Sends `last` and waits until the server has closed its side, or `limitMs` have passed. */
  async end(last: Buffer, limitMs: number): Promise<void> {
    if (this.fault !== null) return;
    const closed = new Promise<void>((resolve) => this.#socket.once('close', () => resolve()));
    this.#socket.end(last);
    const timer = setTimeout(() => this.#socket.destroy(), limitMs);
    await closed;
    clearTimeout(timer);
  }

  #receive(chunk: Buffer): void {
    if (this.fault !== null) return;
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const reader = this.#reader;
    if (reader === null || this.#buffered < reader.length) return;
    this.#reader = null;
    reader.resolve(this.#cut(reader.length));
  }

  #cut(length: number): Buffer {
    const first = this.#chunks[0];
    const whole =
      first !== undefined && first.length >= length
        ? first
        : this.#chunks.length === 0
          ? Buffer.alloc(0)
          : Buffer.concat(this.#chunks);
    this.#chunks = whole === first ? this.#chunks.slice(1) : [];
    this.#buffered -= length;
    if (whole.length > length) this.#chunks.unshift(whole.subarray(length));
    return whole.subarray(0, length);
  }
}

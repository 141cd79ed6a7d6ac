/**
 * A client that does as little as a client can: it has so many requests of 4 KiB under way, each at a random place, and asks
 * for the next one when a reply is there. Simple replies: a header of 16 bytes, then the data.
 */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { nbdString, numbers } from '../../nbd/talk.js';
import * as wire from '../../nbd/wire.js';
import { BLOCK, blockNumber } from './disk.js';

/** Requests that are under way at any time. */
export const DEPTH = 16;
const REPLY_HEADER = 16;
const HELLO = 18;
/** Bytes of the reply to GO that say of what kind it is. */
const OPTION_REPLY_HEADER = 20;

export class RandomReads {
  readonly #socket: Socket;
  readonly #blocks: number;
  #received: Buffer[] = [];
  #length = 0;
  #came: () => void = () => {};
  #state = 1;

  private constructor(socket: Socket, blocks: number) {
    this.#socket = socket;
    this.#blocks = blocks;
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(chunk);
      this.#length += chunk.length;
      this.#came();
    });
    socket.on('error', () => {});
    // Whoever waits looks again, and finds that there is no connection.
    socket.on('close', () => this.#came());
  }

  /** Connects to a server of a disk of `size` bytes (see disk.ts). @throws Error when the server refuses */
  static async connect(path: string, exportName: string, size: number): Promise<RandomReads> {
    const socket = connect(path);
    await once(socket, 'connect');
    const client = new RandomReads(socket, size / BLOCK);
    await client.#take(HELLO);
    const data = Buffer.concat([nbdString(exportName), numbers([0, 2])]);
    socket.write(numbers([wire.FLAG_FIXED_NEWSTYLE | wire.FLAG_NO_ZEROES, 4]));
    socket.write(numbers([wire.OPTION_MAGIC, 8], [wire.OPT_GO, 4], [data.length, 4]));
    socket.write(data);
    for (;;) {
      const header = await client.#take(OPTION_REPLY_HEADER);
      const type = header.readUInt32BE(12);
      const length = header.readUInt32BE(16);
      if (length > 0) await client.#take(length);
      if (type === wire.REP_ACK) return client;
      if (type >= wire.REP_ERROR) throw new Error(`the server of ${path} has no export '${exportName}'`);
    }
  }

  /** Reads `count` blocks. @throws Error when a reply is not what the disk has there */
  async read(count: number): Promise<void> {
    const asked: number[] = [];
    let sent = 0;
    const ask = (): void => {
      const block = this.#next();
      asked.push(block);
      const header = [[wire.REQUEST_MAGIC, 4] as const, [0, 2] as const, [wire.CMD_READ, 2] as const];
      this.#socket.write(numbers(...header, [block, 8], [block * BLOCK, 8], [BLOCK, 4]));
      sent += 1;
    };
    this.#socket.cork();
    while (sent < Math.min(DEPTH, count)) ask();
    this.#socket.uncork();
    for (let done = 0; done < count; ) {
      await this.#until(REPLY_HEADER + BLOCK);
      const all = Buffer.concat(this.#received);
      this.#socket.cork();
      let at = 0;
      for (; at + REPLY_HEADER + BLOCK <= all.length; at += REPLY_HEADER + BLOCK) {
        check(all.subarray(at, at + REPLY_HEADER + BLOCK));
        done += 1;
        if (sent < count) ask();
      }
      this.#socket.uncork();
      this.#received = [all.subarray(at)];
      this.#length = all.length - at;
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The same places on every run: Park and Miller's generator, whose products stay below 2^53. */
  #next(): number {
    this.#state = (this.#state * 48271) % (2 ** 31 - 1);
    return this.#state % this.#blocks;
  }

  async #take(length: number): Promise<Buffer> {
    await this.#until(length);
    const all = Buffer.concat(this.#received);
    this.#received = [all.subarray(length)];
    this.#length = all.length - length;
    return all.subarray(0, length);
  }

  async #until(length: number): Promise<void> {
    while (this.#length < length) {
      if (this.#socket.destroyed) throw new Error('the NBD server has closed the connection');
      await new Promise<void>((resolve) => {
        this.#came = resolve;
      });
    }
  }
}

/** The cookie is the number of the block, and so are the first bytes of the block. */
function check(reply: Buffer): void {
  const [magic, error] = [reply.readUInt32BE(0), reply.readUInt32BE(4)];
  const block = Number(reply.readBigUInt64BE(8));
  const isRight = magic === wire.SIMPLE_REPLY_MAGIC && error === 0;
  if (!isRight || blockNumber(reply.subarray(REPLY_HEADER)) !== block) {
    throw new Error(`the server answers a read of block ${block} with something else (error ${error})`);
  }
}

/**
 * A small NBD client over a unix socket: fixed newstyle, structured replies, meta contexts. It checks what the server
 * says, and nothing of what it is asked to send: a request past the end of the disk is the server's to judge.
 * https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
 */
import type { TargetFault } from '../target/target.js';
import { type ExportInfo, negotiate } from './negotiate.js';
import { type Extent, readReply, type Transmission } from './reply.js';
import { NbdStream } from './stream.js';
import * as wire from './wire.js';

export type { Extent } from './reply.js';

/** A read or write of more bytes is sent in pieces of this size, in order, until one fails: QEMU's limit is 32 MiB. */
export const LONGEST_PAYLOAD = 32 * 1024 * 1024;
/** A request without payload has a 32-bit length; longer ones are sent in pieces of this size. */
export const LONGEST_REQUEST = 2 ** 32 - 65536;

export interface NbdOptions {
  /** of the unix socket */
  readonly path: string;
  readonly exportName: string;
  /** meta contexts to ask for: "base:allocation", "qemu:dirty-bitmap:NAME" */
  readonly contexts?: readonly string[];
  /** one limit for the handshake and for each request, milliseconds */
  readonly limitMs: number;
}

/** The outcome of a request: `null` when it succeeded, else the name of the error as the protocol has it. */
export type Errno = string | null;

export class NbdClient {
  readonly #stream: NbdStream;
  readonly #transmission: Transmission;
  readonly #limitMs: number;
  /** what the server says of the export */
  readonly export: ExportInfo;
  #cookie = 0n;

  private constructor(stream: NbdStream, info: ExportInfo, structured: boolean, limitMs: number) {
    this.#stream = stream;
    this.export = info;
    this.#limitMs = limitMs;
    this.#transmission = { stream, structured, contexts: info.contexts };
  }

  /**
   * Connects and negotiates.
   *
   * @throws TargetFault `crash`, `hang` or `garbage`; `surroundings` when the server refuses the export
   */
  static async connect(options: NbdOptions): Promise<NbdClient> {
    const stream = await NbdStream.connect(options.path);
    const { exportName, contexts = [], limitMs } = options;
    try {
      return await stream.within(limitMs, 'NBD handshake', async () => {
        const { info, structured } = await negotiate(stream, exportName, contexts);
        return new NbdClient(stream, info, structured, limitMs);
      });
    } catch (error) {
      stream.fail('garbage', (error as Error).message);
      throw error;
    }
  }

  /** The first fault; no request succeeds after it. */
  get fault(): TargetFault | null {
    return this.#stream.fault;
  }

  /**
   * Reads `length` bytes at `offset` in pieces of at most {@link LONGEST_PAYLOAD}, in order, each given to `visit` with
   * its offset; `visit` ends the reading by returning false.
   */
  async scan(offset: number, length: number, visit: (at: number, bytes: Buffer) => boolean): Promise<Errno> {
    for (const [at, size] of pieces(offset, length, LONGEST_PAYLOAD)) {
      const bytes = Buffer.alloc(size);
      const { errno } = await this.#request(wire.CMD_READ, 0, at, size, null, bytes);
      if (errno !== null) return errno;
      if (!visit(at, bytes)) break;
    }
    return null;
  }

  /** Reads `length` bytes at `offset` into one buffer. */
  async read(offset: number, length: number): Promise<Buffer | { readonly errno: string }> {
    const all: Buffer[] = [];
    const errno = await this.scan(offset, length, (_, bytes) => all.push(bytes) > 0);
    return errno === null ? Buffer.concat(all) : { errno };
  }

  /** Writes `data` at `offset`; more than {@link LONGEST_PAYLOAD} in pieces, so that an error may come after a part. */
  async write(offset: number, data: Buffer, flags: { readonly fua?: boolean } = {}): Promise<Errno> {
    const bits = flags.fua ? wire.CMD_FLAG_FUA : 0;
    return this.#each(offset, data.length, LONGEST_PAYLOAD, (at, size) =>
      this.#request(wire.CMD_WRITE, bits, at, size, data.subarray(at - offset, at - offset + size), null),
    );
  }

  /** Writes `length` times the byte `pattern`, in pieces as {@link write} does. */
  async writePattern(
    offset: number,
    length: number,
    pattern: number,
    flags: { readonly fua?: boolean } = {},
  ): Promise<Errno> {
    const bits = flags.fua ? wire.CMD_FLAG_FUA : 0;
    const data = Buffer.alloc(Math.min(length, LONGEST_PAYLOAD), pattern);
    return this.#each(offset, length, LONGEST_PAYLOAD, (at, size) =>
      this.#request(wire.CMD_WRITE, bits, at, size, data.subarray(0, size), null),
    );
  }

  /** Writes zeroes; `unmap` false asks for allocated ones (NO_HOLE). */
  async writeZeroes(offset: number, length: number, flags: { readonly unmap: boolean }): Promise<Errno> {
    const bits = flags.unmap ? 0 : wire.CMD_FLAG_NO_HOLE;
    return this.#each(offset, length, LONGEST_REQUEST, (at, size) =>
      this.#request(wire.CMD_WRITE_ZEROES, bits, at, size, null, null),
    );
  }

  async trim(offset: number, length: number): Promise<Errno> {
    return this.#each(offset, length, LONGEST_REQUEST, (at, size) =>
      this.#request(wire.CMD_TRIM, 0, at, size, null, null),
    );
  }

  async flush(): Promise<Errno> {
    return (await this.#request(wire.CMD_FLUSH, 0, 0, 0, null, null)).errno;
  }

  /**
   * The whole range's extents in every negotiated context: contiguous from `offset`, cut at its end. Neighbours with
   * the same flags may both appear.
   */
  async blockStatus(
    offset: number,
    length: number,
  ): Promise<Map<string, Extent[]> | { readonly errno: string }> {
    const found = new Map([...this.export.contexts.values()].map((name) => [name, [] as Extent[]]));
    const end = offset + length;
    let at = offset;
    while (at < end) {
      const size = Math.min(end - at, LONGEST_REQUEST);
      const reply = await this.#request(wire.CMD_BLOCK_STATUS, 0, at, size, null, null);
      if (reply.errno !== null) return { errno: reply.errno };
      at = this.#collect(found, reply.extents, at, size);
    }
    return found;
  }

  /** Says good-bye and waits for the server to close; destroys the connection after the limit. */
  async close(): Promise<void> {
    await this.#stream.end(header(wire.CMD_DISC, 0, 0n, 0, 0), this.#limitMs);
  }

  /** Closes without a word. */
  destroy(): void {
    this.#stream.fail('crash', 'the harness has closed the NBD connection');
  }

  /** Adds what all contexts know of; returns where to go on. A server may say less than asked, but not nothing. */
  #collect(found: Map<string, Extent[]>, replied: Map<string, Extent[]>, at: number, size: number): number {
    let end = at + size;
    for (const name of found.keys()) {
      const last = replied.get(name)?.at(-1);
      if (last === undefined) throw this.#stream.fail('garbage', `no block status for the context ${name}`);
      end = Math.min(end, last.offset + last.length);
    }
    for (const [name, extents] of found) {
      for (const { offset, length, flags } of replied.get(name)!) {
        if (offset >= end) break;
        extents.push({ offset, length: Math.min(length, end - offset), flags });
      }
    }
    return end;
  }

  async #each(
    offset: number,
    length: number,
    longest: number,
    request: (at: number, size: number) => Promise<{ readonly errno: Errno }>,
  ): Promise<Errno> {
    for (const [at, size] of pieces(offset, length, longest)) {
      const { errno } = await request(at, size);
      if (errno !== null) return errno;
    }
    return null;
  }

  #request(
    type: number,
    flags: number,
    offset: number,
    length: number,
    payload: Buffer | null,
    into: Buffer | null,
  ) {
    const doing = `NBD ${NAMES.get(type)} of ${length} bytes at ${offset}`;
    const cookie = ++this.#cookie;
    return this.#stream.within(this.#limitMs, doing, async () => {
      this.#stream.write(header(type, flags, cookie, offset, length));
      if (payload !== null && payload.length > 0) this.#stream.write(payload);
      return readReply(this.#transmission, { type, cookie, offset, length, into });
    });
  }
}

const NAMES = new Map([
  [wire.CMD_READ, 'read'],
  [wire.CMD_WRITE, 'write'],
  [wire.CMD_FLUSH, 'flush'],
  [wire.CMD_TRIM, 'trim'],
  [wire.CMD_WRITE_ZEROES, 'write-zeroes'],
  [wire.CMD_BLOCK_STATUS, 'block-status'],
]);

function header(type: number, flags: number, cookie: bigint, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(28);
  bytes.writeUInt32BE(wire.REQUEST_MAGIC, 0);
  bytes.writeUInt16BE(flags, 4);
  bytes.writeUInt16BE(type, 6);
  bytes.writeBigUInt64BE(cookie, 8);
  bytes.writeBigUInt64BE(BigInt(offset), 16);
  bytes.writeUInt32BE(length, 24);
  return bytes;
}

/** A request of no bytes is still one request. */
function* pieces(offset: number, length: number, longest: number): Generator<[at: number, size: number]> {
  let done = 0;
  do {
    const size = Math.min(length - done, longest);
    yield [offset + done, size];
    done += size;
  } while (done < length);
}

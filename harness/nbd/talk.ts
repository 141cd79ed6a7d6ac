/**
 * A client that says what it is told to say, right or wrong, and hands out what comes back as it came: options with
 * their replies, requests with their chunks. It judges nothing but the frame. Offsets and lengths are bytes.
 */
import { NbdStream } from './stream.js';
import * as wire from './wire.js';

export interface OptionReply {
  readonly type: number;
  readonly data: Buffer;
}

/** One part of a reply. `offset` and `length` are the range that it is about, in bytes. */
export type Chunk =
  | { readonly kind: 'done' }
  | { readonly kind: 'error'; readonly errno: string }
  | { readonly kind: 'data'; readonly offset: number; readonly bytes: Buffer }
  | { readonly kind: 'hole'; readonly offset: number; readonly length: number }
  | { readonly kind: 'status'; readonly context: number; readonly extents: readonly Extent[] };

export interface Extent {
  readonly length: number;
  readonly flags: number;
}

export interface Request {
  readonly type: number;
  readonly flags: number;
  readonly offset: number | bigint;
  readonly length: number;
  /** of a write, all of it */
  readonly payload?: Buffer;
}

/** What comes is not the protocol. */
export class NbdGarbage extends Error {}

/** No honest option reply or chunk is longer: a read of 32 MiB, and its offset. */
const LONGEST = 33 * 1024 * 1024;

export class NbdTalk {
  readonly #stream: NbdStream;
  #cookie = 0n;
  isStructured = false;

  private constructor(stream: NbdStream) {
    this.#stream = stream;
  }

  /** Connects, and says that we know fixed newstyle. @throws TargetFault `crash` when nobody listens */
  static async connect(path: string): Promise<NbdTalk> {
    const stream = await NbdStream.connect(path);
    const hello = await stream.read(18);
    if (hello.readBigUInt64BE(0) !== wire.NBD_MAGIC) throw new NbdGarbage('the server is no NBD server');
    stream.write(numbers([wire.FLAG_FIXED_NEWSTYLE | wire.FLAG_NO_ZEROES, 4]));
    return new NbdTalk(stream);
  }

  /** Sends an option and reads its replies, the last of which is an acknowledgement or an error. */
  async option(option: number, data: Buffer): Promise<OptionReply[]> {
    this.#stream.write(Buffer.concat([numbers([wire.OPTION_MAGIC, 8], [option, 4], [data.length, 4]), data]));
    const replies: OptionReply[] = [];
    for (;;) {
      const head = await this.#stream.read(20);
      const [type, length] = [head.readUInt32BE(12), head.readUInt32BE(16)];
      if (
        head.readBigUInt64BE(0) !== wire.OPTION_REPLY_MAGIC ||
        head.readUInt32BE(8) !== option ||
        length > LONGEST
      )
        throw new NbdGarbage(`not a reply to option ${option}`);
      replies.push({ type, data: length === 0 ? Buffer.alloc(0) : await this.#stream.read(length) });
      if (type === wire.REP_ACK || type >= wire.REP_ERROR) break;
    }
    if (option === wire.OPT_STRUCTURED_REPLY) this.isStructured ||= replies.at(-1)!.type === wire.REP_ACK;
    return replies;
  }

  /** Sends a request and reads its reply, the last chunk of which is marked; a simple reply is one chunk. */
  async request({ type, flags, offset, length, payload }: Request): Promise<Chunk[]> {
    const cookie = ++this.#cookie;
    const header: (readonly [number | bigint, 2 | 4 | 8])[] = [
      [wire.REQUEST_MAGIC, 4],
      [flags, 2],
      [type, 2],
    ];
    this.#stream.write(numbers(...header, [cookie, 8], [offset, 8], [length, 4]));
    if (payload !== undefined && payload.length > 0) this.#stream.write(payload);
    const chunks: Chunk[] = [];
    for (;;) {
      const magic = (await this.#stream.read(4)).readUInt32BE(0);
      if (magic === wire.SIMPLE_REPLY_MAGIC)
        return [...chunks, ...(await this.#simple(cookie, type, Number(offset), length))];
      if (magic !== wire.STRUCTURED_REPLY_MAGIC)
        throw new NbdGarbage(`a reply with the magic number ${magic}`);
      const head = await this.#stream.read(16);
      if (head.readBigUInt64BE(4) !== cookie) throw new NbdGarbage('the reply to another request');
      const size = head.readUInt32BE(12);
      if (size > LONGEST) throw new NbdGarbage(`a chunk of ${size} bytes`);
      const chunk = chunkOf(
        head.readUInt16BE(2),
        size === 0 ? Buffer.alloc(0) : await this.#stream.read(size),
      );
      if (chunk !== null) chunks.push(chunk);
      if ((head.readUInt16BE(0) & wire.REPLY_FLAG_DONE) !== 0) return chunks;
    }
  }

  async #simple(cookie: bigint, type: number, offset: number, length: number): Promise<Chunk[]> {
    const head = await this.#stream.read(12);
    if (head.readBigUInt64BE(4) !== cookie) throw new NbdGarbage('the reply to another request');
    const error = head.readUInt32BE(0);
    if (error !== 0) return [{ kind: 'error', errno: errnoName(error) }];
    if (type !== wire.CMD_READ) return [{ kind: 'done' }];
    if (this.isStructured) throw new NbdGarbage('a simple reply to a read');
    return [
      { kind: 'data', offset, bytes: length === 0 ? Buffer.alloc(0) : await this.#stream.read(length) },
    ];
  }

  /** Sends bytes as they are. */
  send(bytes: Buffer): void {
    this.#stream.write(bytes);
  }

  /** Says that it goes, and waits until the server has closed the connection, or `limitMs` have passed. */
  async disconnect(limitMs: number): Promise<void> {
    await this.#stream.end(
      numbers([wire.REQUEST_MAGIC, 4], [0, 2], [wire.CMD_DISC, 2], [0, 8], [0, 8], [0, 4]),
      limitMs,
    );
  }

  /** Waits until the server closes the connection. @returns how many bytes it sent before */
  async ended(): Promise<number> {
    return this.#stream.ended();
  }

  get isOver(): boolean {
    return this.#stream.fault !== null;
  }

  /** Without a word. */
  destroy(): void {
    this.#stream.fail('crash', 'the harness has closed the NBD connection');
  }
}

function chunkOf(type: number, data: Buffer): Chunk | null {
  if (type >= wire.REPLY_ERROR) return { kind: 'error', errno: errnoName(data.readUInt32BE(0)) };
  switch (type) {
    case wire.REPLY_NONE:
      return null;
    case wire.REPLY_OFFSET_DATA:
      return { kind: 'data', offset: Number(data.readBigUInt64BE(0)), bytes: data.subarray(8) };
    case wire.REPLY_OFFSET_HOLE:
      return { kind: 'hole', offset: Number(data.readBigUInt64BE(0)), length: data.readUInt32BE(8) };
    case wire.REPLY_BLOCK_STATUS: {
      const extents: Extent[] = [];
      for (let at = 4; at + 8 <= data.length; at += 8)
        extents.push({ length: data.readUInt32BE(at), flags: data.readUInt32BE(at + 4) });
      return { kind: 'status', context: data.readUInt32BE(0), extents };
    }
    default:
      throw new NbdGarbage(`a chunk of the type ${type}`);
  }
}

function errnoName(error: number): string {
  return wire.ERRNO.get(error) ?? `errno ${error}`;
}

/** Numbers as they stand on the wire, each with its bytes. */
export function numbers(...fields: (readonly [value: number | bigint, bytes: 2 | 4 | 8])[]): Buffer {
  return Buffer.concat(
    fields.map(([value, bytes]) => {
      const field = Buffer.alloc(bytes);
      if (bytes === 8) field.writeBigUInt64BE(BigInt(value));
      else if (bytes === 4) field.writeUInt32BE(Number(value));
      else field.writeUInt16BE(Number(value));
      return field;
    }),
  );
}

/** A text as options have it: its length, then its UTF-8. */
export function nbdString(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([numbers([bytes.length, 4]), bytes]);
}

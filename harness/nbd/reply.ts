/**
 * One reply of the NBD protocol's transmission phase, simple or structured, checked against its request.
 */
import type { NbdStream } from './stream.js';
import * as wire from './wire.js';

/** A run of bytes with the same status flags. Offsets and lengths in bytes. */
export interface Extent {
  readonly offset: number;
  readonly length: number;
  readonly flags: number;
}

export interface Transmission {
  readonly stream: NbdStream;
  readonly structured: boolean;
  readonly contexts: ReadonlyMap<number, string>;
}

export interface Asked {
  readonly type: number;
  readonly cookie: bigint;
  readonly offset: number;
  readonly length: number;
  /** where the bytes of a read go */
  readonly into: Buffer | null;
}

export interface Replied {
  readonly errno: string | null;
  /** block status, by the name of the context */
  readonly extents: Map<string, Extent[]>;
}

/** A chunk with 2^20 extents, which is the most that a server should send. */
const LONGEST_STATUS = 4 + 8 * 2 ** 20;
/** An error's message and offset. */
const LONGEST_ERROR = 14 + wire.LONGEST_STRING;

export async function readReply(transmission: Transmission, asked: Asked): Promise<Replied> {
  const { stream } = transmission;
  const magic = (await stream.read(4)).readUInt32BE(0);
  if (magic === wire.SIMPLE_REPLY_MAGIC) return readSimple(transmission, asked);
  if (magic !== wire.STRUCTURED_REPLY_MAGIC || !transmission.structured) {
    throw stream.fail('garbage', `a reply with the magic number 0x${magic.toString(16)}`);
  }
  return readStructured(transmission, asked);
}

async function readSimple({ stream, structured }: Transmission, asked: Asked): Promise<Replied> {
  const head = await stream.read(12);
  checkCookie(stream, head.readBigUInt64BE(4), asked);
  const error = head.readUInt32BE(0);
  if (error === 0 && asked.into !== null) {
    if (structured)
      throw stream.fail('garbage', 'a simple reply to a read although structured replies were agreed on');
    (await stream.read(asked.length)).copy(asked.into);
  }
  return { errno: error === 0 ? null : errnoName(error), extents: new Map() };
}

async function readStructured(transmission: Transmission, asked: Asked): Promise<Replied> {
  const { stream } = transmission;
  const extents = new Map<string, Extent[]>();
  let errno: string | null = null;
  let filled = 0;
  for (let first = true; ; first = false) {
    // The magic number of the first chunk has been read already.
    const head = await stream.read(first ? 16 : 20);
    if (!first && head.readUInt32BE(0) !== wire.STRUCTURED_REPLY_MAGIC) {
      throw stream.fail('garbage', `a chunk with the magic number 0x${head.toString('hex', 0, 4)}`);
    }
    const at = first ? 0 : 4;
    const type = head.readUInt16BE(at + 2);
    const length = head.readUInt32BE(at + 12);
    checkCookie(stream, head.readBigUInt64BE(at + 4), asked);
    if (length > longestChunk(type, asked))
      throw stream.fail('garbage', `a chunk (type ${type}) of ${length} bytes`);
    const data = await stream.read(length);
    if (type >= wire.REPLY_ERROR) errno = readError(stream, data);
    else if (type === wire.REPLY_BLOCK_STATUS) readStatus(transmission, asked, data, extents);
    else if (type === wire.REPLY_OFFSET_DATA || type === wire.REPLY_OFFSET_HOLE) {
      filled += fill(stream, asked, type, data);
    } else if (type !== wire.REPLY_NONE || length !== 0)
      throw stream.fail('garbage', `a chunk of the type ${type}`);
    if ((head.readUInt16BE(at) & wire.REPLY_FLAG_DONE) !== 0) break;
  }
  if (errno === null && asked.into !== null && filled !== asked.length) {
    throw stream.fail('garbage', `${filled} bytes in reply to a read of ${asked.length}`);
  }
  return { errno, extents };
}

function longestChunk(type: number, asked: Asked): number {
  if (type >= wire.REPLY_ERROR) return LONGEST_ERROR;
  if (type === wire.REPLY_BLOCK_STATUS) return asked.type === wire.CMD_BLOCK_STATUS ? LONGEST_STATUS : 0;
  if (type === wire.REPLY_OFFSET_DATA) return 8 + (asked.into === null ? 0 : asked.length);
  return 12;
}

function checkCookie(stream: NbdStream, cookie: bigint, asked: Asked): void {
  if (cookie !== asked.cookie)
    throw stream.fail('garbage', `the reply to request ${cookie}, not ${asked.cookie}`);
}

/** Puts a chunk's bytes (or a hole's zeroes) where they belong; returns how many. */
function fill(stream: NbdStream, { into, offset, length }: Asked, type: number, data: Buffer): number {
  const isHole = type === wire.REPLY_OFFSET_HOLE;
  if (into === null || data.length < (isHole ? 12 : 9))
    throw stream.fail('garbage', 'a chunk of data out of place');
  const size = isHole ? data.readUInt32BE(8) : data.length - 8;
  const start = Number(data.readBigUInt64BE(0)) - offset;
  if (start < 0 || start + size > length)
    throw stream.fail('garbage', 'data outside of the range that was read');
  if (isHole) into.fill(0, start, start + size);
  else data.copy(into, start, 8);
  return size;
}

function readError(stream: NbdStream, data: Buffer): string {
  if (data.length < 6 || data.readUInt16BE(4) > data.length - 6 || data.readUInt32BE(0) === 0) {
    throw stream.fail('garbage', `an error chunk that is not whole: ${data.subarray(0, 20).toString('hex')}`);
  }
  return errnoName(data.readUInt32BE(0));
}

function readStatus(
  { stream, contexts }: Transmission,
  asked: Asked,
  data: Buffer,
  all: Map<string, Extent[]>,
): void {
  if (data.length < 12 || data.length % 8 !== 4)
    throw stream.fail('garbage', `a block status of ${data.length} bytes`);
  const name = contexts.get(data.readUInt32BE(0));
  if (name === undefined || all.has(name))
    throw stream.fail('garbage', 'block status for a context out of place');
  const extents: Extent[] = [];
  let offset = asked.offset;
  for (let at = 4; at < data.length; at += 8) {
    const length = data.readUInt32BE(at);
    if (length === 0 || offset >= asked.offset + asked.length)
      throw stream.fail('garbage', 'an extent out of place');
    extents.push({ offset, length, flags: data.readUInt32BE(at + 4) });
    offset += length;
  }
  all.set(name, extents);
}

/** EINVAL stands for what the protocol does not define, as it asks of clients. */
function errnoName(error: number): string {
  return wire.ERRNO.get(error) ?? 'EINVAL';
}

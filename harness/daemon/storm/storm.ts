/**
 * Clients that read a point in time while others write: every reply is held against what was there in the beginning. Offsets and
 * lengths are bytes.
 */
import fc from 'fast-check';
import { type Chunk, NbdTalk, nbdString, numbers, type Request } from '../../nbd/talk.js';
import * as wire from '../../nbd/wire.js';

/** Of the server's base:allocation, when it is the only context. */
const ALLOCATION = 0;
const ZERO = 2;
const DF = 4;

/** How a reply is sent: simple, in chunks, or in chunks but as one. */
export type ReplyMode = 'simple' | 'chunks' | 'one chunk';
const MODES: readonly ReplyMode[] = ['simple', 'chunks', 'one chunk'];
/** Connections of each mode. */
const READERS = 2;
const WRITERS = 2;

/** What guests do: all, or only writes of data. */
export type Weather = 'all' | 'writes';

export interface StormOptions {
  readonly socket: string;
  /** where the guests write, and where the clients read what was there */
  readonly guest: string;
  readonly moment: string;
  /** what was there in the beginning */
  readonly before: Buffer;
  /** how many, over all connections */
  readonly reads: number;
  readonly weather: Weather;
  readonly seed: number;
}

/** A reply that was not what was there. */
export interface Disagreement {
  readonly mode: ReplyMode | 'status';
  readonly offset: number;
  readonly length: number;
  /** for people */
  readonly what: string;
}

export interface Outcome {
  readonly reads: number;
  readonly writes: number;
  readonly disagreements: readonly Disagreement[];
}

/** Bytes that are copied as one. */
export const CLUSTER = 65536;

/** Any length, any place; and, as often, what begins and ends at edges of clusters, or just beside them. */
function ranges(size: number, longest: number): fc.Arbitrary<{ offset: number; length: number }> {
  const edge = fc
    .tuple(fc.nat(Math.floor(size / CLUSTER)), fc.constantFrom(-1, 0, 0, 1, 512))
    .map(([cluster, off]) => Math.max(0, cluster * CLUSTER + off));
  const offset = fc.oneof(fc.nat(size - 1), edge);
  const length = fc.oneof(
    fc.constantFrom(1, 512, 4096, CLUSTER, 2 * CLUSTER),
    fc.integer({ min: 1, max: longest }),
  );
  return fc.tuple(offset, length).map(([at, long]) => {
    const inside = Math.min(at, size - 1);
    return { offset: inside, length: Math.min(long, size - inside) };
  });
}

const LONGEST_READ = 400_000;
const LONGEST_WRITE = 150_000;

/** Reads while guests write, until all reads are done. @throws TargetFault, NbdGarbage when a connection is lost */
export async function storm(options: StormOptions): Promise<Outcome> {
  const { socket, moment, guest, before, reads, weather, seed } = options;
  const open: NbdTalk[] = [];
  const connect = async (exportName: string, mode: ReplyMode): Promise<NbdTalk> => {
    const talk = await connected(socket, exportName, mode);
    open.push(talk);
    return talk;
  };
  const disagreements: Disagreement[] = [];
  let done = 0;
  let writes = 0;
  try {
    const connections = MODES.flatMap((mode) => Array.from({ length: READERS }, () => mode));
    const share = Math.ceil(reads / connections.length);
    const wanted = fc.sample(fc.tuple(ranges(before.length, LONGEST_READ), fc.nat(9)), {
      numRuns: share * connections.length,
      seed,
    });
    const readers = connections.map(async (mode, index) => {
      const talk = await connect(moment, mode);
      for (const [range, kind] of wanted.slice(index * share, (index + 1) * share)) {
        // Every tenth asks for the status: it says the same as reading.
        const isStatus = kind === 0 && mode !== 'simple';
        const found = isStatus ? await status(talk, range, before) : await read(talk, mode, range, before);
        if (found !== null) disagreements.push({ mode: isStatus ? 'status' : mode, ...range, what: found });
        done += 1;
      }
    });
    let isOver = false;
    const writers = Array.from({ length: WRITERS }, async (_, index) => {
      const talk = await connect(guest, 'simple');
      const changes = fc.sample(change(before.length, weather), { numRuns: 1000, seed: seed + 1 + index });
      for (let at = 0; !isOver; at = (at + 1) % changes.length) {
        await talk.request(changes[at]!);
        writes += 1;
      }
    });
    const reading = Promise.all(readers).finally(() => {
      isOver = true;
    });
    await Promise.all([reading, ...writers]);
  } finally {
    for (const talk of open) talk.destroy();
  }
  return { reads: done, writes, disagreements };
}

/** All that there is now. */
export async function contentOf(socket: string, exportName: string, size: number): Promise<Buffer> {
  const talk = await connected(socket, exportName, 'one chunk');
  try {
    const [chunk] = await talk.request({ type: wire.CMD_READ, flags: DF, offset: 0, length: size });
    if (chunk?.kind !== 'data') throw new Error(`${exportName} cannot be read: ${JSON.stringify(chunk)}`);
    return Buffer.from(chunk.bytes);
  } finally {
    talk.destroy();
  }
}

async function connected(socket: string, exportName: string, mode: ReplyMode): Promise<NbdTalk> {
  const talk = await NbdTalk.connect(socket);
  if (mode !== 'simple') {
    await talk.option(wire.OPT_STRUCTURED_REPLY, Buffer.alloc(0));
    const query = [nbdString(exportName), numbers([1, 4]), nbdString('base:allocation')];
    await talk.option(wire.OPT_SET_META_CONTEXT, Buffer.concat(query));
  }
  const replies = await talk.option(wire.OPT_GO, Buffer.concat([nbdString(exportName), numbers([0, 2])]));
  if (replies.at(-1)!.type !== wire.REP_ACK) throw new Error(`there is no export '${exportName}'`);
  return talk;
}

function change(size: number, weather: Weather): fc.Arbitrary<Request> {
  const type =
    weather === 'writes'
      ? fc.constant(wire.CMD_WRITE)
      : fc.constantFrom(wire.CMD_WRITE, wire.CMD_WRITE, wire.CMD_WRITE_ZEROES, wire.CMD_TRIM);
  return fc.tuple(type, ranges(size, LONGEST_WRITE), fc.nat(255)).map(([command, range, byte]) => ({
    type: command,
    flags: 0,
    ...range,
    ...(command === wire.CMD_WRITE ? { payload: Buffer.alloc(range.length, byte) } : {}),
  }));
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

/** What is wrong, or null. */
async function read(
  talk: NbdTalk,
  mode: ReplyMode,
  { offset, length }: Range,
  before: Buffer,
): Promise<string | null> {
  const flags = mode === 'one chunk' ? DF : 0;
  const chunks = await talk.request({ type: wire.CMD_READ, flags, offset, length });
  let at = offset;
  for (const chunk of chunks) {
    if (chunk.kind === 'error') return `error ${chunk.errno}`;
    if (chunk.kind !== 'data' && chunk.kind !== 'hole') return `a chunk of the kind ${chunk.kind}`;
    if (chunk.offset !== at) return `a chunk at ${chunk.offset} in the place of ${at}`;
    const bytes = chunk.kind === 'data' ? chunk.bytes : Buffer.alloc(chunk.length);
    const wrong = difference(bytes, before.subarray(at, at + bytes.length));
    if (wrong >= 0) {
      const what = chunk.kind === 'hole' ? 'a hole' : `byte ${bytes[wrong]}`;
      return `${what} in the place of byte ${before[at + wrong]}, at ${at + wrong}`;
    }
    at += bytes.length;
  }
  return at === offset + length ? null : `it ends at ${at}`;
}

async function status(talk: NbdTalk, { offset, length }: Range, before: Buffer): Promise<string | null> {
  const chunks = await talk.request({ type: wire.CMD_BLOCK_STATUS, flags: 0, offset, length });
  const [chunk] = chunks as readonly Chunk[];
  if (chunk?.kind !== 'status' || chunk.context !== ALLOCATION) return JSON.stringify(chunk);
  let at = offset;
  for (const { length: long, flags } of chunk.extents) {
    const end = Math.min(at + long, before.length);
    const bytes = before.subarray(at, end);
    if ((flags & ZERO) !== 0 && bytes.some((byte) => byte !== 0)) return `zeros from ${at} to ${end}`;
    at = end;
  }
  return null;
}

/** Where the two are not the same, or -1; where one ends before the other they are not. */
function difference(a: Buffer, b: Buffer): number {
  if (a.equals(b)) return -1;
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) if (a[at] !== b[at]) return at;
  return length;
}

/**
 * The handshake of the NBD protocol (fixed newstyle): structured replies, meta contexts, then the export.
 */
import { TargetFault } from '../target/target.js';
import type { NbdStream } from './stream.js';
import * as wire from './wire.js';

/** What the server says of the export that was asked for. */
export interface ExportInfo {
  /** bytes */
  readonly size: number;
  readonly readOnly: boolean;
  /** names of the meta contexts that the server grants, by their number */
  readonly contexts: ReadonlyMap<number, string>;
}

interface OptionReply {
  readonly type: number;
  readonly data: Buffer;
}

/** More than any option reply has: a name and a few numbers. */
const LONGEST_OPTION_REPLY = 64 * 1024;

export async function negotiate(
  stream: NbdStream,
  exportName: string,
  contexts: readonly string[],
): Promise<{ info: ExportInfo; structured: boolean }> {
  const hello = await stream.read(18);
  if (hello.readBigUInt64BE(0) !== wire.NBD_MAGIC || hello.readBigUInt64BE(8) !== wire.OPTION_MAGIC) {
    throw stream.fail('garbage', `not an NBD server: it starts with ${hello.toString('hex')}`);
  }
  const flags = hello.readUInt16BE(16);
  if ((flags & wire.FLAG_FIXED_NEWSTYLE) === 0)
    throw stream.fail('garbage', 'the NBD server is not fixed newstyle');
  const ours = Buffer.alloc(4);
  ours.writeUInt32BE(wire.FLAG_FIXED_NEWSTYLE | (flags & wire.FLAG_NO_ZEROES));
  stream.write(ours);

  sendOption(stream, wire.OPT_STRUCTURED_REPLY, Buffer.alloc(0));
  const structured = (await readOptionReply(stream, wire.OPT_STRUCTURED_REPLY)).type === wire.REP_ACK;
  const granted = contexts.length === 0 ? new Map() : await askContexts(stream, exportName, contexts);
  const info = await go(stream, exportName);
  return { info: { ...info, contexts: granted }, structured };
}

async function askContexts(stream: NbdStream, exportName: string, contexts: readonly string[]) {
  const count = Buffer.alloc(4);
  count.writeUInt32BE(contexts.length);
  sendOption(
    stream,
    wire.OPT_SET_META_CONTEXT,
    Buffer.concat([text(exportName), count, ...contexts.map(text)]),
  );
  const granted = new Map<number, string>();
  for (;;) {
    const { type, data } = await readOptionReply(stream, wire.OPT_SET_META_CONTEXT);
    if (type === wire.REP_ACK) return granted;
    if (type !== wire.REP_META_CONTEXT || data.length < 4) throw refused(stream, 'meta contexts', type, data);
    granted.set(data.readUInt32BE(0), data.toString('utf8', 4));
    if (granted.size > contexts.length)
      throw stream.fail('garbage', 'more meta contexts than were asked for');
  }
}

async function go(stream: NbdStream, exportName: string): Promise<Omit<ExportInfo, 'contexts'>> {
  sendOption(stream, wire.OPT_GO, Buffer.concat([text(exportName), Buffer.alloc(2)]));
  let info: Omit<ExportInfo, 'contexts'> | null = null;
  for (;;) {
    const { type, data } = await readOptionReply(stream, wire.OPT_GO);
    if (type === wire.REP_ACK) {
      if (info === null) throw stream.fail('garbage', 'NBD_OPT_GO without NBD_INFO_EXPORT');
      return info;
    }
    if (type !== wire.REP_INFO || data.length < 2)
      throw refused(stream, `the export ${exportName}`, type, data);
    if (data.readUInt16BE(0) !== wire.INFO_EXPORT) continue;
    if (data.length !== 12) throw stream.fail('garbage', `NBD_INFO_EXPORT of ${data.length} bytes`);
    const size = data.readBigUInt64BE(2);
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) throw stream.fail('garbage', `an export of ${size} bytes`);
    info = { size: Number(size), readOnly: (data.readUInt16BE(10) & wire.EXPORT_READ_ONLY) !== 0 };
  }
}

function refused(stream: NbdStream, what: string, type: number, data: Buffer): TargetFault {
  if (type < wire.REP_ERROR) return stream.fail('garbage', `an option reply of the type ${type}`);
  return stream.fail(
    'surroundings',
    `the NBD server refuses ${what} (${type - wire.REP_ERROR}): ${data.toString('utf8')}`,
  );
}

function sendOption(stream: NbdStream, option: number, data: Buffer): void {
  const head = Buffer.alloc(16);
  head.writeBigUInt64BE(wire.OPTION_MAGIC, 0);
  head.writeUInt32BE(option, 8);
  head.writeUInt32BE(data.length, 12);
  stream.write(Buffer.concat([head, data]));
}

async function readOptionReply(stream: NbdStream, option: number): Promise<OptionReply> {
  const head = await stream.read(20);
  if (head.readBigUInt64BE(0) !== wire.OPTION_REPLY_MAGIC || head.readUInt32BE(8) !== option) {
    throw stream.fail('garbage', `not the reply to option ${option}: ${head.toString('hex')}`);
  }
  const length = head.readUInt32BE(16);
  if (length > LONGEST_OPTION_REPLY) throw stream.fail('garbage', `an option reply of ${length} bytes`);
  return { type: head.readUInt32BE(12), data: await stream.read(length) };
}

/** A string as options have it: its length in bytes (32 bits), then its UTF-8. */
function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  if (bytes.length > wire.LONGEST_STRING) {
    throw new TargetFault(
      'surroundings',
      `an NBD string of ${bytes.length} bytes; the protocol allows ${wire.LONGEST_STRING}`,
    );
  }
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

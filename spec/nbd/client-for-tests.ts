/**
 * The client's side of the protocol, for tests: it makes messages of any kind, right or wrong, and takes replies apart. It has no
 * socket: what is sent is a function, and what comes back is given to it.
 */
import * as nbd from './constants.js';
import { Fields } from './input.js';
import { message, text, u16, u32, u64 } from './output.js';

/** One message of the server, short and comparable. */
export type Said = string;

export function hello(flags: number): Uint8Array {
  return message(u32(flags));
}

/** @param length what the header says, if not the truth */
export function option(code: number, data: Uint8Array = new Uint8Array(0), length = data.length): Uint8Array {
  return message(u64(nbd.OPTION_MAGIC), u32(code), u32(length), data);
}

export function string(value: string): Uint8Array {
  const bytes = text(value);
  return message(u32(bytes.length), bytes);
}

export function infoData(name: string, requests: readonly number[] = []): Uint8Array {
  return message(string(name), u16(requests.length), ...requests.map(u16));
}

export function contextData(name: string, queries: readonly string[]): Uint8Array {
  return message(string(name), u32(queries.length), ...queries.map(string));
}

export interface RequestFields {
  readonly command: number;
  readonly flags?: number;
  readonly offset?: number | bigint;
  readonly length?: number;
  readonly data?: Uint8Array;
  readonly magic?: number;
}

/** `cookie` is 7 times the command, plus one: enough to see that it comes back. */
export function request(fields: RequestFields): Uint8Array {
  const { command, flags = 0, offset = 0, length = 0, data, magic = nbd.REQUEST_MAGIC } = fields;
  const header = [u32(magic), u16(flags), u16(command), u64(command * 7 + 1), u64(offset), u32(length)];
  return message(...header, data ?? new Uint8Array(0));
}

/** The beginning of the server's part. */
export function greeting(bytes: Uint8Array): Said {
  const fields = new Fields(bytes);
  return `${fields.u64().toString(16)} ${fields.u64().toString(16)} flags ${fields.u16()}`;
}

/** The replies to options in `bytes`, all of them. */
export function optionReplies(bytes: Uint8Array): Said[] {
  const fields = new Fields(bytes);
  const said: Said[] = [];
  while (fields.left > 0) {
    const magic = fields.u64();
    if (magic !== nbd.OPTION_REPLY_MAGIC) return [...said, `magic ${magic.toString(16)}`];
    const [code, type] = [fields.u32(), fields.u32()];
    const data = fields.bytes(fields.u32());
    // The text of an error is for people.
    const shown = type >= nbd.REP_ERR_UNSUP ? '' : ` ${hex(data)}`;
    said.push(`option ${code}: ${type.toString(16)}${shown}`);
  }
  return said;
}

/** The replies to requests in `bytes`; `length` is that of the read that a simple reply may answer. */
export function replies(bytes: Uint8Array, length: number): Said[] {
  const fields = new Fields(bytes);
  const said: Said[] = [];
  while (fields.left > 0) {
    const magic = fields.u32();
    if (magic === nbd.SIMPLE_REPLY_MAGIC) {
      const [error, cookie] = [fields.u32(), fields.u64()];
      const data = error === 0 && fields.left >= length && length > 0 ? ` ${hex(fields.bytes(length))}` : '';
      said.push(`simple ${errorName(error)} cookie ${cookie}${data}`);
    } else if (magic === nbd.STRUCTURED_REPLY_MAGIC) {
      said.push(chunk(fields));
    } else return [...said, `magic ${magic.toString(16)}`];
  }
  return said;
}

function chunk(fields: Fields): Said {
  const [flags, type, cookie] = [fields.u16(), fields.u16(), fields.u64()];
  const data = fields.bytes(fields.u32());
  const about = `cookie ${cookie}${(flags & nbd.REPLY_FLAG_DONE) !== 0 ? ' done' : ''}`;
  if (type !== nbd.REPLY_ERROR) return `chunk ${type} ${about} ${hex(data)}`;
  return `chunk error ${errorName(new Fields(data).u32())} ${about}`;
}

function errorName(error: number): string {
  if (error === 0) return 'ok';
  return Object.entries(nbd.ERRORS).find(([, number]) => number === error)?.[0] ?? String(error);
}

/** Hexadecimal; of much, its length and a sum. */
function hex(bytes: Uint8Array): string {
  if (bytes.length <= 64) return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  let sum = 0;
  for (const byte of bytes) sum = (sum * 31 + byte) % 4294967291;
  return `(${bytes.length} bytes, ${sum})`;
}

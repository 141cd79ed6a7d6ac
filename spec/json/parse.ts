/**
 * The tokens of one QMP message made into a value. The order in which mistakes are found is part of the specification,
 * because only the first one is answered. QMP.md, QMP-014 to QMP-017.
 */
import { type FaultKind, JsonFault } from './fault.js';
import type { Token } from './lexer.js';
import { isQmpCodePoint, readCharacter, showBytes } from './utf8.js';
import { type Json, type JsonObject, JsonReal, jsonObject } from './value.js';

/** The value of `tokens`, or the first fault in them. Their nesting is bounded by the stream. */
export function parseTokens(tokens: readonly Token[]): Json | JsonFault {
  try {
    return new Parser(tokens).value();
  } catch (fault) {
    if (fault instanceof JsonFault) return fault;
    throw fault;
  }
}

class Parser {
  private at = 0;
  private readonly tokens: readonly Token[];
  constructor(tokens: readonly Token[]) {
    this.tokens = tokens;
  }

  value(): Json {
    const token = this.tokens[this.at++];
    switch (token?.kind) {
      case 'string':
        return unquote(token.bytes);
      case 'integer':
        return integer(ascii(token.bytes));
      case 'real':
        return new JsonReal(ascii(token.bytes));
      case 'keyword':
        return keyword(ascii(token.bytes));
      case 'punctuation':
        if (token.bytes[0] === 0x7b) return this.object();
        if (token.bytes[0] === 0x5b) return this.array();
    }
    throw new JsonFault('value');
  }

  private object(): JsonObject {
    const object = jsonObject();
    if (this.take(0x7d)) return object;
    do {
      // a member name is read as any value first: {,} misses a value, {1:2} has a wrong name
      const name = this.value();
      if (typeof name !== 'string') throw new JsonFault('key');
      if (!this.take(0x3a)) throw new JsonFault('colon');
      const value = this.value();
      if (name in object) throw new JsonFault('duplicate');
      object[name] = value;
    } while (this.separated(0x7d, 'object-separator'));
    return object;
  }

  private array(): Json[] {
    const array: Json[] = [];
    if (this.take(0x5d)) return array;
    do {
      array.push(this.value());
    } while (this.separated(0x5d, 'array-separator'));
    return array;
  }

  /** true after a comma, false after the closing bracket */
  private separated(closing: number, otherwise: FaultKind): boolean {
    if (this.take(closing)) return false;
    if (this.take(0x2c)) return true;
    throw new JsonFault(otherwise);
  }

  private take(byte: number): boolean {
    const token = this.tokens[this.at];
    if (token?.kind !== 'punctuation' || token.bytes[0] !== byte) return false;
    this.at++;
    return true;
  }
}

const DECODER = new TextDecoder();

/** Text of bytes below 80. A decoder costs more than it saves on short texts, and those are nearly all. */
function ascii(bytes: Uint8Array): string {
  if (bytes.length > 64) return DECODER.decode(bytes);
  let text = '';
  for (let at = 0; at < bytes.length; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function keyword(word: string): Json {
  if (word === 'null') return null;
  if (word === 'true' || word === 'false') return word === 'true';
  throw new JsonFault('keyword', word);
}

/** From here on an integer no longer fits 64 bits, signed or unsigned, and counts as a real. QMP-017 */
export const INT64_MINIMUM = -(2n ** 63n);
export const UINT64_MAXIMUM = 2n ** 64n - 1n;

function integer(text: string): Json {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value + 0;
  // 20 digits and a sign hold every 64-bit integer; more of them need not be made into a bigint to be refused
  if (text.length > 21) return new JsonReal(text);
  const exact = BigInt(text);
  return exact < INT64_MINIMUM || exact > UINT64_MAXIMUM ? new JsonReal(text) : exact;
}

const ESCAPES: { readonly [letter: number]: string } = {
  34: '"',
  39: "'",
  92: '\\',
  47: '/',
  98: '\b',
  102: '\f',
  110: '\n',
  114: '\r',
  116: '\t',
};

/** The text of a string token, whose quotes are still on. QMP-015, QMP-016 */
function unquote(bytes: Uint8Array): string {
  const parts: string[] = [];
  const end = bytes.length - 1;
  for (let at = 1; at < end; ) {
    let run = at;
    while (run < end && bytes[run]! < 0x80 && bytes[run] !== 0x5c) run++;
    if (run > at) {
      parts.push(ascii(bytes.subarray(at, run)));
      at = run;
    } else if (bytes[at] !== 0x5c) {
      const { code, length } = readCharacter(bytes, at);
      if (code < 0) throw new JsonFault('utf-8');
      parts.push(String.fromCodePoint(code));
      at += length;
    } else if (bytes[at + 1] === 0x75) {
      const { code, length } = escapedCharacter(bytes, at);
      parts.push(String.fromCodePoint(code));
      at += length;
    } else {
      const plain = ESCAPES[bytes[at + 1]!];
      if (plain === undefined) throw new JsonFault('escape');
      parts.push(plain);
      at += 2;
    }
  }
  return parts.join('');
}

function escapedCharacter(bytes: Uint8Array, at: number): { code: number; length: number } {
  const unit = hex(bytes, at + 2);
  let code = unit;
  let length = 6;
  if (unit >= 0xd800 && unit <= 0xdbff && bytes[at + 6] === 0x5c && bytes[at + 7] === 0x75) {
    const low = hex(bytes, at + 8);
    const paired = low >= 0xdc00 && low <= 0xdfff;
    code = paired ? 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00) : -1;
    length = paired ? 12 : 6;
  }
  if (isQmpCodePoint(code)) return { code, length };
  // the closing quote may be among the bytes shown, if the digits end early
  throw new JsonFault('character', showBytes(bytes.subarray(at, at + length)));
}

function hex(bytes: Uint8Array, at: number): number {
  const digits = String.fromCharCode(...bytes.subarray(at, at + 4));
  return /^[0-9a-fA-F]{4}$/.test(digits) ? Number.parseInt(digits, 16) : -1;
}

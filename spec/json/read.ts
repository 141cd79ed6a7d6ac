/**
 * A strict reader of JSON text that loses nothing and says where a mistake is. Strict means RFC 8259 and no more:
 * no comments, no trailing commas, no NaN, no byte order mark, nothing after the value, no member twice (RFC 8259 §4
 * leaves that open; here it is an error, because two readers would see two descriptors).
 *
 * QMP input is another language, see stream.ts.
 */
import { type Json, type JsonObject, JsonReal, jsonObject } from './value.js';

/** Limits of {@link readJson}. */
export interface ReadLimits {
  /** arrays and objects inside each other; default 1024, as QEMU's parser has it */
  readonly depth?: number;
  /** UTF-16 code units of text; default 64 Mi */
  readonly length?: number;
}

/** What was wrong with a JSON text, and where. */
export class JsonSyntaxError extends Error {
  /** from 1 */
  readonly line: number;
  /** from 1, in UTF-16 code units */
  readonly column: number;
  /** from 0, in UTF-16 code units of the text */
  readonly offset: number;
  constructor(problem: string, text: string, offset: number) {
    const before = text.slice(0, offset);
    const line = before.split('\n').length;
    const column = offset - before.lastIndexOf('\n');
    super(`line ${line}, column ${column}: ${problem}`);
    this.name = 'JsonSyntaxError';
    this.line = line;
    this.column = column;
    this.offset = offset;
  }
}

/**
 * The value that `text` is. An integer up to 2^53−1 is a number, a longer one a bigint, one with a fraction or an
 * exponent a {@link JsonReal}. Throws a {@link JsonSyntaxError}.
 */
export function readJson(text: string, limits: ReadLimits = {}): Json {
  const length = limits.length ?? 64 * 2 ** 20;
  if (text.length > length) {
    throw new JsonSyntaxError(`the text is longer than ${length} code units`, '', 0);
  }
  return new Reader(text, limits.depth ?? 1024).document();
}

const SPACE = /[ \t\n\r]*/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const PLAIN = /[^"\\\u0000-\u001f\ud800-\udfff]*/y;
const WORD = /[A-Za-z0-9_+.-]+/y;
const ESCAPES: { readonly [letter: string]: string } = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class Reader {
  private at = 0;
  private depth = 0;
  private readonly text: string;
  private readonly maximumDepth: number;
  constructor(text: string, maximumDepth: number) {
    this.text = text;
    this.maximumDepth = maximumDepth;
  }

  document(): Json {
    if (this.text.startsWith('\ufeff'))
      this.fail('a byte order mark is not JSON; save the file without it', 0);
    this.space();
    const value = this.value();
    this.space();
    if (this.at < this.text.length) this.fail(`text after the end of the value: ${this.shown()}`);
    return value;
  }

  private value(): Json {
    const c = this.text[this.at];
    if (c === '{') return this.nested(() => this.object());
    if (c === '[') return this.nested(() => this.array());
    if (c === '"') return this.string();
    if (c === '-' || (c !== undefined && c >= '0' && c <= '9')) return this.number();
    for (const [word, value] of [
      ['true', true],
      ['false', false],
      ['null', null],
    ] as const) {
      if (this.peek(WORD) === word) {
        this.at += word.length;
        return value;
      }
    }
    return this.fail(`a value is expected, not ${this.shown()}`);
  }

  private nested<T extends Json>(read: () => T): T {
    if (++this.depth > this.maximumDepth) this.fail(`nested deeper than ${this.maximumDepth}`);
    this.at++;
    this.space();
    const value = read();
    this.depth--;
    return value;
  }

  private object(): JsonObject {
    const object = jsonObject();
    if (this.take('}')) return object;
    do {
      this.space();
      const at = this.at;
      if (this.text[at] !== '"') this.fail(`a member name in double quotes is expected, not ${this.shown()}`);
      const name = this.string();
      if (name in object) this.fail(`member ${JSON.stringify(name)} occurs twice`, at);
      this.space();
      if (!this.take(':')) this.fail(`':' is expected after a member name, not ${this.shown()}`);
      this.space();
      object[name] = this.value();
      this.space();
    } while (this.take(','));
    if (!this.take('}')) this.fail(`',' or '}' is expected, not ${this.shown()}`);
    return object;
  }

  private array(): Json[] {
    const array: Json[] = [];
    if (this.take(']')) return array;
    do {
      this.space();
      array.push(this.value());
      this.space();
    } while (this.take(','));
    if (!this.take(']')) this.fail(`',' or ']' is expected, not ${this.shown()}`);
    return array;
  }

  private number(): number | bigint | JsonReal {
    const start = this.at;
    const text = this.peek(NUMBER);
    if (text === '') this.fail(`a digit is expected after '-'`, start + 1);
    this.at += text.length;
    const rest = this.peek(WORD);
    if (rest !== '') this.fail(`not a JSON number: ${text}${rest}`, start);
    if (/[.eE]/.test(text)) return new JsonReal(text);
    const value = Number(text);
    // an integer has one zero: -0 is 0
    return Number.isSafeInteger(value) ? value + 0 : BigInt(text);
  }

  private string(): string {
    const start = this.at++;
    let value = '';
    for (;;) {
      const plain = this.peek(PLAIN);
      value += plain;
      this.at += plain.length;
      const c = this.text[this.at];
      if (c === '"') {
        this.at++;
        return value;
      }
      if (c === undefined) this.fail('this string is not closed', start);
      if (c < ' ') this.fail('a control character in a string must be escaped');
      value += c === '\\' ? this.escape() : this.pair(c);
    }
  }

  private pair(high: string): string {
    const low = this.text[this.at + 1] ?? '';
    if (!isHigh(high.charCodeAt(0)) || !isLow(low.charCodeAt(0)))
      this.fail('a lone surrogate is no character');
    this.at += 2;
    return high + low;
  }

  private escape(): string {
    const start = this.at;
    const letter = this.text[start + 1] ?? '';
    if (letter !== 'u') {
      const plain = ESCAPES[letter];
      if (plain === undefined) this.fail(`no such escape: ${this.text.slice(start, start + 2)}`);
      this.at += 2;
      return plain;
    }
    const unit = this.hex(start);
    this.at += 6;
    if (unit < 0xd800 || unit > 0xdfff) return String.fromCharCode(unit);
    const low = this.text.startsWith('\\u', this.at) ? this.hex(this.at) : 0;
    if (!isHigh(unit) || !isLow(low)) this.fail('an escaped lone surrogate is no character', start);
    this.at += 6;
    return String.fromCharCode(unit, low);
  }

  private hex(at: number): number {
    const digits = this.text.slice(at + 2, at + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('four hexadecimal digits are expected after \\u', at);
    return Number.parseInt(digits, 16);
  }

  private space(): void {
    this.at += this.peek(SPACE).length;
  }

  private take(c: string): boolean {
    if (this.text[this.at] !== c) return false;
    this.at++;
    return true;
  }

  private peek(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? '';
  }

  /** what stands here, short, for a message */
  private shown(): string {
    if (this.at >= this.text.length) return 'the end of the text';
    return JSON.stringify(
      this.peek(WORD).slice(0, 20) || String.fromCodePoint(this.text.codePointAt(this.at)!),
    );
  }

  private fail(problem: string, at = this.at): never {
    throw new JsonSyntaxError(problem, this.text, at);
  }
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/**
 * Cuts QMP input into tokens, byte by byte, in any chunks. It accepts more than JSON (strings in single quotes, `\'`)
 * and after a byte that fits nowhere it skips to a byte where a new start is likely. QMP.md, QMP-010 to QMP-014.
 */

/** QMP-011. A token as it was written; `stray` is what stood there when no token could be made of it. */
export interface Token {
  readonly kind: 'punctuation' | 'integer' | 'real' | 'keyword' | 'string' | 'stray' | 'oversized';
  readonly bytes: Uint8Array;
}

const State = {
  start: 0,
  recover: 1,
  doubleQuoted: 2,
  doubleEscape: 3,
  singleQuoted: 4,
  singleEscape: 5,
  sign: 6,
  zero: 7,
  digits: 8,
  point: 9,
  fraction: 10,
  exponent: 11,
  exponentSign: 12,
  exponentDigits: 13,
  keyword: 14,
} as const;
type State = (typeof State)[keyof typeof State];

/** What a byte does: moves to a state; ends a token with itself, or before itself; or fits nowhere. */
type Move = State | 'ends' | 'ended' | 'stray';

export class Lexer {
  private state: State = State.start;
  private token = new Uint8Array(64);
  private length = 0;
  private readonly limit: number;
  private readonly emit: (token: Token) => void;

  /** `limit`: bytes of one token; a longer one is handed out as `oversized` and forgotten */
  constructor(limit: number, emit: (token: Token) => void) {
    this.limit = limit;
    this.emit = emit;
  }

  feed(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const run = this.plainRun(bytes, at);
      if (run > 0) this.appendRun(bytes.subarray(at, at + run));
      else this.push(bytes[at]!);
      at += run || 1;
    }
  }

  /** How many of the next bytes are plain characters of the string begun: they need no look one by one. */
  private plainRun(bytes: Uint8Array, at: number): number {
    const quote = this.state === State.doubleQuoted ? 0x22 : this.state === State.singleQuoted ? 0x27 : -1;
    if (quote < 0) return 0;
    // not past the limit, so that it is met at the same byte however the input is cut
    const end = Math.min(bytes.length, at + this.limit + 1 - this.length);
    let to = at;
    while (to < end && bytes[to] !== quote && bytes[to] !== 0x5c && !isControl(bytes[to]!)) to++;
    return to - at;
  }

  private push(byte: number): void {
    let move = next(this.state, byte);
    if (move === 'ended') {
      if (this.state !== State.recover) this.finish(kindOf(this.state));
      this.state = State.start;
      move = next(State.start, byte);
    }
    if (move === State.start || move === State.recover) {
      this.state = move;
      return;
    }
    if (move === 'ends' && this.state === State.start) {
      this.emit(PUNCTUATION[byte]!);
      return;
    }
    this.append(byte);
    if (move === 'stray') {
      this.finish('stray');
      this.state = State.recover;
    } else if (move === 'ends') {
      this.finish('string');
      this.state = State.start;
    } else {
      this.state = move as State;
    }
    this.checkLimit();
  }

  private checkLimit(): void {
    if (this.length <= this.limit) return;
    this.finish('oversized');
    this.state = State.start;
  }

  private append(byte: number): void {
    this.reserve(1);
    this.token[this.length++] = byte;
  }

  private appendRun(bytes: Uint8Array): void {
    this.reserve(bytes.length);
    this.token.set(bytes, this.length);
    this.length += bytes.length;
    this.checkLimit();
  }

  private reserve(more: number): void {
    if (this.length + more <= this.token.length) return;
    const larger = new Uint8Array(Math.max(this.token.length * 2, this.length + more));
    larger.set(this.token);
    this.token = larger;
  }

  private finish(kind: Token['kind']): void {
    const bytes = this.token.slice(0, this.length);
    this.length = 0;
    // the room of a giant is not kept for the next token
    if (this.token.length > 65536) this.token = new Uint8Array(64);
    this.emit({ kind, bytes });
  }
}

/** The six tokens that are always the same, by their byte. */
const PUNCTUATION: { readonly [byte: number]: Token } = Object.fromEntries(
  [0x2c, 0x3a, 0x5b, 0x5d, 0x7b, 0x7d].map((byte) => [
    byte,
    { kind: 'punctuation', bytes: Uint8Array.of(byte) },
  ]),
);

function kindOf(state: State): Token['kind'] {
  if (state === State.keyword) return 'keyword';
  return state === State.fraction || state === State.exponentDigits ? 'real' : 'integer';
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isLetter = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
const isExponent = (byte: number): boolean => byte === 0x45 || byte === 0x65;
const isPunctuation = (byte: number): boolean =>
  byte === 0x2c || byte === 0x3a || byte === 0x5b || byte === 0x5d || byte === 0x7b || byte === 0x7d;
const isControl = (byte: number): boolean => byte < 0x20 || byte >= 0xfe;

function next(state: State, byte: number): Move {
  switch (state) {
    case State.start:
      return atStart(byte);
    case State.recover:
      return byte !== 0x09 && (isControl(byte) || isPunctuation(byte)) ? 'ended' : State.recover;
    case State.doubleQuoted:
      return inString(byte, 0x22, state, State.doubleEscape);
    case State.singleQuoted:
      return inString(byte, 0x27, state, State.singleEscape);
    case State.doubleEscape:
      return isControl(byte) ? 'stray' : State.doubleQuoted;
    case State.singleEscape:
      return isControl(byte) ? 'stray' : State.singleQuoted;
    case State.keyword:
      return isLetter(byte) ? state : 'ended';
    default:
      return inNumber(state, byte);
  }
}

function atStart(byte: number): Move {
  if (byte === 0x20 || byte === 0x09 || byte === 0x0a || byte === 0x0d) return State.start;
  if (isPunctuation(byte)) return 'ends';
  if (byte === 0x22) return State.doubleQuoted;
  if (byte === 0x27) return State.singleQuoted;
  if (byte === 0x2d) return State.sign;
  if (byte === 0x30) return State.zero;
  if (isDigit(byte)) return State.digits;
  return isLetter(byte) ? State.keyword : 'stray';
}

function inString(byte: number, quote: number, same: State, escaped: State): Move {
  if (byte === quote) return 'ends';
  if (byte === 0x5c) return escaped;
  return isControl(byte) ? 'stray' : same;
}

function inNumber(state: State, byte: number): Move {
  switch (state) {
    case State.sign:
      return byte === 0x30 ? State.zero : isDigit(byte) ? State.digits : 'stray';
    case State.zero:
      // 0e1 is the number 0 and the keyword e: QEMU's lexer knows no exponent after a lone zero
      return byte === 0x2e ? State.point : isDigit(byte) ? 'stray' : 'ended';
    case State.digits:
      return byte === 0x2e
        ? State.point
        : isExponent(byte)
          ? State.exponent
          : isDigit(byte)
            ? state
            : 'ended';
    case State.point:
      return isDigit(byte) ? State.fraction : 'stray';
    case State.fraction:
      return isExponent(byte) ? State.exponent : isDigit(byte) ? state : 'ended';
    case State.exponent:
      if (byte === 0x2b || byte === 0x2d) return State.exponentSign;
      return isDigit(byte) ? State.exponentDigits : 'stray';
    case State.exponentSign:
      return isDigit(byte) ? State.exponentDigits : 'stray';
    default:
      return isDigit(byte) ? state : 'ended';
  }
}

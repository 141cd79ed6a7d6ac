/**
 * A stream of QMP input made into values and faults, in order, in any chunks. What a message is, is decided by counting
 * brackets before anything is parsed, so one mistake costs one message or a little more. QMP.md, QMP-008 and
 * QMP-010 to QMP-018.
 */
import { JsonFault } from './fault.js';
import { Lexer, type Token } from './lexer.js';
import { parseTokens } from './parse.js';
import { showBytes } from './utf8.js';
import type { Json } from './value.js';

/** How much one message may take before it is given up. The defaults are QEMU's. */
export interface StreamLimits {
  /** bytes of the message's tokens, one counted on top of each; default 64 MiB */
  readonly size?: number;
  /** tokens; default 2 Mi */
  readonly count?: number;
  /** open brackets; default 1024 */
  readonly depth?: number;
}

export class JsonStream {
  private readonly lexer: Lexer;
  private readonly limits: Required<StreamLimits>;
  private tokens: Token[] = [];
  private size = 0;
  private braces = 0;
  private brackets = 0;
  private done: (Json | JsonFault)[] = [];

  constructor(limits: StreamLimits = {}) {
    this.limits = { size: 64 * 2 ** 20, count: 2 * 2 ** 20, depth: 1024, ...limits };
    this.lexer = new Lexer(this.limits.size, (token) => this.accept(token));
  }

  /** The messages and faults that end within `bytes`. What is unfinished is kept for the next call. */
  feed(bytes: Uint8Array): (Json | JsonFault)[] {
    this.done = [];
    this.lexer.feed(bytes);
    return this.done;
  }

  private accept(token: Token): void {
    if (token.kind === 'punctuation') this.countBracket(token.bytes[0]!);
    const fault =
      token.kind === 'stray' ? new JsonFault('stray', showBytes(token.bytes)) : this.excess(token);
    if (fault !== undefined) {
      this.finish(fault);
      return;
    }
    this.tokens.push(token);
    this.size += token.bytes.length;
    // Braces and brackets are counted apart: '[{]' still waits, '{"a":]' does not. QMP-013
    if (this.braces >= 0 && this.brackets >= 0 && this.braces + this.brackets > 0) return;
    this.finish(parseTokens(this.tokens));
  }

  private countBracket(byte: number): void {
    if (byte === 0x7b) this.braces++;
    else if (byte === 0x7d) this.braces--;
    else if (byte === 0x5b) this.brackets++;
    else if (byte === 0x5d) this.brackets--;
  }

  private excess(token: Token): JsonFault | undefined {
    // QMP-018
    if (token.kind === 'oversized' || this.size + token.bytes.length + 1 > this.limits.size) {
      return new JsonFault('size');
    }
    if (this.tokens.length + 1 > this.limits.count) return new JsonFault('count');
    return this.braces + this.brackets > this.limits.depth ? new JsonFault('depth') : undefined;
  }

  private finish(result: Json | JsonFault): void {
    this.done.push(result);
    this.tokens = [];
    this.size = 0;
    this.braces = 0;
    this.brackets = 0;
  }
}

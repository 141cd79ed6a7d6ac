/**
 * Requests and replies with a child, one message a line, as QMP and the adapter protocol have it. Replies come in the
 * order of the requests. Whatever goes wrong becomes a {@link TargetFault}, and every wait has a limit.
 */
import { isAscii, isUtf8 } from 'node:buffer';
import type { Readable, Writable } from 'node:stream';
import { type Child, settles } from './process.js';
import { TargetFault } from './target.js';

export interface DialogueOptions<M> {
  /** what is spoken, for messages: "QMP" */
  readonly language: string;
  readonly child: Child;
  readonly input: Writable;
  readonly output: Readable;
  /** turns a line into a message; what it throws is the reason why the line is garbage */
  readonly read: (line: string) => M;
  /** takes a message that is nobody's reply (an event) and returns true, or returns false */
  readonly aside: (message: M) => boolean;
  /** told of the first fault */
  readonly failed?: (fault: TargetFault) => void;
}

/** The longest line that is read, bytes. query-qmp-schema, the longest honest one, has about 200 KiB. */
export const LONGEST_LINE = 64 * 1024 * 1024;
/** How long after its connection closed we wait for a program's death, to be able to say how it died. */
const DEATH_LIMIT_MS = 1000;
const NEWLINE = 0x0a;

interface Waiting<M> {
  readonly resolve: (message: M) => void;
  readonly reject: (fault: TargetFault) => void;
  readonly what: string;
  readonly limitMs: number;
  deadline: number;
}

export class Dialogue<M> {
  readonly #options: DialogueOptions<M>;
  #waiting: Waiting<M>[] = [];
  /** asked in this turn */
  #unsent = '';
  #partial: Buffer[] = [];
  #partialBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  /** when the timer fires */
  #due = Number.POSITIVE_INFINITY;
  #ending = false;
  #closed = false;
  /** set for good by the first fault; every request after it is rejected with it */
  fault: TargetFault | null = null;

  constructor(options: DialogueOptions<M>) {
    this.#options = options;
    options.output.on('data', (chunk: Buffer) => this.#receive(chunk));
    options.output.on('close', () => void this.#ended());
    options.output.on('end', () => void this.#ended());
    // What the program started may hold the pipe open after its death. What it said itself has been read by then.
    void options.child.exited.then(() => setTimeout(() => void this.#ended(), DEATH_LIMIT_MS).unref());
  }

  /**
   * Sends `text` (with its newline) and waits for the reply that belongs to it.
   *
   * @param what the request as a person knows it, for messages
   * @throws TargetFault `crash`, `hang` or `garbage`
   */
  ask(text: string | Buffer, what: string, limitMs: number): Promise<M> {
    if (this.fault === null && !this.#ending) this.#send(text);
    return this.expect(what, limitMs);
  }

  /** What is asked at once goes out at once: a write costs about as much as all else that a request takes here. */
  #send(text: string | Buffer): void {
    if (typeof text !== 'string') {
      this.#flush();
      this.#options.input.write(text);
      return;
    }
    if (this.#unsent === '') process.nextTick(() => this.#flush());
    this.#unsent += text;
  }

  #flush(): void {
    if (this.#unsent !== '') this.#options.input.write(this.#unsent);
    this.#unsent = '';
  }

  /** Waits for a reply that nothing was sent for: a greeting. */
  expect(what: string, limitMs: number): Promise<M> {
    return new Promise((resolve, reject) => {
      if (this.fault !== null) {
        reject(this.fault);
        return;
      }
      const deadline = performance.now() + limitMs;
      this.#waiting.push({ resolve, reject, what, limitMs, deadline });
      // One timer that is looked at when it fires, instead of one per request: making and clearing a timer costs
      // about as much as the rest of a request does here.
      if (this.#waiting.length === 1 && deadline < this.#due) this.#watch(limitMs);
    });
  }

  /** No more requests: the program was asked to end, so that the end of its output is no fault. */
  expectEnd(): void {
    this.#ending = true;
  }

  /** No more requests; nothing that happens from now on is a fault. */
  close(): void {
    this.#closed = true;
    this.fail('crash', 'the harness has closed the connection');
    this.#options.input.destroy();
    this.#options.output.destroy();
  }

  #watch(ms: number): void {
    this.#unwatch();
    this.#due = performance.now() + ms;
    this.#timer = setTimeout(() => {
      this.#unwatch();
      // Only the first one can be late: the others wait for it.
      const first = this.#waiting[0];
      const now = performance.now();
      if (first === undefined) return;
      if (first.deadline <= now) this.fail('hang', `${first.what}: no reply within ${first.limitMs} ms`);
      else this.#watch(first.deadline - now);
    }, ms + 1);
  }

  #unwatch(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#due = Number.POSITIVE_INFINITY;
  }

  #receive(chunk: Buffer): void {
    let start = 0;
    let end = chunk.indexOf(NEWLINE);
    while (end !== -1 && this.fault === null) {
      let line = chunk.subarray(start, end);
      if (this.#partialBytes > 0) {
        this.#partial.push(line);
        line = Buffer.concat(this.#partial);
        this.#partial = [];
        this.#partialBytes = 0;
      }
      this.#take(line);
      start = end + 1;
      end = chunk.indexOf(NEWLINE, start);
    }
    if (this.fault !== null || start === chunk.length) return;
    this.#partial.push(start === 0 ? chunk : chunk.subarray(start));
    this.#partialBytes += chunk.length - start;
    if (this.#partialBytes > LONGEST_LINE) {
      this.fail(
        'garbage',
        `more than ${LONGEST_LINE} bytes without an end of line: ${quote(this.#partial[0]!)}`,
      );
    }
  }

  #take(bytes: Buffer): void {
    // QMP ends its lines with CR LF.
    const line = bytes.at(-1) === 0x0d ? bytes.subarray(0, -1) : bytes;
    if (line.length === 0) return;
    let message: M;
    try {
      if (isAscii(line)) message = this.#options.read(line.toString('latin1'));
      else if (isUtf8(line)) message = this.#options.read(line.toString('utf8'));
      else throw new Error('not UTF-8');
      if (this.#options.aside(message)) return;
    } catch (error) {
      this.fail('garbage', `not ${this.#options.language}: ${(error as Error).message}: ${quote(line)}`);
      return;
    }
    const first = this.#waiting.shift();
    if (first === undefined) this.fail('garbage', `a reply that nothing was asked for: ${quote(line)}`);
    else first.resolve(message);
    // The time of the next one begins when the program can have begun with it.
    const next = this.#waiting[0];
    if (next === undefined) return;
    next.deadline = performance.now() + next.limitMs;
    if (next.deadline < this.#due) this.#watch(next.limitMs);
  }

  async #ended(): Promise<void> {
    if (this.#ending) return;
    this.#ending = true;
    if (this.fault !== null) return;
    const { child } = this.#options;
    const first = this.#waiting[0];
    const when = first === undefined ? '' : `${first.what}: `;
    const where = this.#partialBytes > 0 ? ', in the middle of a reply' : '';
    if (await settles(child.exited, DEATH_LIMIT_MS)) this.fail('crash', `${when}${child.death()}`);
    else
      this.fail(
        'crash',
        `${when}${child.name} closed its connection${where}, but still runs${child.quoteLog()}`,
      );
  }

  /** Ends the dialogue, and the program: after a fault nothing that it says can be believed. */
  fail(kind: TargetFault['kind'], message: string): void {
    if (this.fault !== null) return;
    const { child } = this.#options;
    const log = kind === 'crash' ? '' : child.quoteLog();
    this.fault = new TargetFault(kind, `${message}${log}`);
    for (const { reject } of this.#waiting) reject(this.fault);
    this.#waiting = [];
    this.#partial = [];
    this.#unwatch();
    this.#options.failed?.(this.fault);
    if (!this.#closed) child.kill();
  }
}

/** The first bytes of a line, printable, for a message. */
function quote(bytes: Buffer): string {
  const text = JSON.stringify(bytes.subarray(0, 120).toString('latin1'));
  return bytes.length > 120 ? `${text}… (${bytes.length} bytes)` : text;
}

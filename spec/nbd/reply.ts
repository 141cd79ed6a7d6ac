/** How a request is answered: simple replies, and structured ones in chunks. NBD.md, NBD-014 and NBD-015. */
import * as nbd from './constants.js';
import { type Field, message, type Output, text, u16, u32, u64 } from './output.js';

/** A request as it came. */
export interface NbdRequest {
  readonly flags: number;
  readonly command: number;
  /** chosen by the client, who gets it back */
  readonly cookie: bigint;
  readonly offset: bigint;
  /** bytes */
  readonly length: number;
}

export class Replies {
  readonly #output: Output;
  readonly #isStructured: boolean;
  readonly #request: NbdRequest;

  constructor(output: Output, isStructured: boolean, request: NbdRequest) {
    this.#output = output;
    this.#isStructured = isStructured;
    this.#request = request;
  }

  get isStructured(): boolean {
    return this.#isStructured;
  }

  /** All is well, and there is nothing to say. */
  done(): void {
    this.simple(0);
  }

  /** The request has failed: the last reply to it. */
  error(errno: nbd.NbdErrno, reason: string): void {
    if (!this.#isStructured) {
      this.simple(nbd.ERRORS[errno]);
      return;
    }
    const said = text(reason);
    this.chunk(nbd.REPLY_ERROR, true, [u32(nbd.ERRORS[errno]), u16(said.length), said]);
  }

  /** @param data what follows the header, of a read that succeeded */
  simple(error: number, data?: Uint8Array): void {
    this.#output.push(message(u32(nbd.SIMPLE_REPLY_MAGIC), u32(error), u64(this.#request.cookie)));
    if (data !== undefined) this.#output.push(data);
  }

  /** One part of a structured reply. */
  chunk(type: number, isLast: boolean, fields: readonly Field[], data?: Uint8Array): void {
    const body = message(...fields);
    const header = [
      u32(nbd.STRUCTURED_REPLY_MAGIC),
      u16(isLast ? nbd.REPLY_FLAG_DONE : 0),
      u16(type),
      u64(this.#request.cookie),
      u32(body.length + (data?.length ?? 0)),
    ];
    this.#output.push(message(...header, body));
    if (data !== undefined) this.#output.push(data);
  }
}

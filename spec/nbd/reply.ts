/** How a request is answered: simple replies, and structured ones in chunks. NBD.md, NBD-014 and NBD-015. */
import * as nbd from './constants.js';
import { type Field, fill, message, type Output, text, u16, u32, u64 } from './output.js';

/** Bytes of the two headers. */
const SIMPLE_HEADER = 16;
const CHUNK_HEADER = 20;

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

  simple(error: number): void {
    this.#output.pushFields(this.#simpleHeader(error));
  }

  /** A read that succeeded: `read` fills all of what it gets, or says why not, and then nothing is sent. */
  simpleData(length: number, read: (into: Uint8Array) => nbd.NbdErrno | null): nbd.NbdErrno | null {
    return this.#withData(this.#simpleHeader(0), SIMPLE_HEADER, length, read);
  }

  /** One part of a structured reply. */
  chunk(type: number, isLast: boolean, fields: readonly Field[]): void {
    const body = message(...fields);
    this.#output.pushFields([...this.#chunkHeader(type, isLast, body.length), body]);
  }

  /** One part of what was read, from `offset` on. As {@link simpleData}. */
  chunkData(
    isLast: boolean,
    offset: number,
    length: number,
    read: (into: Uint8Array) => nbd.NbdErrno | null,
  ): nbd.NbdErrno | null {
    const header = [...this.#chunkHeader(nbd.REPLY_OFFSET_DATA, isLast, 8 + length), u64(offset)];
    return this.#withData(header, CHUNK_HEADER + 8, length, read);
  }

  #simpleHeader(error: number): Field[] {
    return [u32(nbd.SIMPLE_REPLY_MAGIC), u32(error), u64(this.#request.cookie)];
  }

  #chunkHeader(type: number, isLast: boolean, length: number): Field[] {
    return [
      u32(nbd.STRUCTURED_REPLY_MAGIC),
      u16(isLast ? nbd.REPLY_FLAG_DONE : 0),
      u16(type),
      u64(this.#request.cookie),
      u32(length),
    ];
  }

  /** Data is read to where it is sent from. */
  #withData(
    header: readonly Field[],
    headerLength: number,
    length: number,
    read: (into: Uint8Array) => nbd.NbdErrno | null,
  ): nbd.NbdErrno | null {
    const bytes = this.#output.reserve(headerLength + length);
    const failed = read(bytes.subarray(headerLength));
    if (failed !== null) this.#output.unreserve(bytes.length);
    else fill(bytes, header);
    return failed;
  }
}

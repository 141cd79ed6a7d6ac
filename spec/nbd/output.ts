/** Messages as they go to a connection: what is sent is put one behind the other in few large pieces. Numbers are big-endian. */

/** A field: its value, and how many bytes it has. */
export type Field = readonly [value: number | bigint, bytes: 2 | 4 | 8] | Uint8Array;

export const u16 = (value: number): Field => [value, 2];
export const u32 = (value: number): Field => [value, 4];
export const u64 = (value: number | bigint): Field => [value, 8];

const encoder = new TextEncoder();

/** A text as the protocol has it: UTF-8, without an end. */
export function text(value: string): Uint8Array {
  return encoder.encode(value);
}

/** Puts fields behind each other. */
export function message(...fields: readonly Field[]): Uint8Array {
  const bytes = new Uint8Array(lengthOf(fields));
  fill(bytes, fields);
  return bytes;
}

function lengthOf(fields: readonly Field[]): number {
  let length = 0;
  for (const field of fields) length += field instanceof Uint8Array ? field.length : field[1];
  return length;
}

/** Puts fields behind each other into `bytes`. */
export function fill(bytes: Uint8Array, fields: readonly Field[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let at = 0;
  for (const field of fields) {
    if (field instanceof Uint8Array) {
      bytes.set(field, at);
      at += field.length;
      continue;
    }
    const [value, size] = field;
    if (size === 2) view.setUint16(at, Number(value));
    else if (size === 4) view.setUint32(at, Number(value));
    else view.setBigUint64(at, BigInt(value));
    at += size;
  }
}

/** Gives at least so many bytes, with anything in them: whoever has sent them may use them again. */
export type Room = (length: number) => Uint8Array;

const NEW_ROOM: Room = (length) => new Uint8Array(length);

export class Output {
  readonly #room: Room;
  /** full, or too full for what came next */
  #pieces: Uint8Array[] = [];
  #piece: Uint8Array | null = null;
  /** bytes of the piece that are used */
  #used = 0;
  #length = 0;

  constructor(room: Room = NEW_ROOM) {
    this.#room = room;
  }

  pushFields(fields: readonly Field[]): void {
    fill(this.reserve(lengthOf(fields)), fields);
  }

  /** The next bytes to be sent, all of which the caller fills. */
  reserve(length: number): Uint8Array {
    if (this.#piece === null || this.#piece.length - this.#used < length) {
      this.#finish();
      this.#piece = this.#room(length);
    }
    const bytes = this.#piece.subarray(this.#used, this.#used + length);
    this.#used += length;
    this.#length += length;
    return bytes;
  }

  /** What was reserved last is not sent. */
  unreserve(length: number): void {
    this.#used -= length;
    this.#length -= length;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** What waits, in order; after that nothing does. */
  take(): Uint8Array[] {
    this.#finish();
    const pieces = this.#pieces;
    this.#pieces = [];
    this.#length = 0;
    return pieces;
  }

  #finish(): void {
    if (this.#piece !== null && this.#used > 0) this.#pieces.push(this.#piece.subarray(0, this.#used));
    this.#piece = null;
    this.#used = 0;
  }
}

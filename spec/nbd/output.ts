/** Messages as they go to a connection: headers are made here, data is passed on as it is. Numbers are big-endian. */

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
  const length = fields.reduce(
    (sum, field) => sum + (field instanceof Uint8Array ? field.length : field[1]),
    0,
  );
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
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
  return bytes;
}

export class Output {
  #chunks: Uint8Array[] = [];
  #length = 0;

  /** `chunk` must not change any more. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Bytes that wait. */
  get length(): number {
    return this.#length;
  }

  /** What waits, in order; after that nothing does. */
  take(): Uint8Array[] {
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#length = 0;
    return chunks;
  }
}

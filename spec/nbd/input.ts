/** Bytes as they come from a connection, given out in the lengths that are asked for. */
export class Input {
  #chunks: Uint8Array[] = [];
  /** bytes of the first chunk that are gone */
  #used = 0;
  #available = 0;

  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#available += chunk.length;
  }

  /** Bytes that are there. */
  get available(): number {
    return this.#available;
  }

  /** The next `length` bytes, all of which are there. They are the caller's to read until the next call. */
  take(length: number): Uint8Array {
    const first = this.#chunks[0];
    if (first !== undefined && first.length - this.#used >= length) {
      const part = first.subarray(this.#used, this.#used + length);
      this.#drop(length);
      return part;
    }
    const bytes = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const chunk = this.#chunks[0]!;
      const part = chunk.subarray(this.#used, this.#used + length - done);
      bytes.set(part, done);
      done += part.length;
      this.#drop(part.length);
    }
    return bytes;
  }

  #drop(length: number): void {
    this.#available -= length;
    this.#used += length;
    if (this.#used < (this.#chunks[0]?.length ?? 0)) return;
    this.#chunks.shift();
    this.#used = 0;
  }
}

/** Reads the fields of one message, big-endian. */
export class Fields {
  readonly #view: DataView;
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  u32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  u64(): bigint {
    this.#at += 8;
    return this.#view.getBigUint64(this.#at - 8);
  }

  bytes(length: number): Uint8Array {
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }
}

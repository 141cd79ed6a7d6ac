/** The bytes of a file in memory, sparse: a page that was never written takes no room. */

/** Bytes. Small enough that scattered 512-byte writes stay cheap, large enough that the map of pages does. */
const PAGE = 65536;
/** Bytes that a page begins with; it has room for what was written of it, and doubles: most files are a few lines. */
const ROOM = 4096;

export class MemoryFile {
  #size: number;
  /** a page that is all of one byte is kept as that byte */
  readonly #pages = new Map<number, Uint8Array | number>();
  /** which pages there are, ascending; null when that has changed */
  #sorted: Float64Array | null = null;

  /** @param size bytes, all zeros */
  constructor(size: number) {
    this.#size = size;
  }

  get size(): number {
    return this.#size;
  }

  /** Bytes that it takes. */
  get allocated(): number {
    return this.#pages.size * PAGE;
  }

  read(offset: number, into: Uint8Array): void {
    for (const { page, start, length, done } of pieces(offset, into.length)) {
      const content = this.#pages.get(page) ?? 0;
      if (typeof content === 'number') {
        into.fill(content, done, done + length);
        continue;
      }
      const bytes = content.subarray(start, start + length);
      into.set(bytes, done);
      into.fill(0, done + bytes.length, done + length);
    }
  }

  write(offset: number, bytes: Uint8Array): void {
    for (const { page, start, length, done } of pieces(offset, bytes.length)) {
      this.#page(page, start + length).set(bytes.subarray(done, done + length), start);
    }
    if (bytes.length > 0) this.#size = Math.max(this.#size, offset + bytes.length);
  }

  /** As a write of so many bytes that are all `byte`: whole pages of it take no room. */
  fill(offset: number, length: number, byte: number): void {
    for (const { page, start, length: piece } of pieces(offset, length)) {
      if (piece < PAGE) this.#page(page, start + piece).fill(byte, start, start + piece);
      else this.#put(page, byte);
    }
    if (length > 0) this.#size = Math.max(this.#size, offset + length);
  }

  zero(offset: number, length: number): void {
    this.#clear(offset, Math.min(offset + length, this.#size));
  }

  truncate(size: number): void {
    // What was cut off must not come back when the file grows again.
    this.#clear(size, this.#size);
    this.#size = size;
  }

  /** Whether there is a page at `offset`, and for how far there are more, or none. */
  extent(offset: number, length: number): { readonly isHole: boolean; readonly length: number } {
    this.#sorted ??= Float64Array.from(this.#pages.keys()).sort();
    const sorted = this.#sorted;
    const first = Math.floor(offset / PAGE);
    let at = firstFrom(sorted, first);
    const isHole = sorted[at] !== first;
    let next = sorted[at] ?? Infinity;
    if (!isHole) for (next = first; sorted[at] === next && next * PAGE < offset + length; at++) next += 1;
    return { isHole, length: Math.min(offset + length, next * PAGE) - offset };
  }

  /** The bytes of the page, with room for the first `needed`. */
  #page(index: number, needed: number): Uint8Array {
    const old = this.#pages.get(index);
    if (old instanceof Uint8Array && old.length >= needed) return old;
    if (typeof old === 'number') {
      const page = new Uint8Array(PAGE).fill(old);
      this.#pages.set(index, page);
      return page;
    }
    let room = old?.length ?? ROOM;
    while (room < needed) room *= 2;
    const page = new Uint8Array(room);
    if (old !== undefined) page.set(old);
    this.#put(index, page);
    return page;
  }

  #put(index: number, page: Uint8Array | number): void {
    if (!this.#pages.has(index)) this.#sorted = null;
    this.#pages.set(index, page);
  }

  /** Visits the pages there are, not the range, which may be huge. */
  #clear(start: number, end: number): void {
    if (start >= end) return;
    for (const index of this.#pages.keys()) {
      const from = Math.max(start - index * PAGE, 0);
      const to = Math.min(end - index * PAGE, PAGE);
      // The last page of the file is whole when all that the file has of it goes.
      if (from === 0 && (to === PAGE || end === this.#size)) {
        this.#pages.delete(index);
        this.#sorted = null;
      } else if (from < to) this.#page(index, 0).fill(0, from, to);
    }
  }
}

/** Where in `sorted` the first number from `value` on stands. */
function firstFrom(sorted: Float64Array, value: number): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Piece {
  readonly page: number;
  /** where in the page */
  readonly start: number;
  readonly length: number;
  /** how much of the whole lies before this piece */
  readonly done: number;
}

function* pieces(offset: number, length: number): Generator<Piece> {
  for (let done = 0; done < length; ) {
    const at = offset + done;
    const page = Math.floor(at / PAGE);
    const start = at - page * PAGE;
    const piece = Math.min(PAGE - start, length - done);
    yield { page, start, length: piece, done };
    done += piece;
  }
}

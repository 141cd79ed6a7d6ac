/**
 * The bytes of a file as sectors that never change: a write exchanges sectors. So the versions of a sector, the states of
 * a disk and a running program can share them, and a state costs what differs in it, not what the file holds.
 */
import { at, type Fingerprint, NOTHING, ofBytes, xor } from './recording-fingerprint.js';

/** What a change replaced: the sectors it touched, as they were. */
export type Replaced = ReadonlyMap<number, Sector | null>;

/** Bytes. What a disk writes as a whole or not at all. */
export const SECTOR = 512;

/** 512 bytes, not all zeros, that never change. A sector of zeros is `null`, so that equal files look equal. */
export class Sector {
  readonly bytes: Uint8Array;
  #print: Fingerprint | undefined;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get print(): Fingerprint {
    this.#print ??= ofBytes(this.bytes);
    return this.#print;
  }
}

export function sameSector(one: Sector | null, other: Sector | null): boolean {
  if (one === other || one === null || other === null) return one === other;
  return one.bytes.every((byte, i) => byte === other.bytes[i]);
}

/** Sectors by index that never change. */
export class Sectors {
  readonly map: ReadonlyMap<number, Sector>;
  #print: Fingerprint | undefined;

  constructor(map: ReadonlyMap<number, Sector>) {
    this.map = map;
  }

  get print(): Fingerprint {
    if (this.#print === undefined) {
      this.#print = NOTHING;
      for (const [index, sector] of this.map) this.#print = xor(this.#print, at(index, sector.print));
    }
    return this.#print;
  }
}

const NONE = new Sectors(new Map());

/** A file over unchanging sectors, with its own changes on top. Bytes past the end are zeros, as stored. */
export class SectorFile {
  #size: number;
  readonly #below: Sectors;
  readonly #own = new Map<number, Sector | null>();

  /** @param size bytes @param below what the file holds, nothing of it past `size` */
  constructor(size = 0, below: Sectors = NONE) {
    this.#size = size;
    this.#below = below;
  }

  /** @param content a number: so many zeros */
  static of(content: number | Uint8Array): SectorFile {
    const file = new SectorFile(typeof content === 'number' ? content : 0);
    if (typeof content !== 'number') file.write(0, content);
    return new SectorFile(file.size, file.sectors());
  }

  get size(): number {
    return this.#size;
  }

  /** Of the bytes, without the size. */
  get print(): Fingerprint {
    let print = this.#below.print;
    for (const [index, sector] of this.#own) {
      const old = this.#below.map.get(index);
      if (old !== undefined) print = xor(print, at(index, old.print));
      if (sector !== null) print = xor(print, at(index, sector.print));
    }
    return print;
  }

  get(index: number): Sector | null {
    const own = this.#own.get(index);
    return own === undefined ? (this.#below.map.get(index) ?? null) : own;
  }

  put(index: number, sector: Sector | null): void {
    this.#own.set(index, sector);
  }

  /** What the file holds now; later changes do not reach it. */
  sectors(): Sectors {
    if (this.#own.size === 0) return this.#below;
    const map = new Map(this.#below.map);
    for (const [index, sector] of this.#own) {
      if (sector === null) map.delete(index);
      else map.set(index, sector);
    }
    return new Sectors(map);
  }

  /** A file of its own with the same content. */
  copy(): SectorFile {
    return new SectorFile(this.#size, this.sectors());
  }

  read(offset: number, into: Uint8Array): void {
    for (let done = 0; done < into.length; ) {
      const { index, start, length } = piece(offset + done, into.length - done);
      const sector = this.get(index);
      if (sector === null) into.fill(0, done, done + length);
      else into.set(sector.bytes.subarray(start, start + length), done);
      done += length;
    }
  }

  write(offset: number, bytes: Uint8Array): Replaced {
    const replaced = new Map<number, Sector | null>();
    for (let done = 0; done < bytes.length; ) {
      const { index, start, length } = piece(offset + done, bytes.length - done);
      replaced.set(index, this.get(index));
      this.#exchange(index, start, bytes.subarray(done, done + length));
      done += length;
    }
    if (bytes.length > 0) this.#size = Math.max(this.#size, offset + bytes.length);
    return replaced;
  }

  /** Leaves sectors alone that are zeros anyway. */
  zero(offset: number, length: number): Replaced {
    return this.#clear(offset, Math.min(offset + length, this.#size));
  }

  truncate(size: number): Replaced {
    // What was cut off must not come back when the file grows again.
    const replaced = this.#clear(size, this.#size);
    this.#size = size;
    return replaced;
  }

  /** Puts the end at `size` and cuts off what has been put past it; what the file began with has to end before. */
  end(size: number): void {
    for (const [index, sector] of this.#own) {
      const from = Math.max(size - index * SECTOR, 0);
      if (from < SECTOR && sector !== null) this.#exchange(index, from, new Uint8Array(SECTOR - from));
    }
    this.#size = size;
  }

  #exchange(index: number, start: number, part: Uint8Array): void {
    const bytes = new Uint8Array(SECTOR);
    const old = this.get(index);
    if (old !== null && part.length < SECTOR) bytes.set(old.bytes);
    bytes.set(part, start);
    this.put(index, bytes.some((byte) => byte !== 0) ? new Sector(bytes) : null);
  }

  /** Visits the sectors there are when the range has more of them than the file. */
  #clear(start: number, end: number): Replaced {
    const replaced = new Map<number, Sector | null>();
    if (start >= end) return replaced;
    const [first, last] = [Math.floor(start / SECTOR), Math.floor((end - 1) / SECTOR)];
    const clear = (index: number): void => {
      const old = this.get(index);
      if (index < first || index > last || old === null) return;
      replaced.set(index, old);
      const from = Math.max(start - index * SECTOR, 0);
      this.#exchange(index, from, new Uint8Array(Math.min(end - index * SECTOR, SECTOR) - from));
    };
    if (last - first < this.#below.map.size + this.#own.size) {
      for (let index = first; index <= last; index++) clear(index);
    } else {
      for (const index of new Set([...this.#below.map.keys(), ...this.#own.keys()])) clear(index);
    }
    return replaced;
  }
}

function piece(offset: number, left: number): { index: number; start: number; length: number } {
  const index = Math.floor(offset / SECTOR);
  const start = offset - index * SECTOR;
  return { index, start, length: Math.min(SECTOR - start, left) };
}

/**
 * A vector of up to 2^40 bits in pages of 64 KiB: the content of a dirty bitmap, one bit a granule. A page exists
 * only while it has a set bit, so a sparse vector takes little memory, and the number of set bits is always known.
 */
import { PAGE_BITS, PAGE_BYTES, Page } from './page.js';

/** The longest vector, in bits. */
export const MAX_BITS = 2 ** 40;

/**
 * What a page costs beside its bits: two objects, an array buffer and a typed array. Measured with 4096 full pages
 * on Node 20.20: 233 bytes each (heap and external memory, after a collection).
 */
const PAGE_OVERHEAD_BYTES = 240;
/** One slot of the page table. */
const SLOT_BYTES = 8;

/** A run of set bits: start..end-1. */
export interface BitArea {
  readonly start: number;
  readonly end: number;
}

/** One page of zeros that all serialisations share. */
const ZEROS = new Uint8Array(PAGE_BYTES);

/** How many bits the page `index` of a vector of `length` bits holds. */
function bitsOfPage(index: number, length: number): number {
  return Math.min(PAGE_BITS, length - index * PAGE_BITS);
}

export class BitVector {
  private pages: (Page | null)[];
  private bits: number;
  private setBits = 0;

  /** A clear vector of `length` bits. @throws RangeError when `length` is not an integer from 0 to 2^40 */
  constructor(length: number) {
    checkLength(length);
    this.bits = length;
    this.pages = new Array<Page | null>(Math.ceil(length / PAGE_BITS)).fill(null);
  }

  get length(): number {
    return this.bits;
  }

  /** How many bits are set. */
  get count(): number {
    return this.setBits;
  }

  /** What the vector takes in memory, by accounting: bits, page table, and what Node spends on a page. */
  get memoryBytes(): number {
    let bytes = this.pages.length * SLOT_BYTES;
    for (const page of this.pages) if (page !== null) bytes += page.byteLength + PAGE_OVERHEAD_BYTES;
    return bytes;
  }

  get(bit: number): boolean {
    this.checkRange(bit, bit + 1);
    const page = this.pages[Math.floor(bit / PAGE_BITS)] ?? null;
    return page?.get(bit % PAGE_BITS) ?? false;
  }

  /** Sets the bits start..end-1. @throws RangeError when they are not all in the vector */
  setRange(start: number, end: number): void {
    this.checkRange(start, end);
    for (let at = start; at < end; ) {
      const index = Math.floor(at / PAGE_BITS);
      const base = index * PAGE_BITS;
      const stop = Math.min(end, base + PAGE_BITS);
      const page = this.pageForSetting(index);
      const before = page.count;
      page.setRange(at - base, stop - base);
      this.setBits += page.count - before;
      at = stop;
    }
  }

  /** Clears the bits start..end-1. @throws RangeError when they are not all in the vector */
  clearRange(start: number, end: number): void {
    this.checkRange(start, end);
    for (let at = start; at < end; ) {
      const index = Math.floor(at / PAGE_BITS);
      const base = index * PAGE_BITS;
      const stop = Math.min(end, base + PAGE_BITS);
      const page = this.pages[index] ?? null;
      if (page !== null) {
        const before = page.count;
        page.clearRange(at - base, stop - base);
        this.setBits += page.count - before;
        if (page.count === 0) this.pages[index] = null;
      }
      at = stop;
    }
  }

  /** The first set bit in from..end-1, or -1. `end` is the length unless given. */
  nextSet(from: number, end: number = this.bits): number {
    this.checkRange(Math.min(from, end), end);
    for (let at = from; at < end; ) {
      const index = Math.floor(at / PAGE_BITS);
      const base = index * PAGE_BITS;
      const page = this.pages[index] ?? null;
      const found = page?.nextSet(at - base, Math.min(end - base, PAGE_BITS)) ?? -1;
      if (found >= 0) return base + found;
      at = base + PAGE_BITS;
    }
    return -1;
  }

  /** The first clear bit in from..end-1, or -1. `end` is the length unless given. */
  nextClear(from: number, end: number = this.bits): number {
    this.checkRange(Math.min(from, end), end);
    for (let at = from; at < end; ) {
      const index = Math.floor(at / PAGE_BITS);
      const base = index * PAGE_BITS;
      const page = this.pages[index] ?? null;
      if (page === null) return at;
      if (page.count < PAGE_BITS) {
        const found = page.nextClear(at - base, Math.min(end - base, PAGE_BITS));
        if (found >= 0) return base + found;
      }
      at = base + PAGE_BITS;
    }
    return -1;
  }

  /** Changes the length. The bits beyond the new end are gone; new ones are clear. @throws RangeError as the constructor */
  resize(length: number): void {
    checkLength(length);
    if (length < this.bits) this.clearRange(length, this.bits);
    // The last page is as short as the vector allows, so the page at the old end or at the new one changes its size.
    const oldLast = this.pages.length - 1;
    const table = Math.ceil(length / PAGE_BITS);
    while (this.pages.length > table) this.pages.pop();
    while (this.pages.length < table) this.pages.push(null);
    this.bits = length;
    for (const index of new Set([oldLast, table - 1])) {
      if (index >= 0 && index < table) this.pages[index]?.resize(bitsOfPage(index, length));
    }
  }

  /** Sets every bit that is set in `other`. @throws RangeError when the lengths differ */
  or(other: BitVector): void {
    if (other.bits !== this.bits) {
      throw new RangeError(
        `or of a vector of ${other.bits} bits into one of ${this.bits}: the lengths must be equal`,
      );
    }
    other.pages.forEach((theirs, index) => {
      if (theirs === null) return;
      const mine = this.pages[index] ?? null;
      if (mine === null) {
        this.pages[index] = theirs.clone();
        this.setBits += theirs.count;
      } else {
        const before = mine.count;
        mine.or(theirs);
        this.setBits += mine.count - before;
      }
    });
  }

  clone(): BitVector {
    const copy = new BitVector(0);
    copy.bits = this.bits;
    copy.setBits = this.setBits;
    copy.pages = this.pages.map((page) => page?.clone() ?? null);
    return copy;
  }

  /** Whether length and bits are the same. */
  equals(other: BitVector): boolean {
    if (this.bits !== other.bits || this.setBits !== other.setBits) return false;
    return this.pages.every((mine, index) => {
      const theirs = other.pages[index] ?? null;
      return mine === null || theirs === null ? mine === theirs : mine.equals(theirs);
    });
  }

  /** The maximal runs of set bits, ascending. The vector must not change meanwhile. */
  *areas(): Generator<BitArea, void, undefined> {
    for (let start = this.nextSet(0); start >= 0; ) {
      const clear = this.nextClear(start);
      const end = clear < 0 ? this.bits : clear;
      yield { start, end };
      start = this.nextSet(end);
    }
  }

  /**
   * The bits as bytes, page by page: little endian, least significant bit first, padded with zeros to a multiple of
   * 8 bytes. Empty pages share one page of zeros. Do not write to a chunk; use it before the vector changes.
   */
  *bytes(): Generator<Uint8Array, void, undefined> {
    for (const [index, page] of this.pages.entries()) {
      yield page?.bytes() ?? ZEROS.subarray(0, Math.ceil(bitsOfPage(index, this.bits) / 64) * 8);
    }
  }

  /**
   * Replaces the bits from byte `at` on by serialised ones.
   * @throws RangeError when a byte lies beyond the vector, or a bit beyond its length is set
   */
  load(at: number, content: Uint8Array): void {
    this.checkRange(at * 8, Math.max(at * 8, (at + content.length - 1) * 8 + 1));
    const excess = (at + content.length) * 8 - this.bits;
    if (content.length > 0 && excess > 0 && content[content.length - 1]! >>> (8 - excess) !== 0) {
      throw new RangeError(
        `a bit beyond the last one, ${this.bits - 1}, is set: clear the bits after the end`,
      );
    }
    for (let done = 0; done < content.length; ) {
      const index = Math.floor((at + done) / PAGE_BYTES);
      const offset = at + done - index * PAGE_BYTES;
      const piece = content.subarray(done, done + PAGE_BYTES - offset);
      this.loadIntoPage(index, offset, piece);
      done += piece.length;
    }
  }

  /**
   * Fills `into` with the serialised bits from byte `at` on.
   * @throws RangeError when a byte lies beyond the vector
   */
  copyBytes(at: number, into: Uint8Array): void {
    this.checkRange(at * 8, Math.max(at * 8, (at + into.length - 1) * 8 + 1));
    for (let done = 0; done < into.length; ) {
      const index = Math.floor((at + done) / PAGE_BYTES);
      const offset = at + done - index * PAGE_BYTES;
      const length = Math.min(into.length - done, PAGE_BYTES - offset);
      const page = this.pages[index] ?? null;
      if (page === null) into.fill(0, done, done + length);
      else into.set(page.bytes().subarray(offset, offset + length), done);
      done += length;
    }
  }

  private loadIntoPage(index: number, offset: number, piece: Uint8Array): void {
    const page = this.pageForSetting(index);
    const before = page.count;
    page.load(offset, piece);
    this.setBits += page.count - before;
    if (page.count === 0) this.pages[index] = null;
  }

  private pageForSetting(index: number): Page {
    const existing = this.pages[index] ?? null;
    if (existing !== null) return existing;
    const page = new Page(bitsOfPage(index, this.bits));
    this.pages[index] = page;
    return page;
  }

  private checkRange(start: number, end: number): void {
    if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end < start || end > this.bits) {
      throw new RangeError(`bits ${start} to ${end}: not a range in a vector of ${this.bits} bits`);
    }
  }
}

function checkLength(length: number): void {
  if (!Number.isInteger(length) || length < 0 || length > MAX_BITS) {
    throw new RangeError(
      `a vector of ${length} bits: the length must be an integer from 0 to ${MAX_BITS} (2^40)`,
    );
  }
}

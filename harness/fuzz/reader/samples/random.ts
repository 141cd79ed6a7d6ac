/** Numbers that look random and are the same for the same seed: a sample is a pure function of its seed and its index. */

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d: number;

  /** sfc32 (Doty-Humphrey, public domain), seeded by two numbers below 2^32 and run until they are mixed */
  constructor(seed: number, index: number) {
    this.#a = seed >>> 0;
    this.#b = index >>> 0;
    this.#c = Math.floor(index / 2 ** 32) >>> 0;
    this.#d = 1;
    for (let i = 0; i < 15; i++) this.#next();
  }

  #next(): number {
    const t = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + t;
    return t >>> 0;
  }

  /** 0 to n−1. */
  below(n: number): number {
    return Math.floor((this.#next() / 2 ** 32) * n);
  }

  /** One of `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.below(256));
  }
}

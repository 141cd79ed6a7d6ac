/**
 * 64-bit fingerprints, for telling whether two states of a disk are the same. Not cryptographic: a million states meet
 * by chance once in some thirty million runs. The mixing step is the finaliser of MurmurHash3 (public domain).
 */

/** Two independent 32-bit halves. */
export interface Fingerprint {
  readonly high: number;
  readonly low: number;
}

export const NOTHING: Fingerprint = { high: 0, low: 0 };

/** The fingerprint of a set is the `xor` of those of its members, so that one member is exchanged in one step. */
export function xor(one: Fingerprint, other: Fingerprint): Fingerprint {
  return { high: one.high ^ other.high, low: one.low ^ other.low };
}

/** `print` at the place `place` (a number up to 2^53): the same thing elsewhere has another fingerprint. */
export function at(place: number, print: Fingerprint): Fingerprint {
  const upper = Math.floor(place / 2 ** 32);
  return {
    high: mix(mix(print.high ^ 0x9e3779b9, place | 0), upper),
    low: mix(mix(print.low ^ 0x85ebca6b, place | 0), upper),
  };
}

export function ofBytes(bytes: Uint8Array): Fingerprint {
  let [high, low] = [0x243f6a88, 0x13198a2e];
  for (const byte of bytes) {
    high = Math.imul(high ^ byte, 0x01000193);
    low = Math.imul(low ^ byte, 0x5bd1e995);
    low ^= low >>> 15;
  }
  return { high: mix(high, bytes.length), low: mix(low, bytes.length) };
}

export function ofText(text: string): Fingerprint {
  const bytes = new Uint8Array(text.length * 2);
  for (let i = 0; i < text.length; i++) {
    bytes[2 * i] = text.charCodeAt(i);
    bytes[2 * i + 1] = text.charCodeAt(i) >>> 8;
  }
  return ofBytes(bytes);
}

export function mix(state: number, value: number): number {
  let h = Math.imul(state, 0x19660d) ^ value;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

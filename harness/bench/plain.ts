/**
 * The operations of a bitmap as plain loops over all its bytes: what somebody would write who keeps the bits in one
 * array. Bit n is bit n mod 8 of byte n div 8.
 */
import { createHash } from 'node:crypto';

/** How many bits of each byte are set. */
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0;
  for (let rest = byte; rest !== 0; rest >>>= 1) ones += rest & 1;
  return ones;
});

export function setPlain(bytes: Uint8Array, bit: number): void {
  const at = Math.floor(bit / 8);
  bytes[at] = bytes[at]! | (1 << (bit % 8));
}

export function mergePlain(into: Uint8Array, from: Uint8Array): void {
  for (let i = 0; i < into.length; i++) into[i] = into[i]! | from[i]!;
}

export function countPlain(bytes: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) count += ONES[bytes[i]!]!;
  return count;
}

export function sha256Plain(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What an iteration over the dirty areas saw, to compare two of them. */
export interface Walked {
  readonly areas: number;
  /** bits in all areas */
  readonly bits: number;
}

/** Goes from dirty area to dirty area. */
export function walkPlain(bytes: Uint8Array): Walked {
  let areas = 0;
  let bits = 0;
  let start = -1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    // The usual bytes, in which nothing begins or ends.
    if (start < 0 ? byte === 0 : byte === 0xff) continue;
    for (let bit = 0; bit < 8; bit++) {
      const isSet = ((byte >>> bit) & 1) === 1;
      if (isSet === start >= 0) continue;
      if (isSet) start = i * 8 + bit;
      else {
        areas++;
        bits += i * 8 + bit - start;
        start = -1;
      }
    }
  }
  if (start >= 0) {
    areas++;
    bits += bytes.length * 8 - start;
  }
  return { areas, bits };
}

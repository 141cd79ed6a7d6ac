/** Sizes as people write and read them: `64k`, `1.5G`; `1.5 GiB`. */
import { parseSize } from '../io/size.js';
import { decimals } from '../io/text.js';

const SUFFIXES = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** Bytes of a text such as `4096`, `0x1000`, `64k` or `1.5G`, up to 2^64−1; a bigint beyond 2^53−1. */
export function sizeOf(text: string): number | bigint | 'syntax' | 'range' {
  const { bytes } = parseSize(text, 2n ** 64n - 1n);
  if (typeof bytes !== 'bigint') return bytes;
  return bytes <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(bytes) : bytes;
}

/** `1.5 GiB`: three significant digits, the unit in which the number is below 1000. */
export function humanSize(bytes: number): string {
  let power = 0;
  let value = bytes;
  // From 1000 of one unit on, three digits of the next one say more.
  while (value >= 1000 && power < 6) {
    value /= 1024;
    power += 1;
  }
  return `${threeDigits(value)} ${SUFFIXES[power]}${power === 0 ? 'B' : 'iB'}`;
}

/** As C's `%0.3g` for 0, and from 0.1 to 1000: what lies in the middle becomes even. */
function threeDigits(value: number): string {
  const places = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  const text = String(Number(decimals(value, places)));
  return text === '1000' ? '1e+03' : text;
}

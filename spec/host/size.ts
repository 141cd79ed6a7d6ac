/** Sizes as people write and read them: `64k`, `1.5G`; `1.5 GiB`. */

const SUFFIXES = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** Bytes of a text such as `4096`, `0x1000`, `64k` or `1.5G`; a bigint beyond 2^53−1. */
export function sizeOf(text: string): number | bigint | 'syntax' | 'range' {
  const hex = /^\s*\+?0[xX]([0-9a-fA-F]+)$/.exec(text);
  if (hex !== null) return inRange(BigInt(`0x${hex[1]}`));
  const found = /^\s*\+?(\d+)(\.\d*)?([bBkKmMgGtTpPeE])?$/.exec(text);
  if (found === null) return 'syntax';
  const [, whole, fraction, suffix = ''] = found;
  const power = /[bB]/.test(suffix) ? 0 : SUFFIXES.indexOf(suffix.toUpperCase());
  const unit = 1024n ** BigInt(power);
  const part = fraction === undefined || fraction === '.' ? 0 : Number(`0${fraction}`);
  // A part of a byte is nothing.
  if (part > 0 && power === 0) return 'syntax';
  return inRange(BigInt(whole!) * unit + BigInt(Math.floor(part * Number(unit))));
}

function inRange(bytes: bigint): number | bigint | 'range' {
  if (bytes >= 2n ** 64n) return 'range';
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

/** As C's `%0.3g` for 0 to 1000. */
function threeDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}

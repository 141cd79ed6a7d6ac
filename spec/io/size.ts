/**
 * IMG-021. Sizes as the command lines of qemu-io and qemu-img take them: `4096`, `0x1000`, `64k`, `1.5G`. Bytes; up to 2^64 − 1
 * while reading, up to 2^63 − 1 as an argument.
 */

/** What became of a text. */
export type ParsedSize = {
  /** bytes, or why it is none: no number, or one beyond what is allowed */
  readonly bytes: bigint | 'syntax' | 'range';
  /** a hexadecimal number with a suffix, which QEMU warns of */
  readonly isHexWithSuffix: boolean;
};

const UNITS = 'bkmgtpe';
const TWO_64 = 2n ** 64n;
/** The smallest double of full precision: QEMU takes a smaller fraction for none, and then stumbles over its digits. */
const SMALLEST_NORMAL = 2 ** -1022;

/** Reads a size. A fraction needs a unit and is rounded to whole bytes, half a byte upwards. */
export function parseSize(text: string, limit: bigint = 2n ** 63n - 1n): ParsedSize {
  const hex = /^[\t-\r ]*\+?0[xX]([0-9a-fA-F]+)([kmgtpKMGTP]?)$/.exec(text);
  const found = hex ?? /^[\t-\r ]*\+?([0-9]+)(?:\.([0-9]*))?([bkmgtpeBKMGTPE]?)$/.exec(text);
  const parsed = (bytes: ParsedSize['bytes']): ParsedSize => ({
    bytes: typeof bytes === 'bigint' && bytes > limit ? 'range' : bytes,
    isHexWithSuffix: hex !== null && hex[2] !== '',
  });
  if (found === null) return parsed('syntax');
  const whole = hex === null ? BigInt(found[1]!) : BigInt(`0x${found[1]}`);
  const digits = hex === null ? (found[2] ?? '') : '';
  const unit = found.at(-1)!.toLowerCase();
  // A number beyond 64 bits is out of range only where nothing follows it.
  if (whole >= TWO_64)
    return parsed(/[0-9a-fA-F]$/.test(text) && !isDecimalWithMore(hex, found) ? 'range' : 'syntax');
  const fraction = Number(`0.${digits}0`);
  if (fraction < SMALLEST_NORMAL && /[1-9]/.test(digits)) return parsed('syntax');
  // Digits that round up to 1 are lost in QEMU's 64-bit fraction.
  const scaled = fraction >= 1 ? 0n : BigInt(Math.floor(fraction * 2 ** 64));
  if (unit === '' || unit === 'b') return parsed(scaled === 0n ? whole : 'syntax');
  const shift = 10n * BigInt(UNITS.indexOf(unit));
  const bytes = (((whole << 64n) + scaled) << shift) + 2n ** 63n;
  return parsed(bytes >> 64n >= TWO_64 ? 'range' : bytes >> 64n);
}

function isDecimalWithMore(hex: RegExpExecArray | null, found: RegExpExecArray): boolean {
  return hex === null && (found[2] !== undefined || found[3] !== '');
}

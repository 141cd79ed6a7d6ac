/** Sizes as cases write them: `65536`, `64K`, `1M+512`, `2G-1`. Units are binary, as everywhere in block layers. */

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
  P: 2 ** 50,
};

/** What {@link parseSize} reads; also the pattern in case.schema.json. */
export const SIZE_PATTERN = /^(\d+)([KMGTP]?)(?:([+-])(\d+)([KMGTP]?))?$/;

/** Bytes, or null if `text` is not a size between 0 and 2^53−1. */
export function parseSize(text: string): number | null {
  const match = SIZE_PATTERN.exec(text);
  if (match === null) return null;
  const first = Number(match[1]) * UNITS[match[2]!]!;
  const second = match[3] === undefined ? 0 : Number(match[4]) * UNITS[match[5]!]!;
  // Each must be exact by itself: 2^53 - 1 would come out right from parts that are not.
  if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return null;
  const bytes = match[3] === '-' ? first - second : first + second;
  return Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : null;
}

/**
 * The UTF-8 that QMP speaks. It differs from RFC 3629 in two ways: U+0000 is written as the two bytes C0 80, and the
 * noncharacters (U+FDD0…U+FDEF and the last two code points of each plane) are refused as surrogates are.
 */

/** One character read: its code point, or −1 if the bytes are none; and how many bytes it took. */
interface Character {
  readonly code: number;
  readonly length: number;
}

/** Whether QMP admits this code point in a string. */
export function isQmpCodePoint(code: number): boolean {
  if (code < 0 || code > 0x10ffff) return false;
  if (code >= 0xd800 && code <= 0xdfff) return false;
  if (code >= 0xfdd0 && code <= 0xfdef) return false;
  return (code & 0xfffe) !== 0xfffe;
}

/** The smallest code point that needs a sequence of this length (index: length). */
const SMALLEST = [0, 0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000];

/**
 * The character at `at`. A malformed sequence takes its first byte and the continuation bytes that belong to it, also
 * for the lengths 5 and 6 that UTF-8 no longer has: QEMU shows one U+FFFD for all of it.
 */
export function readCharacter(bytes: Uint8Array, at: number): Character {
  const first = bytes[at]!;
  if (first < 0x80) return { code: first, length: 1 };
  if (first < 0xc0 || first >= 0xfe) return { code: -1, length: 1 };
  const length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf8 ? 4 : first < 0xfc ? 5 : 6;
  let code = first & (0x7f >> length);
  for (let i = 1; i < length; i++) {
    const byte = bytes[at + i];
    if (byte === undefined || byte >> 6 !== 2) return { code: -1, length: i };
    code = code * 64 + (byte & 0x3f);
  }
  const overlong = code < SMALLEST[length]! && !(code === 0 && length === 2);
  return { code: overlong || !isQmpCodePoint(code) ? -1 : code, length };
}

/** `bytes` as text; what is not a character becomes U+FFFD, and the text ends before a NUL byte, as in C. */
export function showBytes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length && bytes[at] !== 0; ) {
    const { code, length } = readCharacter(bytes, at);
    text += code < 0 ? '\ufffd' : String.fromCodePoint(code);
    at += length;
  }
  return text;
}

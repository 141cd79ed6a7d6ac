/** IMG-023. What qemu-io prints: amounts, times, the report of a request, and bytes as hexadecimal digits. */

const UNITS = ['KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB'];

/** `64 KiB`, `1.500 MiB`, `512 bytes`: three decimals, or none if they would be zeros. */
export function amount(bytes: number): string {
  let value = bytes;
  let unit = 'bytes';
  for (const larger of UNITS) {
    if (value < 1024) break;
    value /= 1024;
    unit = larger;
  }
  const digits = decimals(value, unit === 'bytes' ? 6 : 3);
  // Also 1.000345: three zeros are enough to count as none.
  const zeros = digits.indexOf('.000');
  return `${zeros < 0 ? digits : digits.slice(0, zeros)} ${unit}`;
}

/** What a report says of one request. */
export interface Report {
  /** `read`, `wrote` or `discard` */
  readonly op: string;
  /** bytes */
  readonly offset: number;
  readonly length: number;
  /** seconds it took */
  readonly seconds: number;
  /** one line of figures with commas between, for programs (-C) */
  readonly isTerse: boolean;
}

/** The two lines that end a request, or the one line of -C. */
export function reportText({ op, offset, length, seconds, isTerse }: Report): string {
  const perSecond = length === 0 ? 0 : length / seconds;
  if (isTerse)
    return `${length},1,${clockTime(seconds)},${decimals(perSecond, 3)},${decimals(1 / seconds, 3)}\n`;
  const time = seconds < 1 ? `${hundredths(seconds)} sec` : clockTime(seconds);
  const rate = `${amount(perSecond)}/sec and ${decimals(1 / seconds, 4)} ops/sec`;
  return `${op} ${length}/${length} bytes at offset ${offset}\n${amount(length)}, 1 ops; ${time} (${rate})\n`;
}

/** `0:00:01.23` */
function clockTime(seconds: number): string {
  const whole = Math.floor(seconds);
  const minutes = String(Math.floor(whole / 60) % 60).padStart(2, '0');
  return `${Math.floor(whole / 3600)}:${minutes}:${hundredths(seconds % 60)}`;
}

/** `01.23`: cut off, not rounded. */
function hundredths(seconds: number): string {
  const count = Math.floor(seconds * 100);
  return `${String(Math.floor(count / 100)).padStart(2, '0')}.${String(count % 100).padStart(2, '0')}`;
}

/** So many decimals, as C rounds: what lies in the middle becomes even, which toFixed would round up. */
export function decimals(value: number, count: number): string {
  if (value === Number.POSITIVE_INFINITY) return 'inf';
  const halves = value * 10 ** count * 2;
  const isMiddle = Number.isInteger(value * 2 ** (count + 1)) && halves % 2 === 1;
  if (!isMiddle) return value.toFixed(count);
  const below = (halves - 1) / 2;
  return ((below + (below % 2)) / 10 ** count).toFixed(count);
}

/** Bytes of a line. */
const COLUMNS = 16;
/** Lines given out at once: the dump of a large read is never one text. */
const LINES_AT_ONCE = 4096;

/** Lines of 16 bytes with their offsets and, to the right, the letters and digits among them; in pieces of text. */
export function* dump(bytes: Uint8Array, offset: number): Generator<string> {
  let lines = '';
  for (let at = 0; at < bytes.length; at += COLUMNS) {
    lines += dumpLine(bytes.subarray(at, at + COLUMNS), offset + at);
    if ((at / COLUMNS) % LINES_AT_ONCE === LINES_AT_ONCE - 1) {
      yield lines;
      lines = '';
    }
  }
  yield lines;
}

function dumpLine(bytes: Uint8Array, offset: number): string {
  let digits = '';
  let letters = '';
  for (const byte of bytes) {
    digits += `${byte.toString(16).padStart(2, '0')} `;
    const letter = String.fromCharCode(byte);
    letters += /[0-9A-Za-z]/.test(letter) ? letter : '.';
  }
  return `${offset.toString(16).padStart(8, '0')}:  ${digits} ${letters}\n`;
}

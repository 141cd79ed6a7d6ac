/** How the words after a command are read: options by {@link Getopt}, sizes, bytes of a pattern. */
import { type IoCall, type IoCommand, IoFailure, usageLine } from './command.js';
import { Getopt } from './getopt.js';
import { parseSize } from './size.js';

/** IMG-022. QEMU's largest request (bytes): 2^31 − 1, rounded down to sectors. */
export const LARGEST_REQUEST = 2147483136n;

/** What the options said. */
export interface Words {
  readonly flags: ReadonlySet<string>;
  readonly operands: readonly string[];
}

/**
 * Reads the options of `call`. `options` says what there is: letters, with a colon for those that take a value, which is
 * given to `take` at once.
 */
export function readOptions(
  command: IoCommand,
  call: IoCall,
  options: string,
  take: (option: string, value: string) => void = () => {},
): Words {
  const getopt = new Getopt(call.name, call.words, options);
  const flags = new Set<string>();
  for (let found = getopt.next(); found !== null; found = getopt.next()) {
    if (found.option === null) {
      call.world.complain(`${found.problem}\n`);
      throw usageFailure(command);
    }
    flags.add(found.option);
    take(found.option, found.value);
  }
  return { flags, operands: getopt.operands };
}

export function usageFailure(command: IoCommand): IoFailure {
  return new IoFailure('print', usageLine(command));
}

/** Bytes from 0 to 2^63 − 1. */
export function sizeArgument(call: IoCall, text: string): bigint {
  const { bytes, isHexWithSuffix } = parseSize(text);
  if (isHexWithSuffix)
    call.world.report(`warning: Using a multiplier suffix on hex numbers is deprecated: ${text}`);
  if (typeof bytes === 'bigint') return bytes;
  const why =
    bytes === 'range' ? 'argument too large' : 'non-numeric argument, or extraneous/unrecognized suffix';
  throw new IoFailure('print', `Parsing error: ${why} -- ${text}\n`);
}

/** The lengths of a request of several buffers, added up. */
export function lengthsArgument(call: IoCall, texts: readonly string[]): number {
  let sum = 0n;
  for (const text of texts) {
    const length = sizeArgument(call, text);
    if (length > LARGEST_REQUEST)
      throw new IoFailure('print', `Argument '${text}' exceeds maximum size ${LARGEST_REQUEST}\n`);
    sum += length;
    if (sum > LARGEST_REQUEST)
      throw new IoFailure('print', `The total number of bytes exceed the maximum size ${LARGEST_REQUEST}\n`);
  }
  return Number(sum);
}

/** @throws IoFailure unless both are whole sectors */
export function checkSectors(offset: bigint, count: bigint): void {
  for (const [name, value] of Object.entries({ offset, count })) {
    if (value % 512n !== 0n)
      throw new IoFailure('print', `${value} is not a sector-aligned value for '${name}'\n`);
  }
}

/** The byte of -P. */
export function patternArgument(text: string): number {
  const value = integer(text);
  if (value === null || value < 0 || value > 255)
    throw new IoFailure('print', `${text} is not a valid pattern byte\n`);
  return value;
}

/** A whole number as C's strtol reads it: decimal, 0x for hexadecimal, 0 for octal; null if it is none. */
export function integer(text: string): number | null {
  const found = /^[\t-\r ]*([+-]?)(?:0[xX]([0-9a-fA-F]+)|0([0-7]*)|([1-9][0-9]*))$/.exec(text);
  if (found === null) return null;
  const [, sign, hex, octal, decimal] = found;
  const size =
    hex !== undefined ? Number(`0x${hex}`) : octal !== undefined ? Number(`0o0${octal}`) : Number(decimal);
  return sign === '-' ? 0 - size : size;
}

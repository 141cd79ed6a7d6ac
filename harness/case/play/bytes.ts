/** The step `bytes`: a file of the case as it is, which two implementations of one format can be compared by. */
import { createHash } from 'node:crypto';
import { Declined, type Session } from '../../target/target.js';
import { printable } from './printable.js';
import { restoreSymbols } from './symbol.js';

/** A file of more runs of equal bytes is shown by its SHA-256. */
const MOST_RUNS = 16;
/** The lines of a text are shown as they are, if it has no more than so many. */
const MOST_LINES = 64;

/** Rejects with what the session rejects with. */
export async function performBytes(
  name: string,
  session: Session,
  within: <T>(request: Promise<T>) => Promise<T>,
): Promise<string[]> {
  if (session.bytes === undefined) throw new Declined('its files cannot be seen');
  const bytes = await within(session.bytes(name));
  if (bytes === null) return ['   no such file'];
  const text = textOf(bytes);
  if (text !== null)
    return text.map((line) => `   | ${printable(restoreSymbols(line, session.directory))}`.trimEnd());
  return [`   size ${bytes.length}`, ...contentLines(bytes)];
}

function contentLines(bytes: Uint8Array): string[] {
  const runs = runsOf(bytes);
  if (runs === null) return [`   sha256 ${createHash('sha256').update(bytes).digest('hex')}`];
  return runs.map(
    ({ offset, length, byte }) => `   ${offset}+${length} 0x${byte.toString(16).padStart(2, '0')}`,
  );
}

/** The lines of what is text: something, in UTF-8, without characters that no text has. */
function textOf(bytes: Uint8Array): string[] | null {
  if (bytes.length === 0 || bytes.some((byte) => byte < 0x20 && byte !== 0x0a && byte !== 0x09)) return null;
  try {
    const lines = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\n$/, '').split('\n');
    return lines.length <= MOST_LINES && lines.join('').length > 1 && /^\s*[[{]/.test(lines[0]!)
      ? lines
      : null;
  } catch {
    return null;
  }
}

interface Run {
  readonly offset: number;
  readonly length: number;
  readonly byte: number;
}

/** Null for too many. */
function runsOf(bytes: Uint8Array): Run[] | null {
  const runs: Run[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const byte = bytes[offset]!;
    let end = offset + 1;
    while (bytes[end] === byte) end++;
    runs.push({ offset, length: end - offset, byte });
    if (runs.length > MOST_RUNS) return null;
    offset = end;
  }
  return runs;
}

/** The implementations and error tables that the command line knows; loaded when they are first needed. */
import { ERROR_TABLE } from '../../spec/qmp/error-table.js';
import type { TargetChoice } from '../target/parse.js';
import { type Target, TargetFault } from '../target/target.js';
import { UsageError } from './environment.js';

/** What a `--target` text stands for. @throws {UsageError} @throws {TargetFault} */
export async function targets(text: string): Promise<TargetChoice[]> {
  const { parseTargets } = await import('../target/parse.js');
  try {
    return parseTargets(text);
  } catch (error) {
    if (error instanceof TargetFault) throw error;
    throw new UsageError((error as Error).message);
  }
}

/**
 * Errors as QEMU 10.0 words them, where the reference has the words of 7.2. A difference in words is seen all the same: a
 * golden has id and text.
 */
const LATER_WORDS: readonly (readonly [words: RegExp, id: string])[] = [
  [/^.* is not a device$/s, 'REF-E-NOT-DEVICE'],
  [/^Action '.*' does not support transaction property completion-mode = .*$/s, 'TXN-E-COMPLETION-MODE'],
  [/^Value '-\d+' is out of range for parameter '.*'$/s, 'REF-E-NEGATIVE'],
];

/** The id of an error by its text. An adapter names its errors itself: its words are its own. */
export function errorId(kind: Target['kind'], desc: string, errorClass: string): string | undefined {
  if (kind === 'adapter') return undefined;
  const id = ERROR_TABLE.idOf(desc, errorClass);
  if (id !== undefined || errorClass !== 'GenericError') return id;
  return LATER_WORDS.find(([words]) => words.test(desc))?.[1];
}

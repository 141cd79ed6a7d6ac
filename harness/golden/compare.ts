/** The difference between two transcripts: where it begins, and how it is shown and stored. */
import { structuredPatch } from 'diff';
import type { TranscriptLine } from '../case/play/transcript.js';

/** Context lines in a stored hunk: part of the format of expected files, so it cannot be changed quietly. */
const STORED_CONTEXT = 2;

/** Beyond this many lines the comparison falls back to "all of one, then all of the other". */
const MAX_LINES = 20_000;

export interface Difference {
  /** the step to which the first differing line belongs: an index into the steps */
  readonly step: number;
  /** a unified diff body without line numbers: ` ` common, `-` golden, `+` observed; hunks separated by `@@` */
  readonly hunk: string;
}

/** The difference of two normalised transcripts, or null if there is none. */
export function compare(
  golden: readonly TranscriptLine[],
  observed: readonly TranscriptLine[],
): Difference | null {
  const length = Math.min(golden.length, observed.length);
  let first = 0;
  while (first < length && golden[first]!.text === observed[first]!.text) first++;
  if (first === golden.length && first === observed.length) return null;
  const at = observed[first] ?? observed.at(-1);
  return { step: Math.max(0, at?.step ?? 0), hunk: unifiedBody(golden, observed, STORED_CONTEXT) };
}

/** A unified diff body without line numbers and with `context` lines around each change. */
export function unifiedBody(
  from: readonly TranscriptLine[],
  to: readonly TranscriptLine[],
  context: number,
): string {
  if (from.length + to.length > MAX_LINES) {
    return [`-(${from.length} lines)`, `+(${to.length} lines: too many to compare)`].join('\n');
  }
  const text = (lines: readonly TranscriptLine[]): string => lines.map((line) => `${line.text}\n`).join('');
  const patch = structuredPatch('', '', text(from), text(to), undefined, undefined, { context });
  return patch.hunks.map((hunk) => hunk.lines.join('\n')).join('\n@@\n');
}

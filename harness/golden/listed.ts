/** What a list of expected deviations says of a difference, whichever version it was listed for: how another version is verified. */
import type { ExpectedDeviation } from './expected.js';

/**
 * `still`: it deviates as an entry says; `fixed`: it gives the golden, though an entry says otherwise of this version, or of one
 * before; `same`: it gives the golden, and nothing says otherwise; `new`: it deviates, and no entry says so.
 */
export type Standing = 'still' | 'fixed' | 'same' | 'new';

/** What was seen of a case on a target. */
export interface Seen {
  readonly case: string;
  readonly format: string;
  /** of the target */
  readonly version: string;
  /** the difference of the whole transcript as {@link Difference.hunk} has it; undefined: none */
  readonly hunk: string | undefined;
}

/** How it stands, and the entry that says so: for `new` one of the same case, if there is any. */
export function standingOf(
  entries: readonly ExpectedDeviation[],
  { case: id, format, version, hunk }: Seen,
): { readonly standing: Standing; readonly entry: ExpectedDeviation | undefined } {
  const own = entries.filter(
    (entry) => entry.case === id && (entry.format === undefined || entry.format === format),
  );
  if (hunk === undefined) {
    const entry = own.find(
      ({ versions }) => !versions.length || versions.some((one) => !isLater(one, version)),
    );
    return { standing: entry === undefined ? 'same' : 'fixed', entry };
  }
  const entry = own.find((one) => one.hunk === hunk) ?? own.find((one) => isWithin(hunk, one.hunk));
  return entry === undefined ? { standing: 'new', entry: own[0] } : { standing: 'still', entry };
}

/** Whether the version that is listed came after this one. Of what is no number nothing is known. */
function isLater(listed: string, version: string): boolean {
  const [a, b] = [listed, version].map((text) => text.split('.').map(Number.parseFloat)) as [
    number[],
    number[],
  ];
  const at = a.findIndex((number, index) => number !== b[index]);
  return at >= 0 && a[at]! > b[at]!;
}

/** How a dialogue ends early. */
const ENDS = /^\+! (?:crash|hang|garbage)$/;
/** A golden's line that begins a step, and no answer to one. */
const BEGINS = /^-(?! |<- |!)/;

/**
 * Whether a difference is one that is listed, or part of it: nothing is observed that is not observed there, nothing is missing
 * that is not missing there, and what ended the target did so at the same step.
 */
function isWithin(hunk: string, listed: string): boolean {
  const [ours, theirs] = [hunk.split('\n'), listed.split('\n')];
  const known = new Set(theirs);
  if (!ours.every((line) => !/^[-+]/.test(line) || known.has(line))) return false;
  return endOf(ours) === endOf(theirs);
}

/** What ended the dialogue, and how many steps of the golden were not begun; empty if nothing did. */
function endOf(lines: readonly string[]): string {
  const end = lines.find((line) => ENDS.test(line));
  return end === undefined ? '' : `${end} ${lines.filter((line) => BEGINS.test(line)).length}`;
}

/** One run of cases on one target, timed. */
import type { Case } from '../case/case.js';
import type { ResultLine } from '../case/run/results.js';
import { errorId } from '../cli/known.js';
import { runPlain } from '../cli/run-plain.js';
import type { TargetChoice } from '../target/parse.js';

/** The one that every target has. */
export const FORMAT = 'raw';
/** Faults that cost the target its process: it is started anew for the next case. */
const LETHAL = /^(crash|hang|garbage):/;

export interface Ran {
  /** wall clock, milliseconds */
  readonly ms: number;
  /** ids of the cases that cost the target its process, or could not be run: their time is not that of their steps */
  readonly spoilt: readonly string[];
}

/** Runs the cases on a target that is made for it, and closed after it. @throws Interrupted */
export async function runSuite(
  choice: TargetChoice,
  cases: readonly Case[],
  goldens: string,
  signal: AbortSignal,
): Promise<Ran> {
  const started = performance.now();
  const results = await runPlain(choice, cases, { format: FORMAT, goldens, limit: 30, signal, errorId });
  const ms = performance.now() - started;
  if (results.every(({ verdict }) => verdict === 'error')) throw new Error(results[0]?.reason);
  return { ms, spoilt: results.filter(isSpoilt).map((result) => result.case) };
}

function isSpoilt({ fault, verdict }: ResultLine): boolean {
  return verdict === 'error' || LETHAL.test(fault ?? '');
}

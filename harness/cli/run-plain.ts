/** Cases on one target, with nothing around them: for what measures, and what looks again. */
import type { Case } from '../case/case.js';
import { Interrupted } from '../case/run/guard.js';
import type { ResultLine } from '../case/run/results.js';
import { type RunOptions, run } from '../case/run/run.js';
import type { TargetChoice } from '../target/parse.js';
import { limits } from './options.js';

/** How {@link runPlain} runs cases. */
export interface PlainRun {
  readonly format: RunOptions['format'];
  readonly goldens: string;
  /** of one request, seconds */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly errorId: RunOptions['errorId'];
}

/** Runs cases one by one on one target, held to their goldens alone: no deviation is expected, nothing is kept. @throws Interrupted */
export async function runPlain(
  target: TargetChoice,
  cases: readonly Case[],
  { limit, ...how }: PlainRun,
): Promise<readonly ResultLine[]> {
  const jobs = 1;
  const { results, interrupted } = await run({
    cases,
    targets: [target],
    jobs,
    ...limits({ limit, jobs }),
    ...how,
    out: null,
    expectedFor: () => [],
    onResult: () => {},
  });
  if (interrupted) throw new Interrupted();
  return results;
}

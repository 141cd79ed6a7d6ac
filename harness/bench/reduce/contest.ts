/** One history that shows a mistake, reduced by us and shrunk by fast-check. */
import fc from 'fast-check';
import type { Step } from '../../case/case.js';
import { costOf } from '../../fuzz/reduce/cost.js';
import { reduce } from '../../fuzz/reduce/reduce.js';
import { histories, type Problem } from './problems.js';

/** What a reducer left. */
export interface Left {
  /** with the actions of transactions */
  readonly steps: number;
  /** histories that were played on the way */
  readonly probes: number;
  readonly history: readonly Step[];
}

export interface Contest {
  /** how many steps there were at first */
  readonly before: number;
  readonly ours: Left;
  readonly theirs: Left;
}

/** Histories that do not show it within so many are not looked for further. */
const RUNS = 20_000;
const LONGEST = 60;

/** Both begin with the first history of the seed that shows the mistake; null when there is none. */
export async function contest(problem: Problem, seed: number): Promise<Contest | null> {
  const parameters = { seed, numRuns: RUNS };
  const arbitrary = histories(LONGEST);
  const first = fc.check(
    fc.property(arbitrary, (steps) => !problem.shows(steps)),
    { ...parameters, endOnFailure: true },
  );
  if (first.counterexample === null) return null;
  const [steps] = first.counterexample;
  const reduced = await reduce(
    { property: 'bench', format: 'raw', requires: [], steps },
    { shows: async (history) => problem.shows(history.steps) },
  );
  let calls = 0;
  const shrunk = fc.check(
    fc.property(arbitrary, (candidate) => {
      calls++;
      return !problem.shows(candidate);
    }),
    parameters,
  );
  const [smallest] = shrunk.counterexample!;
  return {
    before: sizeOf(steps),
    ours: { steps: sizeOf(reduced.history.steps), probes: reduced.probes, history: reduced.history.steps },
    theirs: { steps: sizeOf(smallest), probes: calls - first.numRuns, history: smallest },
  };
}

function sizeOf(steps: readonly Step[]): number {
  return costOf(steps)[0]!;
}

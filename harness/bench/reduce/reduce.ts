/** Our reducer beside fast-check's shrinking, on mistakes of which the smallest history is known. */
import { Interrupted } from '../../case/run/guard.js';
import { type Bench, type BenchContext, comparison, type Section } from '../bench.js';
import type { Pair } from '../stats.js';
import { contest } from './contest.js';
import { PROBLEMS } from './problems.js';

export const reduceBench: Bench = {
  name: 'reduce',
  summary: 'how small our reducer makes histories, beside the shrinking of fast-check',
  async *run(context) {
    yield await measure(context);
  },
};

async function measure({ quick, signal }: BenchContext): Promise<Section> {
  const rows: Section['rows'][number][] = [];
  const probes: Pair[] = [];
  for (const problem of PROBLEMS) {
    const left: Pair[] = [];
    for (let seed = 1; seed <= (quick ? 3 : 20); seed++) {
      // Nothing here waits for anything, and a signal is to be seen.
      await new Promise(setImmediate);
      if (signal.aborted) throw new Interrupted();
      const both = await contest(problem, seed);
      if (both === null) continue;
      left.push({ first: both.ours.steps, second: both.theirs.steps });
      probes.push({ first: Math.max(1, both.ours.probes), second: Math.max(1, both.theirs.probes) });
    }
    const bar = { of: 'first', at: 'most', value: problem.minimum } as const;
    rows.push(comparison(problem.name, left, { unit: 'count', bar }));
  }
  rows.push(comparison('  histories played on the way', probes, { unit: 'count' }));
  return {
    title: 'reduce: what is left of histories of up to 60 steps that show a mistake',
    sides: ['ours', 'fast-check'],
    rows,
    measured:
      'steps, a transaction being one more than its actions, that are left of the same random history; the median ' +
      'of the seeds. The bar is the smallest history that there is.',
    why:
      'fast-check takes a step away or makes a number smaller; where one step can go only if another one does more, ' +
      'or two can go only together, or two things have to become one, it has nothing smaller to try.',
  };
}

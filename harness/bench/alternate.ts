/** Measuring two things in turn, A B A B …, so that whatever else the machine does meets both. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Interrupted } from '../case/run/guard.js';
import type { Pair } from './stats.js';

/** Does the work once and resolves to how long it took, in milliseconds. */
export type Measure = () => number | Promise<number>;

/** @throws Interrupted between two measurements, and whatever these throw */
export async function alternate(
  first: Measure,
  second: Measure,
  times: { readonly warmUps: number; readonly pairs: number },
  signal: AbortSignal,
): Promise<Pair[]> {
  const [firsts, seconds] = await inTurn([first, second], times, signal);
  return pairsOf(firsts!, seconds!);
}

/**
 * As {@link alternate}, of any number of things: A B C A B C … What each gave comes back in the order of `measures`, so
 * that any two of them can be paired. @throws Interrupted between two measurements, and whatever these throw
 */
export async function inTurn(
  measures: readonly Measure[],
  times: { readonly warmUps: number; readonly pairs: number },
  signal: AbortSignal,
): Promise<number[][]> {
  const found: number[][] = measures.map(() => []);
  for (let i = 0; i < times.warmUps + times.pairs; i++) {
    for (const [index, measure] of measures.entries()) {
      const one = await turn(measure, signal);
      if (i >= times.warmUps) found[index]!.push(one);
    }
  }
  return found;
}

/** What was measured in the same round belongs together. */
export function pairsOf(firsts: readonly number[], seconds: readonly number[]): Pair[] {
  return firsts.map((first, round) => ({ first, second: seconds[round]! }));
}

async function turn(measure: Measure, signal: AbortSignal): Promise<number> {
  // Also what lets a signal be heard between pieces of work that never wait.
  await nextTurn();
  if (signal.aborted) throw new Interrupted();
  return measure();
}

/** Shorter than this and the clock, and a stray interrupt, would be what is measured. */
const SHORTEST_MS = 2;

/** What came of the work, kept where the compiler cannot see that nobody looks at it. */
const kept: unknown[] = [undefined];

/** Measures work that does not wait, as often in a row as makes a measurement long enough; the time is of one. */
export function repeating(work: () => unknown): Measure {
  let times = 1;
  return () => {
    for (;;) {
      const started = performance.now();
      for (let i = 0; i < times; i++) kept[0] = work();
      const ms = performance.now() - started;
      if (ms >= SHORTEST_MS) return ms / times;
      times *= 4;
    }
  };
}

/** Measures work that waits. */
export function timed(work: () => Promise<unknown>): Measure {
  return async () => {
    const started = performance.now();
    await work();
    return performance.now() - started;
  };
}

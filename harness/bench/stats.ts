/** Ratios of things that were measured in pairs: what happened to both at once cancels out. */

/** Two measurements made one right after the other, in the same unit. */
export interface Pair {
  readonly first: number;
  readonly second: number;
}

/** A middle and its ends. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** The middle value; of an even number the mean of the two in the middle. @throws RangeError when there is none */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('the median of nothing');
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** @throws RangeError when there are no values */
export function spread(values: readonly number[]): Spread {
  const middle = median(values);
  return {
    median: middle,
    min: values.reduce((a, b) => Math.min(a, b)),
    max: values.reduce((a, b) => Math.max(a, b)),
  };
}

/**
 * first / second of each pair, and then the median of these. Not the ratio of two medians: on a noisy machine the
 * two may come from moments that have nothing in common. @throws RangeError when there are no pairs
 */
export function pairwise(pairs: readonly Pair[]): Spread {
  return spread(pairs.map(({ first, second }) => first / second));
}

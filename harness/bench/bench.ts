/** What a bench is, and what it shows: sections of comparisons. Times are milliseconds, sizes bytes. */
import type { Places } from '../cli/environment.js';
import type { TargetChoice } from '../target/parse.js';
import { type Pair, pairwise, type Spread, spread } from './stats.js';

/** What the project promises. It is shown; nothing fails by it. */
export interface Bar {
  /** what is promised: of the ratio (the default), or of the first column itself, in its unit */
  readonly of?: 'ratio' | 'first';
  readonly at: 'most' | 'least';
  readonly value: number;
}

/** A row: two things measured side by side, or, where `first` or `second` is null, one thing shown apart. */
export interface Comparison {
  readonly what: string;
  readonly unit: 'ms' | 'bytes' | 'count';
  readonly first: Spread | null;
  readonly second: Spread | null;
  /** first / second, pair by pair */
  readonly ratio: Spread | null;
  /** how many pairs, or how many measurements of the one thing */
  readonly repeated: number;
  readonly bar?: Bar;
}

/** A table, with what has to be known to read it. */
export interface Section {
  readonly title: string;
  /** what stands in the columns `first` and `second` */
  readonly sides: readonly [string, string];
  readonly rows: readonly Comparison[];
  /** what one measurement is */
  readonly measured: string;
  /** why the ratios are what they are */
  readonly why: string;
}

export interface BenchContext {
  /** fewer repetitions and smaller things, for a look */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  readonly places: Places;
  /** those of the two QEMU programs that are installed */
  readonly qemus: readonly TargetChoice[];
}

export interface Bench {
  readonly name: string;
  readonly summary: string;
  /** programs that it needs, besides QEMU's two, and that are not there: without them it shows nothing */
  readonly missing?: () => readonly string[];
  /** A section as soon as it has been measured. @throws Interrupted @throws TargetFault */
  run(context: BenchContext): AsyncGenerator<Section, void, undefined>;
}

/** The row of things measured in pairs. @throws RangeError when there are no pairs */
export function comparison(
  what: string,
  pairs: readonly Pair[],
  more: Partial<Pick<Comparison, 'unit' | 'bar'>> = {},
): Comparison {
  return {
    what,
    unit: 'ms',
    first: spread(pairs.map(({ first }) => first)),
    second: spread(pairs.map(({ second }) => second)),
    ratio: pairwise(pairs),
    repeated: pairs.length,
    ...more,
  };
}

/** What the bar is about; null when the row does not have it. */
export function judged({ first, ratio }: Comparison, bar: Bar): Spread | null {
  return bar.of === 'first' ? first : ratio;
}

/** Whether the median meets the bar. */
export function meets({ median }: Spread, bar: Bar): boolean {
  return bar.at === 'most' ? median <= bar.value : median >= bar.value;
}

/** Disks that get the same writes in turn, and the rows that compare them two by two. */
import { inTurn, type Measure, pairsOf } from '../alternate.js';
import { type Bar, type Comparison, comparison } from '../bench.js';
import { FILLS, type Flushing, type GranuleFill, granularityText } from './load.js';

/** A disk to be written to, in this process or in another. */
export interface Subject {
  /** makes all granules clean */
  clear(): void | Promise<void>;
  /** the writes; `count` of them */
  pass(flushing: Flushing, count: number): void | Promise<void>;
  /** leaves nothing to be done for whoever comes next */
  settle(): void | Promise<void>;
}

export interface Load {
  readonly flushing: Flushing;
  /** writes a pass */
  readonly count: number;
  /** passes a measurement */
  readonly passes: number;
  readonly warmUps: number;
  readonly pairs: number;
}

/** One row for each state of the granules: `first` against `second`. */
export interface Wanted {
  readonly what: string;
  /** bytes; of the bitmap that the row is about, null when it is about none */
  readonly granularity: number | null;
  readonly first: string;
  readonly second: string;
  readonly bar?: Bar;
}

/** Measures all subjects in turn, fresh granules and dirty ones, and compares them as wanted. @throws Interrupted */
export async function compare(
  subjects: ReadonlyMap<string, Subject>,
  wanted: readonly Wanted[],
  load: Load,
  signal: AbortSignal,
): Promise<Comparison[]> {
  const names: string[] = [];
  const measures: Measure[] = [];
  for (const fill of FILLS) {
    for (const [name, subject] of subjects) {
      names.push(`${fill} ${name}`);
      measures.push(() => perWrite(subject, fill, load));
    }
  }
  const found = await inTurn(measures, load, signal);
  const of = (fill: GranuleFill, name: string) => found[names.indexOf(`${fill} ${name}`)]!;
  const rows: Comparison[] = [];
  for (const { what, granularity, first, second, bar } of wanted) {
    // Without a bitmap there are no granules.
    for (const fill of granularity === null ? FILLS.slice(0, 1) : FILLS) {
      const pairs = pairsOf(of(fill, first), of(fill, second));
      const name = granularity === null ? what : `${granularityText(granularity)}, ${fill}: ${what}`;
      rows.push(comparison(name, pairs, bar === undefined ? {} : { bar }));
    }
  }
  return rows;
}

/** Milliseconds of one write, as the mean of all. */
async function perWrite(
  subject: Subject,
  fill: GranuleFill,
  { flushing, count, passes }: Load,
): Promise<number> {
  let ms = 0;
  // Not timed: it makes the granules dirty where something else has cleaned them.
  if (fill === 'dirty') await subject.pass('no flush', count);
  for (let i = 0; i < passes; i++) {
    if (fill === 'fresh') await subject.clear();
    const started = performance.now();
    const passed = subject.pass(flushing, count);
    // A disk of this process does not wait, and is not to pay for a turn of the event loop.
    if (passed !== undefined) await passed;
    ms += performance.now() - started;
  }
  await subject.settle();
  return ms / (passes * count);
}

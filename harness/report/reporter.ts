/** What a reporter is told while a run goes on, and where it writes. */
import type { Case } from '../case/case.js';
import type { ResultLine, Verdict } from '../case/run/results.js';
import { VERDICTS } from '../case/run/results.js';
import type { Identity } from '../target/target.js';

/** A sink for text: a stream or a file. */
export interface Sink {
  write(text: string): void;
  /** true if a person reads along: colours and progress */
  readonly terminal: boolean;
  end(): Promise<void>;
}

/** One way to tell of a run. Every method may write; none may fail. */
export interface Reporter {
  target(name: string, identity: Identity): void;
  result(result: ResultLine, found: Case): void;
  end(summary: RunSummary): void;
}

/** How a run ended. */
export interface RunSummary {
  readonly results: readonly ResultLine[];
  readonly interrupted: boolean;
  /** what is wrong besides verdicts: goldens without a case, nothing executed */
  readonly complaints: readonly string[];
  /** wall clock, milliseconds */
  readonly ms: number;
  /** where differing transcripts are, if they are kept */
  readonly out: string | null;
}

/** What reporters may ask to explain a result. */
export interface Background {
  /** the title of a rule, if there is one */
  ruleTitle(rule: string): string | undefined;
  /** options that have to be given again to run a case again: `--cases DIR` */
  readonly flags: string;
  /** where differing transcripts are, if they are kept */
  readonly out: string | null;
}

/** Number of results by target and verdict, targets in order of appearance. */
export function counts(results: readonly ResultLine[]): Map<string, Map<Verdict, number>> {
  const byTarget = new Map<string, Map<Verdict, number>>();
  for (const { target, verdict } of results) {
    let row = byTarget.get(target);
    if (row === undefined) {
      row = new Map();
      byTarget.set(target, row);
    }
    row.set(verdict, (row.get(verdict) ?? 0) + 1);
  }
  return byTarget;
}

/** `reference: 80 pass, 2 skip` for every target. */
export function summaryLines(results: readonly ResultLine[]): string[] {
  return [...counts(results)].map(([target, row]) => {
    const parts = VERDICTS.filter((verdict) => row.has(verdict)).map(
      (verdict) => `${row.get(verdict)} ${verdict}`,
    );
    return `${target}: ${parts.join(', ')}`;
  });
}

/** How to run one case again, as it would be typed. */
export function reproduce(result: ResultLine, background: Background): string {
  const format = result.format === 'raw' ? '' : ` --format ${result.format}`;
  return `qbm run ${result.case} --target ${shellWord(result.target)}${format}${background.flags}`;
}

/** `text` as one word of a shell command. */
export function shellWord(text: string): string {
  return /^[\w@./:+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

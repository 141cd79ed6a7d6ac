/** What a run leaves behind: verdicts, result lines (results.jsonl), and where differing transcripts are kept. */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { ProblemError } from '../load/problem.js';
import { readText } from '../load/text.js';

/** Every verdict, in the order in which summaries list them. */
export const VERDICTS = [
  'pass',
  'allowed',
  'deviates',
  'skip',
  'fail',
  'crash',
  'hang',
  'unmapped-error',
  'stale',
  'error',
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Verdicts that make a run exit with 1. `error` makes it exit with 2. */
export const UNEXPECTED: ReadonlySet<Verdict> = new Set(['fail', 'crash', 'hang', 'unmapped-error', 'stale']);

/** A line of results.jsonl and of the reporter `jsonl`. New members may come; these stay. */
export interface ResultLine {
  readonly case: string;
  readonly area: string;
  readonly target: string;
  /** of the target; absent if it could not be started */
  readonly version?: string;
  readonly format: string;
  readonly verdict: Verdict;
  /** wall clock, milliseconds */
  readonly ms: number;
  readonly rules: readonly string[];
  /** why, in words: of every verdict but pass */
  readonly reason?: string;
  /** of a deviation: where to read more */
  readonly link?: string;
  /** the difference: `-` golden, `+` observed */
  readonly diff?: string;
  /** what the target did wrong besides answering: "crash: …" */
  readonly fault?: string;
  /** the end of what the target printed for people during the case */
  readonly stderr?: string;
  /** the step that differs or failed: its line in the case file */
  readonly line?: number;
  /** true if the transcript is kept in the output directory */
  readonly kept?: boolean;
}

/** Where the result lines of a run are, in its output directory. */
export const RESULTS_FILE = 'results.jsonl';

/** Where a differing transcript is kept, relative to the output directory. */
export function transcriptFile(target: string, format: string, of: { area: string; id: string }): string {
  return join(directoryOf(target), format, of.area, `${of.id}.out`);
}

/** A target's name as a directory: unchanged if it is plain, else made plain with a piece of its hash. */
export function directoryOf(target: string): string {
  const plain = target.replace(/[^A-Za-z0-9@._-]+/g, '_').slice(0, 60);
  if (plain === target && !/^\.+$/.test(target)) return target;
  return `${plain}-${createHash('sha256').update(target).digest('hex').slice(0, 8)}`;
}

/**
 * The result lines of the last run that wrote to `out`.
 * @throws {ProblemError} if there are none, or they are not ours
 */
export function readResults(out: string): ResultLine[] {
  const file = join(out, RESULTS_FILE);
  const read = readText(file, 2 ** 28);
  const problem = (line: number, message: string): ProblemError =>
    new ProblemError([{ file, line, column: line > 0 ? 1 : 0, message }]);
  if ('wrong' in read) throw problem(0, `no results of a run (${read.wrong}): qbm run writes them there`);
  const results: ResultLine[] = [];
  for (const [index, line] of read.text.split('\n').entries()) {
    if (line === '') continue;
    try {
      const result = JSON.parse(line) as ResultLine;
      if (typeof result.case !== 'string' || typeof result.target !== 'string')
        throw new SyntaxError('not a result');
      results.push(result);
    } catch {
      throw problem(index + 1, 'not a result line: was the run interrupted? Run again');
    }
  }
  return results;
}

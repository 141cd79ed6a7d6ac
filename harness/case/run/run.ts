/** Many cases on many targets: for each target a queue of cases and one or more resident instances that work it. */
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { ExpectedDeviation } from '../../golden/expected.js';
import { readGolden, writeWhole } from '../../golden/golden.js';
import type { TargetChoice } from '../../target/parse.js';
import { type Identity, type Target, TargetFault } from '../../target/target.js';
import type { Case, Format } from '../case.js';
import { type AttemptOptions, attempt, START_LIMIT_MS } from './attempt.js';
import { makeDirectory } from './directory.js';
import { bounded, Interrupted } from './guard.js';
import { RESULTS_FILE, type ResultLine, transcriptFile, type Verdict } from './results.js';

/** Verdicts whose transcript is the golden, or a part of it. */
const GIVES_NO_TRANSCRIPT: ReadonlySet<Verdict> = new Set(['pass', 'allowed', 'stale', 'skip']);

/** After so many cases in a row that hung, or for which the target could not be had, the rest is not tried. */
const GIVE_UP_AFTER = 3;

/** Closing ends processes; one that does not end in this time is left to the operating system. */
const CLOSE_LIMIT_MS = 10_000;

export interface RunOptions {
  readonly cases: readonly Case[];
  readonly targets: readonly TargetChoice[];
  /** `first`: the first format that case and target share; `all`: each of them */
  readonly format: Format | 'first' | 'all';
  /** instances a target */
  readonly jobs: number;
  readonly limitMs: number;
  readonly caseLimitMs: number;
  readonly signal: AbortSignal;
  readonly goldens: string;
  /** output directory; null keeps nothing */
  readonly out: string | null;
  expectedFor(target: TargetChoice): readonly ExpectedDeviation[];
  errorId(kind: Target['kind'], desc: string, errorClass: string): string | undefined;
  /** called in the order of targets, cases and formats, whatever the number of jobs */
  onResult(result: ResultLine, found: Case): void;
  onTarget?(target: string, identity: Identity): void;
  /** called once a case has been run, in no particular order */
  onTranscript?(found: Case, format: string, transcript: string): void;
}

export interface RunOutcome {
  readonly results: readonly ResultLine[];
  readonly interrupted: boolean;
}

interface Work {
  readonly found: Case;
  readonly format: string;
  /** why it is not run */
  readonly skip: string | undefined;
}

/** Runs everything. Rejects only if the output directory cannot be written or an expected file is wrong. */
export async function run(options: RunOptions): Promise<RunOutcome> {
  const results: ResultLine[] = [];
  const log = options.out === null ? undefined : openResults(options.out);
  const emit = (result: ResultLine, found: Case): void => {
    results.push(result);
    if (log !== undefined) writeSync(log, `${JSON.stringify(result)}\n`);
    options.onResult(result, found);
  };
  try {
    for (const choice of options.targets) {
      if (options.signal.aborted) break;
      await new TargetRun(choice, options, emit).run();
    }
  } finally {
    if (log !== undefined) closeSync(log);
  }
  return { results, interrupted: options.signal.aborted };
}

function openResults(out: string): number {
  makeDirectory(out);
  return openSync(join(out, RESULTS_FILE), 'w');
}

/** The part of a run that is one target's. */
class TargetRun {
  readonly #choice: TargetChoice;
  readonly #options: RunOptions;
  readonly #emit: (result: ResultLine, found: Case) => void;
  readonly #name: string;
  readonly #first: Target;
  #identity: Identity | undefined;
  #expected: readonly ExpectedDeviation[] = [];
  #work: Work[] = [];
  #next = 0;
  #finished: (ResultLine | undefined)[] = [];
  #emitted = 0;
  /** verdict and length of the current row of cases that came to nothing */
  #row = { verdict: 'pass' as Verdict, length: 0 };

  constructor(choice: TargetChoice, options: RunOptions, emit: (result: ResultLine, found: Case) => void) {
    this.#choice = choice;
    this.#options = options;
    this.#emit = emit;
    this.#first = choice.create();
    this.#name = choice.name;
  }

  async run(): Promise<void> {
    const { cases, jobs, signal } = this.#options;
    try {
      this.#expected = this.#options.expectedFor(this.#choice);
      this.#identity = await bounded(this.#first.identify(), START_LIMIT_MS, 'starting the target', signal);
      this.#options.onTarget?.(this.#name, this.#identity);
      this.#work = cases.flatMap((found) => workOf(found, this.#identity!, this.#options.format));
      const instances = Math.max(1, Math.min(jobs, this.#work.length));
      const workers = Array.from({ length: instances }, (_, i) =>
        this.#worker(i === 0 ? this.#first : this.#choice.create()),
      );
      const ends = await Promise.allSettled(workers);
      for (const end of ends) if (end.status === 'rejected') throw end.reason;
    } catch (error) {
      if (error instanceof Interrupted) return;
      if (!(error instanceof TargetFault)) throw error;
      this.#failAll(error);
    } finally {
      await closeQuietly(this.#first);
    }
  }

  /** The target cannot be had: every case says so. */
  #failAll(fault: TargetFault): void {
    const { cases, format } = this.#options;
    for (const found of cases) {
      const shown = format === 'first' || format === 'all' ? found.formats[0]! : format;
      const { id, area, rules } = found;
      const reason = `${this.#name} cannot be had: ${fault.message}`;
      this.#emit(
        { case: id, area, target: this.#name, format: shown, verdict: 'error', ms: 0, rules, reason },
        found,
      );
    }
  }

  async #worker(first: Target): Promise<void> {
    let target = first;
    try {
      while (this.#next < this.#work.length && !this.#options.signal.aborted) {
        const index = this.#next++;
        const { result, lost } = await this.#one(this.#work[index]!, target);
        this.#finish(index, result);
        // The reference never waits for anything: without this no signal would be seen until the end.
        await new Promise(setImmediate);
        if (lost) {
          await closeQuietly(target);
          target = this.#choice.create();
        }
      }
    } finally {
      await closeQuietly(target);
    }
  }

  async #one(work: Work, target: Target): Promise<{ result: ResultLine; lost: boolean }> {
    const { found, format, skip } = work;
    const identity = this.#identity!;
    const { version } = identity;
    const { id, area, rules } = found;
    const common = { case: id, area, target: this.#name, version, format, rules };
    if (skip !== undefined)
      return { result: { ...common, verdict: 'skip', ms: 0, reason: skip }, lost: false };
    if (this.#row.length >= GIVE_UP_AFTER) {
      const reason = `not tried: the ${GIVE_UP_AFTER} cases before it ended with ${this.#row.verdict}`;
      return { result: { ...common, verdict: this.#row.verdict, ms: 0, reason }, lost: false };
    }
    const started = performance.now();
    const { verdict, reason, link, diff, step, fault, stderr, transcript, lost } = await attempt(
      found,
      format,
      target,
      identity,
      this.#attemptOptions(target, found),
    );
    const ms = Math.round((performance.now() - started) * 10) / 10;
    if (verdict !== 'skip') this.#options.onTranscript?.(found, format, transcript);
    const kept = !GIVES_NO_TRANSCRIPT.has(verdict);
    this.#keep(format, found, kept ? transcript : undefined);
    this.#countRow(verdict, fault);
    const result: ResultLine = {
      ...common,
      verdict,
      ms,
      ...(reason === undefined ? {} : { reason }),
      ...(link === undefined ? {} : { link }),
      ...(diff === undefined ? {} : { diff }),
      ...(fault === undefined ? {} : { fault }),
      ...(stderr === undefined ? {} : { stderr }),
      ...(step === undefined ? {} : { line: found.steps[step]?.line ?? 0 }),
      ...(kept && this.#options.out !== null ? { kept } : {}),
    };
    return { result, lost };
  }

  #attemptOptions(target: Target, found: Case): AttemptOptions {
    const { limitMs, caseLimitMs, signal, goldens, errorId } = this.#options;
    return {
      limitMs,
      caseLimitMs,
      signal,
      golden: readGolden(goldens, found),
      expected: this.#expected,
      errorId: (desc, errorClass) => errorId(target.kind, desc, errorClass),
    };
  }

  #countRow(verdict: Verdict, fault: string | undefined): void {
    const counts = verdict === 'hang' || (verdict === 'error' && fault !== undefined);
    if (!counts) this.#row = { verdict: 'pass', length: 0 };
    else this.#row = { verdict, length: this.#row.verdict === verdict ? this.#row.length + 1 : 1 };
  }

  /** Keeps a differing transcript, or removes that of an earlier run. */
  #keep(format: string, found: Case, transcript: string | undefined): void {
    if (this.#options.out === null) return;
    const path = join(this.#options.out, transcriptFile(this.#name, format, found));
    if (transcript === undefined) rmSync(path, { force: true });
    else writeWhole(path, transcript);
  }

  #finish(index: number, result: ResultLine): void {
    this.#finished[index] = result;
    for (let next = this.#finished[this.#emitted]; next !== undefined; next = this.#finished[this.#emitted]) {
      this.#emit(next, this.#work[this.#emitted]!.found);
      this.#emitted++;
    }
  }
}

/** What of a case is to be run on a target, or why it is not. */
function workOf(found: Case, identity: Identity, format: RunOptions['format']): Work[] {
  const wanted =
    format === 'first' || format === 'all' ? found.formats : found.formats.filter((f) => f === format);
  const shown = format === 'first' || format === 'all' ? found.formats[0]! : format;
  if (wanted.length === 0) return [{ found, format: shown, skip: `it is not for the format ${format}` }];
  const shared = wanted.filter((f) => identity.formats.has(f));
  if (shared.length === 0) {
    return [{ found, format: shown, skip: `the target has no format ${wanted.join(' or ')}` }];
  }
  const missing = found.requires.filter((capability) => !identity.capabilities.has(capability));
  const skip = missing.length === 0 ? undefined : `the target lacks ${missing.join(', ')}`;
  return (format === 'all' ? shared : shared.slice(0, 1)).map((f) => ({ found, format: f, skip }));
}

async function closeQuietly(target: Target): Promise<void> {
  try {
    await bounded(target.close(), CLOSE_LIMIT_MS, 'closing the target');
  } catch {
    // Whatever it was, the verdicts are given; the next instance starts from nothing.
  }
}

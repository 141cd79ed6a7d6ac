/** `qbm golden list|diff|accept`: review of transcripts that differ. The only commands that write goldens. */
import type { Command } from 'commander';
import type { Case } from '../case/case.js';
import { ProblemError } from '../case/load/problem.js';
import { type ResultLine, readResults } from '../case/run/results.js';
import { run } from '../case/run/run.js';
import { goldenPath, goldenText, orphanGoldens, readGolden, writeWhole } from '../golden/golden.js';
import { goldenChange, type Kept, keptTranscripts, refusal } from '../golden/review.js';
import { alignedText } from '../rules/print.js';
import { type Environment, EXIT, type Places, places, UsageError } from './environment.js';
import { type PlaceOptions, targetOption, withPlaces } from './options.js';
import { oneTarget, selectedCases } from './suite.js';

interface Options extends PlaceOptions {
  readonly out: string;
  readonly target?: readonly string[];
  readonly reason?: string;
}

const HELP = `
Examples:
  qbm golden list                                   what the last run left to be reviewed
  qbm golden diff merge-coarse-to-fine
  qbm golden accept merge-coarse-to-fine --reason "BMP-031: the tail granule counts"
  qbm golden accept --target reference --reason "first version"`;

export function declareGolden(
  program: Command,
  environment: Environment,
  done: (code: number) => void,
): void {
  const golden = program
    .command('golden')
    .summary('review transcripts that differ from their goldens')
    .description(
      'Reviews the transcripts that the last run kept. Running never changes a golden; accept does.',
    )
    .addHelpText('after', HELP);
  const declare = (name: string, words: string): Command => {
    const command = golden
      .command(name)
      .description(words)
      .argument('[case...]', 'cases, as run selects them (default: all)')
      .addOption(targetOption('only what this target gave; may be repeated (default: all)'))
      .option('--out <dir>', 'output directory of the run', 'out');
    return withPlaces(command).addHelpText('after', HELP);
  };
  declare(
    'list',
    'Prints what there is to review: kept transcripts, cases without a golden, goldens without a case.',
  ).action((selectors: string[], options: Options) => done(new Review(environment, options).list(selectors)));
  declare('diff', 'Prints how kept transcripts differ from the goldens. Exit code 1 if any does.').action(
    (selectors: string[], options: Options) => done(new Review(environment, options).diff(selectors)),
  );
  declare('accept', 'Makes kept transcripts the goldens; for a case without one, that of the reference.')
    .option('--reason <text>', 'why: kept in the header of the golden')
    .action(async (selectors: string[], options: Options) => {
      done(await new Review(environment, options).accept(selectors));
    });
}

class Review {
  readonly #environment: Environment;
  readonly #options: Options;
  readonly #where: Places;
  readonly #results: readonly ResultLine[];

  constructor(environment: Environment, options: Options) {
    this.#environment = environment;
    this.#options = options;
    this.#where = places(options);
    this.#results = resultsIn(options.out).filter(
      ({ target }) => options.target === undefined || options.target.includes(target),
    );
  }

  #kept(found: Case): Kept[] {
    return keptTranscripts(this.#options.out, this.#results, found);
  }

  list(selectors: string[]): number {
    const { chosen } = selectedCases(this.#where, selectors);
    const rows: string[][] = [];
    for (const found of chosen) {
      const name = `${found.area}/${found.id}`;
      for (const { result } of this.#kept(found))
        rows.push([name, result.target, result.format, result.verdict]);
      if (readGolden(this.#where.goldens, found) === null) rows.push([name, '-', '-', 'has no golden']);
    }
    const orphans = selectors.length === 0 ? orphanGoldens(this.#where.goldens, chosen) : [];
    for (const id of orphans) rows.push([id, '-', '-', 'is a golden without a case']);
    this.#environment.stdout.write(alignedText(rows));
    return EXIT.ok;
  }

  diff(selectors: string[]): number {
    let code: number = EXIT.ok;
    for (const found of selectedCases(this.#where, selectors).chosen) {
      for (const { result, text } of this.#kept(found)) {
        const body = goldenChange(this.#where.goldens, found, text);
        if (body === '') continue;
        code = EXIT.unexpected;
        const names = [`--- golden ${found.area}/${found.id}`, `+++ ${result.target} ${result.format}`];
        this.#environment.stdout.write(`${[...names, body].join('\n')}\n\n`);
      }
    }
    return code;
  }

  async accept(selectors: string[]): Promise<number> {
    const reason = this.#options.reason?.trim() ?? '';
    if (reason === '') throw new UsageError('accept needs --reason TEXT: why is the new transcript right?');
    const { chosen } = selectedCases(this.#where, selectors);
    const fromRun = chosen.filter((found) => this.#kept(found).length > 0);
    const without = chosen.filter((found) => !fromRun.includes(found));
    // Where the run left nothing, the reference is asked: for cases that were named, or that have no golden yet.
    const toRun = without.filter(
      (found) => selectors.length > 0 || readGolden(this.#where.goldens, found) === null,
    );
    const fresh = await this.#runReference(toRun);
    if (this.#environment.signal.aborted) return EXIT.interrupted;
    let refused = 0;
    for (const found of chosen) {
      const kept = fromRun.includes(found) ? this.#kept(found) : (fresh.get(found.id) ?? []);
      if (kept.length === 0) continue;
      const why = adapterOnly(kept) ?? refusal(kept, this.#results, found);
      if (why === null) this.#write(found, kept[0]!, reason);
      else this.#environment.stderr.write(`${found.area}/${found.id}: not accepted: ${why}\n`);
      if (why !== null) refused++;
    }
    return refused > 0 ? EXIT.unexpected : EXIT.ok;
  }

  #write(found: Case, { result, text }: Kept, reason: string): void {
    const body = goldenChange(this.#where.goldens, found, text, 0);
    const name = `${found.area}/${found.id}`;
    if (body === '') {
      this.#environment.stdout.write(`${name}: unchanged\n`);
      return;
    }
    const acceptedFrom = `${result.target} ${result.version ?? ''}`.trim();
    writeWhole(
      goldenPath(this.#where.goldens, found),
      goldenText({ case: found.id, acceptedFrom, reason }, text),
    );
    const lines = body.split('\n');
    const count = (mark: string): number => lines.filter((line) => line.startsWith(mark)).length;
    this.#environment.stdout.write(
      `${name}: accepted from ${acceptedFrom}, +${count('+')} -${count('-')} lines\n`,
    );
  }

  async #runReference(cases: readonly Case[]): Promise<Map<string, Kept[]>> {
    const kept = new Map<string, Kept[]>();
    if (cases.length === 0) return kept;
    const texts = new Map<string, string>();
    const { environment, where } = { environment: this.#environment, where: this.#where };
    await run({
      cases,
      targets: [await oneTarget(environment, this.#options.target?.[0] ?? 'reference')],
      format: 'first',
      jobs: 1,
      limitMs: 10_000,
      caseLimitMs: 60_000,
      signal: environment.signal,
      goldens: where.goldens,
      out: null,
      expectedFor: () => [],
      errorId: environment.errorId,
      onTranscript: (found, _format, text) => texts.set(found.id, text),
      onResult: (result, found) => {
        const text = texts.get(found.id);
        if (text !== undefined) kept.set(found.id, [{ result, text }]);
        else
          environment.stderr.write(`${found.area}/${found.id}: ${result.verdict}: ${result.reason ?? ''}\n`);
      },
    });
    return kept;
  }
}

/** A golden holds the texts of errors, which adapters do not give. */
function adapterOnly(kept: readonly Kept[]): string | null {
  const [first] = kept;
  return first?.result.target.startsWith('adapter:') === true
    ? 'an adapter gives no error texts: accept from another target'
    : null;
}

function resultsIn(out: string): readonly ResultLine[] {
  try {
    return readResults(out);
  } catch (error) {
    if (error instanceof ProblemError) return [];
    throw error;
  }
}

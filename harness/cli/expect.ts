/** `qbm expect`: writes a target's list of expected deviations from a run of all cases. */
import type { Command } from 'commander';
import { textIfThere } from '../case/load/text.js';
import type { ResultLine } from '../case/run/results.js';
import { run } from '../case/run/run.js';
import {
  applicable,
  type ExpectedDeviation,
  expectedText,
  NO_REASON,
  readExpected,
} from '../golden/expected.js';
import { writeWhole } from '../golden/golden.js';
import { type Environment, EXIT, places, UsageError } from './environment.js';
import { limits, type RunningOptions, targetOption, withLimits, withPlaces } from './options.js';
import { allCases, expectedFile, oneTarget } from './suite.js';

interface Options extends RunningOptions {
  readonly out?: string;
}

const HELP = `
Reasons that are there already are kept; new entries get the reason TODO, which no run accepts until a person
has replaced it. Entries of other versions stay as they are; what stays is not written otherwise, to the byte.

Examples:
  qbm expect --target qsd
  qbm expect --target 'adapter:python3 my-adapter.py' --out my.expected.yaml`;

export function declareExpect(
  program: Command,
  environment: Environment,
  done: (code: number) => void,
): void {
  const command = program
    .command('expect')
    .summary('write the list of expected deviations of a target')
    .description('Runs every case on a target and writes the differences as expected deviations.')
    .argument('[selector...]', 'refused: a list made from some of the cases would forget the others')
    .addOption(targetOption())
    .option(
      '--out <file>',
      "the list to write (default for the project's own targets: the one that run reads)",
    );
  withPlaces(withLimits(command))
    .addHelpText('after', HELP)
    .action(async (selectors: string[], options: Options) => {
      done(await expectCommand(environment, selectors, options));
    });
}

async function expectCommand(
  environment: Environment,
  selectors: string[],
  options: Options,
): Promise<number> {
  if (selectors.length > 0) {
    throw new UsageError(
      'expect takes no selectors: a list made from some of the cases would forget the others',
    );
  }
  if (options.target?.length !== 1) throw new UsageError('expect is about one target: --target NAME');
  const target = await oneTarget(environment, options.target[0]!);
  const file = options.out ?? expectedFile(target);
  if (file === undefined)
    throw new UsageError(`where the list of ${target.name} is kept is yours to say: --out FILE`);
  const where = places(options);
  const all = allCases(where);
  const before = readExpected(file);
  const results: ResultLine[] = [];
  await run({
    cases: all,
    targets: [target],
    format: options.format ?? 'first',
    jobs: options.jobs,
    ...limits(options),
    signal: environment.signal,
    goldens: where.goldens,
    out: null,
    expectedFor: () => before,
    errorId: environment.errorId,
    onResult: (result) => void results.push(result),
  });
  if (environment.signal.aborted) return EXIT.interrupted;
  const refused = results.filter(cannotBeListed);
  if (refused.length > 0 || results.length === 0) {
    for (const { case: id, verdict, reason } of refused)
      environment.stderr.write(`${id}: ${verdict}: ${reason}\n`);
    environment.stderr.write('qbm: nothing was written: these cannot be expected deviations\n');
    return EXIT.failed;
  }
  const entries = entriesOf(results, before);
  writeWhole(file, expectedText(entries, textIfThere(file)));
  const open = entries.filter((entry) => entry.reason === NO_REASON).length;
  environment.stdout.write(
    `${file}: ${entries.length} entries${open > 0 ? `, ${open} of them need a reason` : ''}\n`,
  );
  return EXIT.ok;
}

/** An error without an id, a missing golden or a broken harness is to be mended, not listed. */
function cannotBeListed(result: ResultLine): boolean {
  if (result.verdict === 'error' || result.verdict === 'unmapped-error') return true;
  return ['fail', 'crash', 'hang'].includes(result.verdict) && result.diff === undefined;
}

/** The new list: what this run showed, and what it could not know: other versions, cases it skipped. */
export function entriesOf(
  results: readonly ResultLine[],
  before: readonly ExpectedDeviation[],
): ExpectedDeviation[] {
  const shown = new Set<ExpectedDeviation>();
  const entries: ExpectedDeviation[] = [];
  for (const { case: id, format, version = '', verdict, diff } of results) {
    if (verdict === 'skip') continue;
    const old = applicable(before, id, format, version);
    for (const entry of old) shown.add(entry);
    if (diff === undefined) continue;
    const kept = old.find((entry) => entry.hunk === diff) ?? old[0];
    const versions = /^\d+\.\d+/.exec(version)?.slice(0, 1) ?? [];
    const fresh = { case: id, format: undefined, versions, reason: NO_REASON, link: undefined };
    const entry = { ...(kept ?? fresh), hunk: diff };
    // Two formats with one difference are one entry; with two differences, each names its format.
    const same = entries.find(
      (other) => other.case === id && other.hunk === diff && other.format === entry.format,
    );
    if (same !== undefined) continue;
    const clash = entries.findIndex((other) => other.case === id && other.format === undefined);
    entries.push(clash >= 0 && entry.format === undefined ? { ...entry, format } : entry);
  }
  return [...entries, ...before.filter((entry) => !shown.has(entry))];
}

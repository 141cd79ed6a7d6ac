/** `qbm run`: cases on targets, compared with the goldens. */
import type { Command } from 'commander';
import { ProblemError } from '../case/load/problem.js';
import { type ResultLine, UNEXPECTED } from '../case/run/results.js';
import { type RunOptions, run } from '../case/run/run.js';
import { type ExpectedDeviation, readExpected } from '../golden/expected.js';
import { orphanGoldens } from '../golden/golden.js';
import { createReporter, fileSink, type ReporterSpec } from '../report/open.js';
import { type Background, type Reporter, type Sink, shellWord } from '../report/reporter.js';
import type { TargetChoice } from '../target/parse.js';
import { type Environment, EXIT, places, UsageError } from './environment.js';
import {
  limits,
  type RunningOptions,
  reporterOption,
  targetOption,
  withLimits,
  withPlaces,
} from './options.js';
import { chosenTargets, expectedFile, ruleTitles, selectedCases } from './suite.js';

interface Options extends RunningOptions {
  readonly reporter?: readonly ReporterSpec[];
  readonly out: string;
  readonly expected?: string;
  readonly verbose?: boolean;
}

const HELP = `
A selector is an id, a glob, an area, rule:BMP-004 or iotests:236. qbm list shows what it selects.

Exit codes: 0 as expected, 1 unexpected results, 2 the harness or its surroundings failed, 64 usage,
130 interrupted.

Examples:
  qbm run                                        every case on the reference
  qbm run --target reference --target qemu       and on both QEMU programs in PATH
  qbm run rule:BMP-004 --target qsd              what checks one rule
  qbm run 'merge-*' --target 'adapter:python3 my-adapter.py' --expected my.expected.yaml
  qbm run --reporter pretty --reporter junit=out/junit.xml`;

/** Declares the subcommand; `done` is told its exit code. */
export function declareRun(program: Command, environment: Environment, done: (code: number) => void): void {
  const command = program
    .command('run')
    .summary('run cases on implementations and compare with the goldens')
    .description('Runs cases on implementations and compares their transcripts with the goldens.')
    .argument('[selector...]', 'cases to run (default: all)')
    .addOption(targetOption());
  withLimits(command)
    .addOption(reporterOption())
    .option('--out <dir>', 'where results and differing transcripts are kept', 'out')
    .option('--expected <file>', "expected deviations of an implementation that is not the project's own")
    .option('--verbose', 'show the differences of expected deviations too');
  withPlaces(command)
    .addHelpText('after', HELP)
    .action(async (selectors: string[], options: Options) => {
      done(await runCommand(environment, selectors, options));
    });
}

async function runCommand(environment: Environment, selectors: string[], options: Options): Promise<number> {
  const where = places(options);
  const { chosen, ids } = selectedCases(where, selectors);
  const targets = await chosenTargets(environment, options.target ?? []);
  if (options.expected !== undefined && targets.length > 1) {
    throw new UsageError('--expected is the list of one target: run the others by themselves');
  }
  const lists = new Map(
    targets.map((choice) => expectedOf(choice, options.expected, options.cases === undefined, ids)),
  );
  const sinks: Sink[] = [];
  const specs = reporterSpecs(environment, options);
  const reporters = openReporters(environment, options, specs, sinks);
  const results: ResultLine[] = [];
  const started = performance.now();
  const settings: RunOptions = {
    cases: chosen,
    targets,
    format: options.format ?? 'first',
    jobs: options.jobs,
    ...limits(options),
    signal: environment.signal,
    goldens: where.goldens,
    out: options.out,
    expectedFor: (target) => lists.get(target.name) ?? [],
    errorId: environment.errorId,
    onTarget: (name, identity) => {
      for (const reporter of reporters) reporter.target(name, identity);
    },
    onResult: (result, found) => {
      results.push(result);
      for (const reporter of reporters) reporter.result(result, found);
    },
  };
  const { interrupted } = await run(settings);
  const orphans = selectors.length === 0 ? orphanGoldens(where.goldens, chosen) : [];
  const idle = interrupted ? [] : idleComplaints(results, targets, selectors.length === 0);
  const complaints = [...orphans.map((id) => orphanComplaint(where.goldens, id)), ...idle];
  const ms = performance.now() - started;
  for (const reporter of reporters) reporter.end({ results, interrupted, complaints, ms, out: options.out });
  if (!specs.some(({ name, file }) => file === undefined && (name === 'pretty' || name === 'tap'))) {
    // The other reporters have no place for these, or write where nobody is looking.
    for (const complaint of complaints) environment.stderr.write(`qbm: ${complaint}\n`);
  }
  for (const sink of sinks) await sink.end();
  return interrupted ? EXIT.interrupted : exitCode(results, orphans.length, idle.length);
}

/** The harness's own troubles outrank unexpected results: with them, the results are not the whole truth. */
function exitCode(results: readonly ResultLine[], orphans: number, idle: number): number {
  if (orphans > 0 || results.some((result) => result.verdict === 'error')) return EXIT.failed;
  return idle > 0 || results.some((result) => UNEXPECTED.has(result.verdict)) ? EXIT.unexpected : EXIT.ok;
}

function orphanComplaint(goldens: string, id: string): string {
  return `a golden without a case: ${goldens}/${id}.out; bring the case back, or: rm ${goldens}/${id}.out`;
}

/** A run that executed nothing proves nothing, and must not look as if it did. */
function idleComplaints(
  results: readonly ResultLine[],
  targets: readonly TargetChoice[],
  whole: boolean,
): string[] {
  const ran = (result: ResultLine): boolean => result.verdict !== 'skip';
  if (!results.some(ran)) return ['nothing was executed: every selected case was skipped, or there is none'];
  if (!whole) return [];
  const names = targets.map((choice) => choice.name);
  return names
    .filter((name) => !results.some((result) => result.target === name && ran(result)))
    .map((name) => `nothing was executed on ${name}: every case was skipped`);
}

/**
 * The expected deviations of a target. The project's own lists speak of the project's own cases, so with other
 * cases only a list that was named is read.
 */
function expectedOf(
  target: TargetChoice,
  named: string | undefined,
  ownCases: boolean,
  ids: ReadonlySet<string>,
): [string, readonly ExpectedDeviation[]] {
  const file = named ?? (ownCases ? expectedFile(target) : undefined);
  if (file === undefined) return [target.name, []];
  const entries = readExpected(file, named !== undefined);
  const problems = entries
    .filter((entry) => !ids.has(entry.case))
    .map((entry) => ({
      file,
      line: 0,
      column: 0,
      message: `lists "${entry.case}", which is no case: remove the entry`,
    }));
  if (problems.length > 0) throw new ProblemError(problems);
  return [target.name, entries];
}

/** The reporters asked for, or the one that suits standard output. */
function reporterSpecs(environment: Environment, options: Options): readonly ReporterSpec[] {
  const { stdout } = environment;
  const { reporter: specs = [{ name: stdout.terminal ? 'pretty' : 'tap', file: undefined }] } = options;
  if (specs.filter((spec) => spec.file === undefined).length > 1) {
    throw new UsageError(
      'two reporters cannot both write to standard output: give one of them a file, NAME=FILE',
    );
  }
  return specs;
}

function openReporters(
  environment: Environment,
  options: Options,
  specs: readonly ReporterSpec[],
  sinks: Sink[],
): Reporter[] {
  const again = (name: 'cases' | 'golden'): string =>
    options[name] === undefined ? '' : ` --${name} ${shellWord(options[name])}`;
  const background: Background = {
    ruleTitle: ruleTitles(),
    flags: again('cases') + again('golden'),
    out: options.out,
  };
  return specs.map(({ name, file }) => {
    const sink = file === undefined ? environment.stdout : fileSink(file);
    if (file !== undefined) sinks.push(sink);
    const colour = file === undefined && environment.colour;
    return createReporter(name, sink, background, { colour, verbose: options.verbose === true });
  });
}

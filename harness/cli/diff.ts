/** `qbm diff A B`: what two implementations, or two versions of one, answer differently. Goldens play no part. */
import type { Command } from 'commander';
import type { Case } from '../case/case.js';
import { transcriptOf } from '../case/play/transcript.js';
import { run } from '../case/run/run.js';
import { unifiedBody } from '../golden/compare.js';
import { normalise } from '../golden/normalise.js';
import type { TargetChoice } from '../target/parse.js';
import { type Environment, EXIT, places } from './environment.js';
import { limits, type RunningOptions, withLimits, withPlaces } from './options.js';
import { oneTarget, selectedCases } from './suite.js';

const HELP = `
Exit codes: 0 no differences, 1 some, 2 one of the two could not be had, 64 usage, 130 interrupted.

Examples:
  qbm diff reference qsd
  qbm diff qsd qsd@/opt/qemu-10/bin rule:BMP-004`;

export function declareDiff(program: Command, environment: Environment, done: (code: number) => void): void {
  const command = program
    .command('diff')
    .summary('what two implementations answer differently')
    .description('Runs cases on two implementations and prints the differences between their transcripts.')
    .argument('<a>', 'one implementation')
    .argument('<b>', 'the other')
    .argument('[selector...]', 'cases to run (default: all)');
  withPlaces(withLimits(command))
    .addHelpText('after', HELP)
    .action(async (a: string, b: string, selectors: string[], options: RunningOptions) => {
      done(await diffCommand(environment, [a, b], selectors, options));
    });
}

interface Side {
  readonly target: TargetChoice;
  /** by case and format */
  readonly transcripts: ReadonlyMap<string, string>;
  readonly skipped: ReadonlyMap<string, string>;
  readonly errors: readonly string[];
}

async function diffCommand(
  environment: Environment,
  names: readonly [string, string],
  selectors: string[],
  options: RunningOptions,
): Promise<number> {
  const { chosen } = selectedCases(places(options), selectors);
  const makers = [await oneTarget(environment, names[0]), await oneTarget(environment, names[1])] as const;
  const a = await side(environment, makers[0], chosen, options);
  if (environment.signal.aborted) return EXIT.interrupted;
  const b = await side(environment, makers[1], chosen, options);
  if (environment.signal.aborted) return EXIT.interrupted;
  const errors = [...a.errors, ...b.errors];
  for (const error of errors) environment.stderr.write(`qbm: ${error}\n`);
  if (errors.length > 0) return EXIT.failed;
  const formats = ['raw', 'overlay'];
  let compared = 0;
  let different = 0;
  for (const found of chosen) {
    for (const format of formats) {
      const key = `${found.id} ${format}`;
      const [x, y] = [a.transcripts.get(key), b.transcripts.get(key)];
      if (x === undefined && y === undefined) continue;
      const text =
        x === undefined || y === undefined
          ? oneSided(x === undefined ? a : b, found)
          : difference(a, b, x, y);
      if (x !== undefined && y !== undefined) compared++;
      if (text === '') continue;
      if (x !== undefined && y !== undefined) different++;
      environment.stdout.write(
        `${found.area}/${found.id}${format === 'raw' ? '' : ` [${format}]`}: ${found.title}\n${text}\n`,
      );
    }
  }
  environment.stdout.write(
    `${compared} compared, ${different} different: ${a.target.name}, ${b.target.name}\n`,
  );
  if (compared === 0) environment.stderr.write('qbm: no case runs on both\n');
  return different > 0 || compared === 0 ? EXIT.unexpected : EXIT.ok;
}

function oneSided(without: Side, found: Case): string {
  return `  not run on ${without.target.name}: ${without.skipped.get(found.id) ?? 'it ended before'}\n`;
}

function difference(a: Side, b: Side, x: string, y: string): string {
  // What either side's normalisers may hide is hidden on both.
  let [from, to] = [transcriptOf(x), transcriptOf(y)];
  for (const { target } of [a, b]) {
    [from, to] = [normalise(target.kind, from, to), normalise(target.kind, to, from)];
  }
  const body = unifiedBody(from, to, 3);
  if (body === '') return '';
  const lines = [`--- ${a.target.name}`, `+++ ${b.target.name}`, ...body.split('\n')];
  return lines.map((line) => `  ${line}\n`).join('');
}

async function side(
  environment: Environment,
  target: TargetChoice,
  cases: readonly Case[],
  options: RunningOptions,
): Promise<Side> {
  const transcripts = new Map<string, string>();
  const skipped = new Map<string, string>();
  const errors: string[] = [];
  await run({
    cases,
    targets: [target],
    format: options.format ?? 'first',
    jobs: options.jobs,
    ...limits(options),
    signal: environment.signal,
    goldens: '',
    out: null,
    expectedFor: () => [],
    errorId: environment.errorId,
    onTranscript: (found, format, transcript) => transcripts.set(`${found.id} ${format}`, transcript),
    onResult: (result) => {
      if (result.verdict === 'skip') skipped.set(result.case, result.reason ?? '');
      if (result.verdict === 'error') errors.push(`${result.case}: ${(result.reason ?? '').split('\n')[0]}`);
    },
  });
  return { target, transcripts, skipped, errors: [...new Set(errors)].slice(0, 10) };
}

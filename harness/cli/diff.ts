/** `qbm diff A B`: what two implementations, or two versions of one, answer differently. Goldens play no part. */
import type { Command } from 'commander';
import type { Case } from '../case/case.js';
import { transcriptOf } from '../case/play/transcript.js';
import { run } from '../case/run/run.js';
import { type Differing, readChanges, sortChanges, staleChanges } from '../golden/changes/changes.js';
import { changesReport } from '../golden/changes/report.js';
import { unifiedBody } from '../golden/compare.js';
import { normalise } from '../golden/normalise.js';
import type { TargetChoice } from '../target/parse.js';
import { type Environment, EXIT, places } from './environment.js';
import { limits, type RunningOptions, withLimits, withPlaces } from './options.js';
import { oneTarget, selectedCases } from './suite.js';

const HELP = `
With --changes the differences are sorted by what is known to have changed, as a text in Markdown; then those are
counted that nobody has explained, and what is known but does not show.

Exit codes: 0 no differences, 1 some, 2 one of the two could not be had, 64 usage, 130 interrupted.

Examples:
  qbm diff reference qsd
  qbm diff qsd qsd@/opt/qemu-10/bin rule:BMP-004
  qbm diff qsd qsd@/opt/qemu-10/bin --changes harness/golden/changes/qsd-7.2-10.0.yaml`;

interface Options extends RunningOptions {
  readonly changes?: string;
}

export function declareDiff(program: Command, environment: Environment, done: (code: number) => void): void {
  const command = program
    .command('diff')
    .summary('what two implementations answer differently')
    .description('Runs cases on two implementations and prints the differences between their transcripts.')
    .argument('<a>', 'one implementation')
    .argument('<b>', 'the other')
    .argument('[selector...]', 'cases to run (default: all)')
    .option('--changes <file>', 'what is known to have changed: a list with reasons');
  withPlaces(withLimits(command))
    .addHelpText('after', HELP)
    .action(async (a: string, b: string, selectors: string[], options: Options) => {
      done(await diffCommand(environment, [a, b], selectors, options));
    });
}

interface Side {
  readonly target: TargetChoice;
  /** "qemu-storage-daemon 7.2.22" */
  readonly program: string;
  /** by case and format */
  readonly transcripts: ReadonlyMap<string, string>;
  readonly skipped: ReadonlyMap<string, string>;
  readonly errors: readonly string[];
}

async function diffCommand(
  environment: Environment,
  names: readonly [string, string],
  selectors: string[],
  options: Options,
): Promise<number> {
  const changes = options.changes === undefined ? undefined : readChanges(options.changes);
  const { chosen } = selectedCases(places(options), selectors);
  const makers = [await oneTarget(environment, names[0]), await oneTarget(environment, names[1])] as const;
  const a = await side(environment, makers[0], chosen, options);
  if (environment.signal.aborted) return EXIT.interrupted;
  const b = await side(environment, makers[1], chosen, options);
  if (environment.signal.aborted) return EXIT.interrupted;
  const errors = [...a.errors, ...b.errors];
  for (const error of errors) environment.stderr.write(`qbm: ${error}\n`);
  if (errors.length > 0) return EXIT.failed;
  const { compared, differing, oneSided } = differences(a, b, chosen);
  if (compared === 0) environment.stderr.write('qbm: no case runs on both\n');
  for (const text of oneSided) (changes === undefined ? environment.stdout : environment.stderr).write(text);
  if (changes !== undefined) {
    const command = ['qbm diff', ...names, ...selectors, '--changes', options.changes!].join(' ');
    const sorted = sortChanges(changes, differing);
    const sides = { a: a.program, b: b.program, command, compared };
    environment.stdout.write(changesReport(sides, sorted));
    const stale = selectors.length === 0 ? staleChanges(sorted) : [];
    for (const text of stale) environment.stderr.write(`qbm: ${text}\n`);
    return sorted.unexplained.length + stale.length > 0 || compared === 0 ? EXIT.unexpected : EXIT.ok;
  }
  for (const { heading, body } of differing) {
    const lines = [`--- ${a.target.name}`, `+++ ${b.target.name}`, ...body.split('\n')];
    environment.stdout.write(`${heading}\n${lines.map((line) => `  ${line}\n`).join('')}\n`);
  }
  environment.stdout.write(
    `${compared} compared, ${differing.length} different: ${a.target.name}, ${b.target.name}\n`,
  );
  return differing.length > 0 || compared === 0 ? EXIT.unexpected : EXIT.ok;
}

function differences(a: Side, b: Side, chosen: readonly Case[]) {
  let compared = 0;
  const differing: Differing[] = [];
  const oneSided: string[] = [];
  for (const found of chosen) {
    for (const format of ['raw', 'overlay']) {
      const key = `${found.id} ${format}`;
      const [x, y] = [a.transcripts.get(key), b.transcripts.get(key)];
      if (x === undefined && y === undefined) continue;
      const heading = `${found.area}/${found.id}${format === 'raw' ? '' : ` [${format}]`}: ${found.title}`;
      if (x === undefined || y === undefined) {
        oneSided.push(`${heading}\n${notRun(x === undefined ? a : b, found)}\n`);
        continue;
      }
      compared++;
      const body = difference(a, b, x, y);
      if (body !== '') differing.push({ id: found.id, heading, body });
    }
  }
  return { compared, differing, oneSided };
}

function notRun(without: Side, found: Case): string {
  return `  not run on ${without.target.name}: ${without.skipped.get(found.id) ?? 'it ended before'}\n`;
}

function difference(a: Side, b: Side, x: string, y: string): string {
  // What either side's normalisers may hide is hidden on both.
  let [from, to] = [transcriptOf(x), transcriptOf(y)];
  for (const { target } of [a, b]) {
    [from, to] = [normalise(target.kind, from, to), normalise(target.kind, to, from)];
  }
  return unifiedBody(from, to, 3);
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
  let program = target.name;
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
    onTarget: (_name, identity) => {
      program = identity.program.replace(/ \(.*/, '');
    },
    onResult: (result) => {
      if (result.verdict === 'skip') skipped.set(result.case, result.reason ?? '');
      if (result.verdict === 'error') errors.push(`${result.case}: ${(result.reason ?? '').split('\n')[0]}`);
    },
  });
  return { target, program, transcripts, skipped, errors: [...new Set(errors)].slice(0, 10) };
}

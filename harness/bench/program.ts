/** The command line of `npm run bench`: which benches, how long, and as text or JSON. */
import { cpus } from 'node:os';
import { Command, CommanderError } from 'commander';
import { ProblemError, problemText } from '../case/load/problem.js';
import { Interrupted } from '../case/run/guard.js';
import { type Environment, EXIT, places } from '../cli/environment.js';
import { type PlaceOptions, withPlaces } from '../cli/options.js';
import { findInPath, parseTarget, type TargetChoice } from '../target/parse.js';
import { closeAll } from '../target/process.js';
import { QEMU_SYSTEM_HINT, QEMU_SYSTEM_PROGRAM } from '../target/qmp/qemu-system.js';
import { QSD_HINT, QSD_PROGRAM } from '../target/qmp/qsd.js';
import type { Bench, BenchContext, Section } from './bench.js';
import { bitmapBench } from './bitmap.js';
import { commandBench } from './command.js';
import { fuzzBench } from './fuzz/fuzz.js';
import { iotestsBench } from './iotests/iotests.js';
import { nbdBench } from './nbd/nbd.js';
import { sectionText } from './print.js';
import { qbmBench } from './qbm/qbm.js';
import { reduceBench } from './reduce/reduce.js';
import { suiteBench } from './suite.js';

const BENCHES: readonly Bench[] = [
  commandBench,
  suiteBench,
  bitmapBench,
  qbmBench,
  reduceBench,
  fuzzBench,
  nbdBench,
  iotestsBench,
];

const QEMUS = [
  { name: 'qsd', program: QSD_PROGRAM, hint: QSD_HINT },
  { name: 'qemu-system', program: QEMU_SYSTEM_PROGRAM, hint: QEMU_SYSTEM_HINT },
];

interface Options extends PlaceOptions {
  readonly quick?: boolean;
  readonly json?: boolean;
}

const HELP = `
Benches:
${BENCHES.map(({ name, summary }) => `  ${name.padEnd(9)} ${summary}`).join('\n')}

Two things are measured in turn, A B A B, in one run. A ratio is the first column by the second: the
median of the ratios pair by pair, with the least and the greatest of them. Bars are shown; none fails.

Exit codes: 0 measured, 2 something could not be measured, 64 usage, 130 interrupted.`;

/** Runs the command line; `argv` is without node and script. Resolves to the exit code; never rejects. */
export async function bench(argv: readonly string[], environment: Environment): Promise<number> {
  const { stdout, stderr } = environment;
  const program = new Command('bench')
    .description('Shows how fast the project is, as ratios of things measured side by side.')
    .argument('[name...]', 'benches to run (default: all)')
    .option('--quick', 'less of everything: for a look, not for a figure')
    .option('--json', 'as one JSON document')
    .exitOverride()
    .configureOutput({ writeOut: (text) => stdout.write(text), writeErr: (text) => stderr.write(text) })
    .showHelpAfterError('(--help says more)')
    .addHelpText('after', HELP)
    .action((names: string[], options: Options) => runBenches(program, names, options, environment));
  withPlaces(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    return explain(error, environment);
  } finally {
    await closeAll();
  }
}

async function runBenches(
  program: Command,
  names: readonly string[],
  options: Options,
  { stdout, stderr, signal }: Environment,
): Promise<void> {
  const unknown = names.find((name) => BENCHES.every((one) => one.name !== name));
  if (unknown !== undefined) {
    program.error(`no such bench: ${unknown}; there are ${BENCHES.map(({ name }) => name).join(', ')}`);
  }
  const chosen = BENCHES.filter(({ name }) => names.length === 0 || names.includes(name));
  const { qemus, missing } = installed();
  for (const { name, missing: programs } of chosen) {
    for (const program of programs?.() ?? []) missing.push(`no ${program} in PATH, ${name} is left out.`);
  }
  for (const line of missing) stderr.write(`bench: ${line}\n`);
  const context: BenchContext = { quick: options.quick === true, signal, places: places(options), qemus };
  const sections: (Section & { readonly bench: string })[] = [];
  if (options.json !== true) stdout.write(`${machine(context.quick)}\n\n`);
  for (const one of chosen) {
    for await (const section of one.run(context)) {
      if (options.json === true) sections.push({ bench: one.name, ...section });
      else stdout.write(sectionText(section));
    }
  }
  if (options.json === true) {
    const { quick } = context;
    stdout.write(
      `${JSON.stringify({ node: process.version, cpus: cpus().length, quick, missing, sections }, null, 2)}\n`,
    );
  }
}

/** The QEMU programs in PATH, and a line about each that is not. */
function installed(): { qemus: TargetChoice[]; missing: string[] } {
  const isThere = ({ program }: (typeof QEMUS)[number]): boolean => findInPath(program) !== null;
  return {
    qemus: QEMUS.filter(isThere).map(({ name }) => parseTarget(name)),
    missing: QEMUS.filter((one) => !isThere(one)).map(
      ({ program, hint }) => `no ${program} in PATH, its rows are left out. ${hint}`,
    ),
  };
}

function machine(quick: boolean): string {
  const much = quick ? '; quick, so take no figure for more than a hint' : '';
  return `Node ${process.version}, ${cpus().length} processors. Ratio: first column / second, the median of pairs${much}.`;
}

function explain(error: unknown, { stderr }: Environment): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (error instanceof ProblemError)
    for (const problem of error.problems) stderr.write(`${problemText(problem)}\n`);
  else stderr.write(`bench: ${(error as Error).message}\n`);
  return EXIT.failed;
}

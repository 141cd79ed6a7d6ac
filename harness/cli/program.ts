/** The command line as a whole: subcommands, usage errors, and what becomes of errors. */
import { Command, CommanderError } from 'commander';
import { ProblemError, problemText } from '../case/load/problem.js';
import { Interrupted } from '../case/run/guard.js';
import { TargetFault } from '../target/target.js';
import { declareDiff } from './diff.js';
import { type Environment, EXIT, packageVersion, UsageError } from './environment.js';
import { declareExpect } from './expect.js';
import { declareFuzz } from './fuzz/fuzz.js';
import { declarePromote } from './fuzz/promote.js';
import { declareReplay } from './fuzz/replay.js';
import { declareReport } from './fuzz/report.js';
import { declareGolden } from './golden.js';
import { declareList } from './list.js';
import { declareRules } from './rules.js';
import { declareRun } from './run.js';
import { declareTargets } from './targets.js';

const HELP = `
Examples:
  qbm run                                     every case on the reference
  qbm run --target reference --target qemu    the same cases and goldens on QEMU
  qbm diff reference qsd                      only what they answer differently
  qbm golden diff                             review what the last run left
  qbm run --help                              every subcommand has its own help

Tools of the reference, with the options, output and exit codes of QEMU's:
  qbm img COMMAND …                           qemu-img; qbm img --help says more
  qbm io [-c COMMAND]… [IMAGE]                qemu-io; qbm io --help says more
  qbm daemon [option]…                        qemu-storage-daemon; qbm daemon --help says more`;

/** Runs the command line; `argv` is without node and script. Resolves to the exit code; never rejects. */
export async function qbm(argv: readonly string[], environment: Environment): Promise<number> {
  let code: number = EXIT.ok;
  const program = new Command('qbm')
    .description(
      'Conformance of dirty bitmaps: an executable specification, cases, goldens, and a harness for all.',
    )
    .version(packageVersion(), '--version', 'print the version')
    .helpCommand('help [command]', 'print the help of a command')
    .showHelpAfterError('(qbm --help says more)')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => environment.stdout.write(text),
      writeErr: (text) => environment.stderr.write(text),
      getOutHasColors: () => environment.colour,
      getErrHasColors: () => environment.colour,
    })
    .addHelpText('after', HELP);
  const done = (result: number): void => {
    code = result;
  };
  for (const declare of [
    declareRun,
    declareDiff,
    declareList,
    declareTargets,
    declareRules,
    declareExpect,
    declareGolden,
    declareFuzz,
    declareReplay,
    declarePromote,
    declareReport,
  ]) {
    declare(program, environment, done);
  }
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    return explain(error, environment);
  }
}

function explain(error: unknown, environment: Environment): number {
  const { stderr } = environment;
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof UsageError) {
    stderr.write(`qbm: ${error.message}\n`);
    return EXIT.usage;
  }
  if (error instanceof TargetFault) {
    stderr.write(`qbm: ${error.message}\n`);
    return EXIT.failed;
  }
  if (error instanceof Interrupted) return EXIT.interrupted;
  if (error instanceof ProblemError) {
    for (const problem of error.problems) stderr.write(`${problemText(problem)}\n`);
    const count = error.problems.length;
    stderr.write(`qbm: ${count} ${count === 1 ? 'problem' : 'problems'}; nothing was run\n`);
    return EXIT.failed;
  }
  const text =
    (error as NodeJS.ErrnoException).code !== undefined ? (error as Error).message : (error as Error).stack;
  stderr.write(`qbm: ${text ?? String(error)}\n`);
  return EXIT.failed;
}

/** `qbm rules`: which rule is meant by what code, checked by which cases, and holds for whom. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { ProblemError, problemText } from '../case/load/problem.js';
import { type ResultLine, readResults } from '../case/run/results.js';
import { tableText } from '../rules/print.js';
import { ruleTable } from '../rules/table.js';
import { type Environment, EXIT, packageRoot, places } from './environment.js';
import { type PlaceOptions, withPlaces } from './options.js';
import { allCases } from './suite.js';

interface Options extends PlaceOptions {
  readonly spec?: string;
  readonly out?: string;
  readonly long?: boolean;
  readonly markdown?: boolean;
  readonly check?: boolean;
}

const HELP = `
Examples:
  qbm rules
  qbm rules --out out        with the verdicts of the run that wrote to out/
  qbm rules --check          exit 1 if a rule lacks code or cases, or an id is no rule`;

export function declareRules(program: Command, environment: Environment, done: (code: number) => void): void {
  const command = program
    .command('rules')
    .summary('rule -> code -> cases -> mutants -> verdicts')
    .description(
      'Prints every rule with its level, the code that means it, the cases that check it, and verdicts.',
    )
    .option('--long', 'the names of cases instead of their number')
    .option('--markdown', 'as a Markdown table')
    .option('--check', 'fail on gaps')
    .option('--out <dir>', 'take verdicts from the run that wrote there (default: "out" if there is one)')
    .option('--spec <dir>', 'directory of the rules (default: spec/ of the package)');
  withPlaces(command)
    .addHelpText('after', HELP)
    .action((options: Options) => {
      done(rulesCommand(environment, options));
    });
}

function rulesCommand(environment: Environment, options: Options): number {
  const all = allCases(places(options));
  const table = ruleTable(options.spec ?? join(packageRoot(), 'spec'), all, resultsOf(options.out));
  const { long, markdown } = options;
  environment.stdout.write(tableText(table, { long: long === true, markdown: markdown === true }));
  if (options.check !== true) return EXIT.ok;
  if (table.rows.length === 0) environment.stderr.write('qbm: there are no rules\n');
  for (const problem of table.problems) environment.stderr.write(`${problemText(problem)}\n`);
  return table.problems.length > 0 || table.rows.length === 0 ? EXIT.unexpected : EXIT.ok;
}

function resultsOf(out: string | undefined): readonly ResultLine[] {
  if (out !== undefined) return readResults(out);
  try {
    return readResults('out');
  } catch (error) {
    if (error instanceof ProblemError) return [];
    throw error;
  }
}

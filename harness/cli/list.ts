/** `qbm list`: the cases there are. */
import type { Command } from 'commander';
import type { Case } from '../case/case.js';
import { alignedText } from '../rules/print.js';
import { type Environment, EXIT, places } from './environment.js';
import { type PlaceOptions, withPlaces } from './options.js';
import { selectedCases } from './suite.js';

interface Options extends PlaceOptions {
  readonly long?: boolean;
  readonly json?: boolean;
}

const HELP = `
Examples:
  qbm list                 area/id and title of every case
  qbm list rule:BMP-004    those that check one rule
  qbm list iotests:236     those modelled on one of QEMU's tests
  qbm list --json          one JSON object a line`;

export function declareList(program: Command, environment: Environment, done: (code: number) => void): void {
  const command = program
    .command('list')
    .summary('the cases there are')
    .description('Prints cases: what a selector selects.')
    .argument('[selector...]', 'cases to print (default: all)')
    .option('--long', 'with rules, formats, models and requirements')
    .option('--json', 'one JSON object a line');
  withPlaces(command)
    .addHelpText('after', HELP)
    .action((selectors: string[], options: Options) => {
      const { chosen } = selectedCases(places(options), selectors);
      environment.stdout.write(
        options.json === true ? chosen.map(jsonLine).join('') : text(chosen, options.long === true),
      );
      done(EXIT.ok);
    });
}

function jsonLine(found: Case): string {
  const { id, area, title, rules, models, requires, formats, file, steps } = found;
  return `${JSON.stringify({ id, area, title, rules, models, requires, formats, steps: steps.length, file })}\n`;
}

function text(cases: readonly Case[], long: boolean): string {
  return alignedText(
    cases.map((found) => {
      const short = [`${found.area}/${found.id}`, found.title];
      if (!long) return short;
      const lists = [found.rules, found.formats, found.models, found.requires];
      return [short[0]!, ...lists.map((words) => words.join(',') || '-'), short[1]!];
    }),
  );
}

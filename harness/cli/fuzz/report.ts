/** `qbm report`: what a campaign came to. */
import type { Command } from 'commander';
import { plansIn } from '../../fuzz/campaign/files.js';
import { summarise, summaryJson, summaryText } from '../../fuzz/campaign/summary.js';
import { type Environment, EXIT, UsageError } from '../environment.js';
import { refuseOtherThanCampaign, warnings } from './checks.js';
import { type KnownOptions, knownIn, withKnown, worldOf } from './world.js';

interface Options extends KnownOptions {
  readonly jsonl?: boolean;
}

const HELP = `
What is damaged in a campaign and can be left out (the record of a round, a finding) is told on stderr, with what to do.

Exit codes: 0 it was said, also if there are findings, 2 the directory is damaged or cannot be read, 64 usage.

Examples:
  qbm report out/fuzz/1f2e3d4c
  qbm report out/fuzz/1f2e3d4c --jsonl            for programs`;

export function declareReport(
  program: Command,
  environment: Environment,
  done: (code: number) => void,
): void {
  const command = program
    .command('report')
    .summary('say what a campaign came to')
    .description('Says what a campaign came to: histories, states and goals reached, findings.')
    .argument('<dir>', 'directory of a campaign, or of several that were copied together')
    .option('--jsonl', 'a JSON line for each finding, then one for the whole');
  withKnown(command)
    .addHelpText('after', HELP)
    .action(async (directory: string, options: Options) => {
      const known = knownIn(options);
      const { WORLD } = await worldOf(environment);
      refuseOtherThanCampaign(directory);
      if (plansIn(directory).length === 0) throw new UsageError(`there is no campaign in ${directory}`);
      const summary = summarise(directory, WORLD, known.of, warnings(environment));
      environment.stdout.write(
        options.jsonl === true ? summaryJson(summary) : summaryText(summary, directory),
      );
      done(EXIT.ok);
    });
}

/** `qbm report`: what a campaign came to. */
import type { Command } from 'commander';
import { plansIn } from '../../fuzz/campaign/files.js';
import { summarise, summaryJson, summaryText } from '../../fuzz/campaign/summary.js';
import { type Environment, EXIT, UsageError } from '../environment.js';
import { type KnownOptions, knownIn, withKnown, worldOf } from './world.js';

interface Options extends KnownOptions {
  readonly jsonl?: boolean;
}

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
  withKnown(command).action(async (directory: string, options: Options) => {
    const { WORLD } = await worldOf(environment);
    if (plansIn(directory).length === 0) throw new UsageError(`there is no campaign in ${directory}`);
    const summary = summarise(directory, WORLD, knownIn(options).of);
    environment.stdout.write(options.jsonl === true ? summaryJson(summary) : summaryText(summary, directory));
    done(EXIT.ok);
  });
}

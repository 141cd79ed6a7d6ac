/** What the subcommands about fuzzing share: the properties, and what is known already. */
import { join } from 'node:path';
import type { Command } from 'commander';
import { Known, readKnown } from '../../fuzz/campaign/known.js';
import type { WorldModule } from '../../fuzz/campaign/worker-main.js';
import { type Environment, packageRoot, places } from '../environment.js';
import { refuseOtherThanDirectory, refuseOtherThanFile } from './checks.js';

export interface KnownOptions {
  readonly known?: string;
  readonly cases?: string;
}

/** Adds `--known` and `--cases`. */
export function withKnown(command: Command): Command {
  return command
    .option('--known <file>', 'the list of known findings (default: that of the package)')
    .option('--cases <dir>', 'directory of the cases that it names (default: those of the package)');
}

/** What is known already. */
export interface KnownThings {
  readonly file: string;
  readonly cases: string;
  of(program: string, version: string): Known;
}

/**
 * @param mayBeNew the list that `--known` names need not be there: it is empty
 * @throws {ProblemError} {@link UsageError} if what is named is not there
 */
export function knownIn(options: KnownOptions, mayBeNew = false): KnownThings {
  if (options.known !== undefined) refuseOtherThanFile(options.known, '--known', mayBeNew);
  if (options.cases !== undefined) refuseOtherThanDirectory(options.cases, '--cases');
  const file = options.known ?? join(packageRoot(), 'harness', 'fuzz', 'known.yaml');
  const { cases } = places(options);
  const entries = readKnown(file);
  const of = (program: string, version: string): Known => new Known(entries, cases, program, version);
  return { file, cases, of };
}

/** The properties and how they are played, with the module that workers are to load. */
export async function worldOf({ world }: Environment): Promise<WorldModule & { readonly url: string }> {
  const url = world ?? new URL('./world-module.js', import.meta.url).href;
  return { ...((await import(url)) as WorldModule), url };
}

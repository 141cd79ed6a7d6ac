/** `qbm targets`: what can be run, and what is hidden before a comparison. */
import type { Command } from 'commander';
import { START_LIMIT_MS } from '../case/run/attempt.js';
import { bounded } from '../case/run/guard.js';
import { NORMALISERS } from '../golden/normalise.js';
import { alignedText } from '../rules/print.js';
import { type Target, TargetFault } from '../target/target.js';
import { type Environment, EXIT } from './environment.js';
import { chosenTargets } from './suite.js';

const KINDS: readonly (readonly [string, string])[] = [
  ['reference', 'the specification of this project, in this process'],
  ['qemu-system', 'qemu-system-x86_64 in PATH; qemu-system@DIR for that of another version'],
  ['qsd', 'qemu-storage-daemon in PATH; qsd@DIR for that of another version'],
  ['qemu', 'short for qemu-system and qsd'],
  ['qmp:COMMAND', 'any program that speaks QMP'],
  [
    'img:COMMAND',
    'image tools: any program like qemu-img; the one like qemu-io is found by putting "io" for the last "img"',
  ],
  ['adapter:COMMAND', 'any program that speaks the adapter protocol'],
];

const HELP = `
Examples:
  qbm targets                     the names there are, and the normalisers
  qbm targets reference qsd       start these and say what they are and can do`;

export function declareTargets(
  program: Command,
  environment: Environment,
  done: (code: number) => void,
): void {
  program
    .command('targets')
    .summary('the implementations that can be run')
    .description(
      'Prints the implementations that can be run; with names, starts them and prints what they can do.',
    )
    .argument('[name...]', 'targets to start')
    .option('--long', 'with all capabilities')
    .addHelpText('after', HELP)
    .action(async (names: string[], options: { long?: boolean }) => {
      done(
        names.length === 0 ? printKinds(environment) : await probe(environment, names, options.long === true),
      );
    });
}

function printKinds(environment: Environment): number {
  environment.stdout.write(alignedText(KINDS));
  environment.stdout.write('\nNormalisers, in the order in which they are applied before a comparison:\n');
  const rows = NORMALISERS.map(({ name, kinds, reason }) => [
    name,
    kinds === 'all' ? 'all' : kinds.join(','),
    reason,
  ]);
  environment.stdout.write(alignedText(rows));
  return EXIT.ok;
}

async function probe(environment: Environment, names: readonly string[], long: boolean): Promise<number> {
  let code: number = EXIT.ok;
  for (const choice of await chosenTargets(environment, names)) {
    if (!(await describe(environment, choice.create(), long))) code = EXIT.failed;
  }
  return environment.signal.aborted ? EXIT.interrupted : code;
}

async function describe(environment: Environment, target: Target, long: boolean): Promise<boolean> {
  const { stdout, stderr, signal } = environment;
  try {
    const identity = await bounded(target.identify(), START_LIMIT_MS, 'starting the target', signal);
    const capabilities = [...identity.capabilities].sort();
    const commands = capabilities.filter((name) => name.startsWith('command:')).length;
    const others = capabilities.filter((name) => !name.startsWith('command:'));
    const formats = [...identity.formats].join(', ');
    stdout.write(`${target.name}: ${identity.program}\n  version ${identity.version}, formats ${formats}\n`);
    if (long) stdout.write(capabilities.map((name) => `  ${name}\n`).join(''));
    else stdout.write(`  ${commands} commands; ${others.join(', ') || 'nothing else'}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof TargetFault)) throw error;
    stderr.write(`qbm: ${target.name} cannot be had: ${error.message}\n`);
    return false;
  } finally {
    await target.close();
  }
}

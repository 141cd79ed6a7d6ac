/** `qbm fuzz`: random histories on a target beside the model. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { START_LIMIT_MS } from '../../case/run/attempt.js';
import { bounded, Interrupted } from '../../case/run/guard.js';
import { runSession, type SessionEnd } from '../../fuzz/campaign/engine.js';
import { plansIn, workersIn } from '../../fuzz/campaign/files.js';
import { findingsIn } from '../../fuzz/campaign/findings.js';
import { campaignId, type Plan, type Shard } from '../../fuzz/campaign/plan.js';
import type { Warn } from '../../fuzz/campaign/read/json.js';
import { newFindings, summarise, summaryText } from '../../fuzz/campaign/summary.js';
import type { World } from '../../fuzz/property.js';
import { shellWord } from '../../report/reporter.js';
import type { TargetChoice } from '../../target/parse.js';
import { closeAll } from '../../target/process.js';
import { type Identity, TargetFault } from '../../target/target.js';
import { type Environment, EXIT, UsageError } from '../environment.js';
import { seconds, targetOption } from '../options.js';
import { oneTarget } from '../suite.js';
import { refuseOtherThanCampaign, refuseUnmakeable, warnings } from './checks.js';
import { Line } from './line.js';
import { type KnownOptions, knownIn, withKnown, worldOf } from './world.js';

interface Options extends KnownOptions {
  readonly target?: readonly string[];
  readonly runs?: number;
  readonly time?: number;
  readonly seed?: number;
  readonly workers: number;
  readonly shard?: Shard;
  readonly out?: string;
  readonly resume?: string;
  readonly quick?: boolean;
  readonly limit: number;
  readonly memory: number;
}

const DEFAULT_TIME_MS = 60_000;
/** So long after the time of a quick campaign what is not small stays as it is. */
const QUICK_END_MS = 15_000;

const HELP = `
A campaign plays random histories on the target and on the model, makes what differs small, and keeps it in a
directory. Ctrl-C ends it at any time; --resume goes on, also after a kill.
What is damaged in the directory of a campaign is told on stderr, with what to do: records of rounds and findings are left
out, and the rounds played again; without its plan, or what says whose the rounds are, a campaign does not go on.

Exit codes: 0 nothing new was found, 1 something was, 2 the campaign could not go on, 64 usage, 130 interrupted.

Examples:
  qbm fuzz --target qsd --time 10m                all properties on qemu-storage-daemon
  qbm fuzz bitmap transaction --target qsd@/opt/qemu-10/bin --runs 10000 --seed 7
  qbm fuzz --target qsd --quick                   a minute for CI: fails on what is new and shows every time
  qbm fuzz --resume out/fuzz/1f2e3d4c --time 1h
  qbm fuzz --target qsd --seed 1 --shard 2/4      the second of four machines; copy the directories together
  qbm fuzz --resume all --shard 2/4               goes on with that part (not needed where it is the only one)
  qbm report out/fuzz/1f2e3d4c                    what a campaign came to`;

export function declareFuzz(program: Command, environment: Environment, done: (code: number) => void): void {
  let properties = '\nProperties: qbm fuzz --help lists them.';
  // Its help is printed while it is being parsed: what that has to know is loaded before.
  program.hook('preSubcommand', async (_, called) => {
    if (called.name() === 'fuzz') properties = propertiesText((await worldOf(environment)).WORLD);
  });
  const command = program
    .command('fuzz')
    .summary('play random histories on an implementation beside the model')
    .description('Plays random histories on an implementation beside the model and keeps what differs.')
    .argument('[property...]', 'what to look at (default: everything)')
    .addOption(targetOption('implementation to try (default: reference)'))
    .addOption(new Option('--runs <n>', 'histories in all').argParser(count(1e12)).conflicts('time'))
    .option('--time <duration>', 'how long: 60s, 10m, 2h (default: 60s)', duration)
    .option('--seed <n>', 'chooses the histories (default: another one each time)', count(2 ** 32 - 1, 0))
    .option('--workers <n>', 'worker processes, each with two of the target', count(64), 2)
    .option('--shard <i/n>', 'the i-th of n parts of the campaign, each run by itself', shard)
    .option('--out <dir>', 'directory of the campaign (default: out/fuzz/ID)')
    .addOption(new Option('--resume <dir>', 'go on with a campaign').conflicts(['out', 'seed']))
    .option('--quick', 'exit code 1 only for findings that are new and show every time')
    .option('--limit <seconds>', 'limit of one request', seconds, 10)
    .option('--memory <MiB>', 'a process of the target that grows beyond is replaced', count(1e6), 1024);
  withKnown(command)
    .addHelpText('after', () => properties)
    .addHelpText('after', HELP)
    .action(async (names: string[], options: Options) => {
      done(await fuzz(environment, names, options));
    });
}

function propertiesText({ properties }: World): string {
  const width = Math.max(...properties.map(({ name }) => name.length)) + 2;
  const lines = properties.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`);
  return `\nProperties:\n${lines.join('\n')}`;
}

async function fuzz(environment: Environment, names: string[], options: Options): Promise<number> {
  const world = await worldOf(environment);
  const known = knownIn(options);
  const { plan, directory } = planOf(names, options, world.WORLD);
  const warn = warnings(environment);
  const part = partOf(plan, directory, options, warn);
  const choice = await oneTarget(environment, plan.target);
  const { stderr, stdout, signal } = environment;
  const line = new Line(stderr);
  try {
    const identity = await identityOf(choice, signal);
    const where = `${part.of === 1 ? '' : `part ${partName(part)}, `}in ${directory}`;
    stderr.write(
      `${plan.target}: ${identity.program}; campaign ${campaignId(plan)}, seed ${plan.seed}, ${where}\n`,
    );
    const end = await runSession({
      directory,
      plan,
      shard: part,
      workers: options.workers,
      runs: options.runs ?? null,
      ms: options.runs === undefined ? (options.time ?? DEFAULT_TIME_MS) : null,
      endMs: options.quick === true ? QUICK_END_MS : null,
      limitMs: options.limit * 1000,
      memory: options.memory * 2 ** 20,
      identity,
      known: known.file,
      cases: known.cases,
      world: world.url,
      signal,
      onProgress: (progress) => line.show(progress),
      onFinding: ({ line: text, state }) => line.say(`${state}: ${text}`),
      onWarning: (text) => {
        line.clear();
        warn(text);
      },
    });
    line.clear();
    const summary = summarise(directory, world.WORLD, known.of, warn);
    stdout.write(summaryText(summary, directory));
    tell(end, directory, part, stderr);
    if (end.isInterrupted) return EXIT.interrupted;
    if (end.failure !== null) return EXIT.failed;
    if (summary.rounds.every(({ outcome }) => outcome === 'none' || outcome === 'unplayable')) {
      const why =
        summary.rounds.length === 0
          ? 'the time was over before'
          : `${plan.target} cannot do what these properties need`;
      stderr.write(`qbm: nothing was played: ${why}\n`);
      return EXIT.failed;
    }
    return newFindings(summary, options.quick === true).length > 0 ? EXIT.unexpected : EXIT.ok;
  } finally {
    line.clear();
    await closeAll();
  }
}

/** A campaign that was named, or a new one. @throws {UsageError} */
function planOf(names: readonly string[], options: Options, world: World): { plan: Plan; directory: string } {
  const all = world.properties.map(({ name }) => name);
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined)
    throw new UsageError(`no such property: ${unknown}; there are ${all.join(', ')}`);
  if (options.target !== undefined && options.target.length > 1)
    throw new UsageError('a campaign has one target: start one for each');
  if (options.resume === undefined) {
    const plan: Plan = {
      target: options.target?.[0] ?? 'reference',
      properties: all.filter((name) => names.length === 0 || names.includes(name)),
      seed: options.seed ?? Math.floor(Math.random() * 2 ** 32),
    };
    if (options.out !== undefined) refuseUnmakeable(options.out, '--out');
    return { plan, directory: options.out ?? join('out', 'fuzz', campaignId(plan)) };
  }
  refuseOtherThanCampaign(options.resume);
  const plans = plansIn(options.resume);
  const [plan] = plans;
  if (plan === undefined) throw new UsageError(`there is no campaign in ${options.resume}`);
  if (plans.length > 1) throw new UsageError(`there are ${plans.length} campaigns in ${options.resume}`);
  if (options.target !== undefined && options.target[0] !== plan.target)
    throw new UsageError(`that campaign is one of ${plan.target}: leave --target out`);
  if (names.length > 0) throw new UsageError('that campaign has its properties: leave them out');
  const gone = plan.properties.find((name) => !all.includes(name));
  if (gone !== undefined) throw new UsageError(`that campaign has a property that is no more: ${gone}`);
  return { plan, directory: options.resume };
}

/** The part that was named; else the one that is to go on; else all of it. @throws {UsageError} {@link ProblemError} */
function partOf(plan: Plan, directory: string, { shard: named, resume }: Options, warn: Warn): Shard {
  const whole = { index: 1, of: 1 };
  if (resume === undefined) {
    refuseUsed(directory, plan, named ?? whole);
    return named ?? whole;
  }
  const workers = workersIn(directory, warn);
  // What is damaged is told before hours are spent on it.
  findingsIn(workers, warn);
  if (named !== undefined) return named;
  const ours = workers.map(({ info }) => info).filter(({ campaign }) => campaign === campaignId(plan));
  const parts = new Map(ours.map(({ shard: one }) => [partName(one), one]));
  if (parts.size <= 1) return [...parts.values()][0] ?? whole;
  const names = [...parts.keys()];
  throw new UsageError(
    `there are parts ${names.slice(0, -1).join(', ')} and ${names.at(-1)} in ${directory}: ` +
      `say which one is to go on, for instance --shard ${names[0]}`,
  );
}

function partName({ index, of }: Shard): string {
  return `${index}/${of}`;
}

/** Two campaigns must not be mixed up by mistake; other shards of the same one are welcome. */
function refuseUsed(directory: string, plan: Plan, { index, of }: Shard): void {
  if (!existsSync(directory)) return;
  const others = plansIn(directory).filter((one) => campaignId(one) !== campaignId(plan));
  const isUsed = workersIn(directory).some(({ info }) => info.shard.index === index && info.shard.of === of);
  if (others.length === 0 && !isUsed) return;
  throw new UsageError(
    `there is a campaign in ${directory}: go on with --resume ${shellWord(directory)}, or name another --out`,
  );
}

/** @throws TargetFault when it cannot be started, or not be spoken to */
async function identityOf(choice: TargetChoice, signal: AbortSignal): Promise<Identity> {
  const target = choice.create();
  try {
    return await bounded(target.identify(), START_LIMIT_MS, `starting ${choice.name}`, signal);
  } catch (error) {
    if (!(error instanceof TargetFault) || error instanceof Interrupted) throw error;
    throw new TargetFault(error.kind, `the campaign was not begun: ${error.message}`);
  } finally {
    await target.close().catch(() => {});
  }
}

function tell(end: SessionEnd, directory: string, part: Shard, stderr: Environment['stderr']): void {
  for (const why of new Set(end.replaced)) stderr.write(`qbm: ${why} and was replaced\n`);
  if (end.failure !== null) stderr.write(`qbm: the campaign could not go on: ${end.failure}\n`);
  if (end.failure === null && !end.isInterrupted) return;
  const again = part.of === 1 ? '' : ` --shard ${partName(part)}`;
  stderr.write(`qbm: to go on: qbm fuzz --resume ${shellWord(directory)}${again}\n`);
}

function count(most: number, least = 1): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() !== '' && Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`A whole number from ${least} to ${most} was expected.`);
  };
}

/** Milliseconds. */
function duration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)(s|m|h)?$/.exec(text) ?? [];
  const ms = Number(number) * { s: 1000, m: 60_000, h: 3_600_000 }[(unit ?? 's') as 's' | 'm' | 'h'];
  // A timer cannot wait longer than 2^31 - 1 ms.
  if (ms > 0 && ms < 2 ** 31) return ms;
  throw new InvalidArgumentError('A time like 60s, 10m or 2h was expected, at most 24 days.');
}

function shard(text: string): Shard {
  const [, index, of] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
  const found = { index: Number(index), of: Number(of) };
  if (found.index >= 1 && found.index <= found.of) return found;
  throw new InvalidArgumentError('A shard like 2/4 was expected: the second of four.');
}

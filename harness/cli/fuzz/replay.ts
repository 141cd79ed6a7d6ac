/** `qbm replay`: findings, cases and whole campaigns again, also on another target: what is fixed, and what is new. */
import { existsSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { loadCase, loadSuite } from '../../case/load/load.js';
import { Interrupted } from '../../case/run/guard.js';
import { workersIn } from '../../fuzz/campaign/files.js';
import { findingsIn, readFinding, readHistory } from '../../fuzz/campaign/findings.js';
import type { Warn } from '../../fuzz/campaign/read/json.js';
import { isAlike, isBad, type Signature, signatureOf } from '../../fuzz/finding/signature.js';
import type { History, Outcome } from '../../fuzz/history.js';
import type { TargetChoice } from '../../target/parse.js';
import { closeAll } from '../../target/process.js';
import { type Environment, EXIT, packageRoot, places, UsageError } from '../environment.js';
import { seconds, targetOption } from '../options.js';
import { chosenTargets } from '../suite.js';
import { refuseOtherThanDirectory, warnings } from './checks.js';
import { worldOf } from './world.js';

interface Options {
  readonly target?: readonly string[];
  readonly cases?: string;
  readonly times: string;
  readonly limit: number;
}

/** Something to play again. */
interface Item {
  readonly name: string;
  readonly history: History;
  /** what it showed; undefined of a case: that it shows nothing is as expected, or a listed deviation */
  readonly signature: Signature | undefined;
  /** the target that it was found on */
  readonly target: string | undefined;
}

const HELP = `
What is named may be the directory of a finding, that of a campaign (all its findings), a history or case file, a case by its
id, or a directory of cases.

Exit codes: 0 everything shows what it showed before, 1 something is fixed or shows otherwise, 2 the target cannot be had,
or a finding that is named is damaged (of a campaign it is left out, with a warning), 64 usage, 130 interrupted.

Examples:
  qbm replay out/fuzz/1f2e3d4c/workers/…/findings/0a1b2c3d4e5f
  qbm replay out/fuzz/1f2e3d4c --target qsd@/opt/qemu-10/bin     what of it is fixed there
  qbm replay cases/regressions --target qsd                      every regression again
  qbm replay merge-empty-list --target qsd`;

export function declareReplay(
  program: Command,
  environment: Environment,
  done: (code: number) => void,
): void {
  program
    .command('replay')
    .summary('play findings, or cases, again')
    .description('Plays findings, campaigns or cases again, and says what they show now.')
    .argument('<what...>', 'finding, campaign, history or case')
    .addOption(targetOption('where; may be repeated (default: the one that it was found on)'))
    .option('--times <n>', 'how often each is played', '3')
    .option('--limit <seconds>', 'limit of one request', seconds, 10)
    .option('--cases <dir>', 'directory of cases (default: those of the package)')
    .addHelpText('after', HELP)
    .action(async (what: string[], options: Options) => {
      done(await replay(environment, what, options));
    });
}

async function replay(environment: Environment, what: readonly string[], options: Options): Promise<number> {
  const [times, limitMs] = [Number(options.times), options.limit * 1000];
  if (!Number.isInteger(times) || times < 1) throw new UsageError('--times is a whole number from 1 on');
  if (options.cases !== undefined) refuseOtherThanDirectory(options.cases, '--cases');
  const warn = warnings(environment);
  const items = what.flatMap((one) => itemsOf(one, options, warn));
  if (items.length === 0) throw new UsageError(`there is nothing to play in ${what.join(', ')}`);
  const named = options.target === undefined ? null : await chosenTargets(environment, options.target);
  const groups = new Map<string, { choice: TargetChoice; items: Item[] }>();
  for (const item of items) {
    for (const choice of named ?? (await chosenTargets(environment, [item.target ?? 'reference']))) {
      const group = groups.get(choice.name) ?? { choice, items: [] };
      group.items.push(item);
      groups.set(choice.name, group);
    }
  }
  let code: number = EXIT.ok;
  try {
    for (const { choice, items } of groups.values()) {
      environment.stdout.write(`${choice.name}\n`);
      const worst = await replayOn(environment, choice, items, { times, limitMs });
      code = Math.max(code, worst);
    }
  } catch (error) {
    if (error instanceof Interrupted) return EXIT.interrupted;
    throw error;
  } finally {
    await closeAll();
  }
  return environment.signal.aborted ? EXIT.interrupted : code;
}

async function replayOn(
  environment: Environment,
  choice: TargetChoice,
  items: readonly Item[],
  { times, limitMs }: { readonly times: number; readonly limitMs: number },
): Promise<number> {
  const { WORLD } = await worldOf(environment);
  const { signal, stdout } = environment;
  const prober = WORLD.prober(choice, { limitMs, signal });
  let code: number = EXIT.ok;
  try {
    for (const item of items) {
      const outcomes: Outcome[] = [];
      for (let i = 0; i < times; i++) outcomes.push(await prober.probe(item.history));
      const fault = outcomes.find((outcome) => outcome.kind === 'surroundings');
      if (fault?.kind === 'surroundings') {
        environment.stderr.write(`qbm: ${fault.message}\n`);
        return EXIT.failed;
      }
      const { text, isAsBefore, detail } = verdictOf(item, outcomes);
      stdout.write(`  ${text.padEnd(10)} ${item.name}${detail === '' ? '' : `\n${detail}`}\n`);
      if (!isAsBefore) code = EXIT.unexpected;
    }
  } finally {
    await prober.close();
  }
  return code;
}

function verdictOf(
  { history, signature }: Item,
  outcomes: readonly Outcome[],
): { text: string; isAsBefore: boolean; detail: string } {
  const bad = outcomes.filter(isBad);
  const unplayable = outcomes.find((outcome) => outcome.kind === 'unplayable');
  if (unplayable?.kind === 'unplayable')
    return { text: 'skip', isAsBefore: true, detail: `             ${unplayable.message}` };
  const shown = bad.map((outcome) => signatureOf(history, outcome));
  const same = signature === undefined ? [] : shown.filter((one) => isAlike(one, signature));
  const odds = `${bad.length} of ${outcomes.length} times`;
  if (bad.length === 0)
    return {
      text: signature === undefined ? 'same' : 'fixed',
      isAsBefore: signature === undefined,
      detail: '',
    };
  const [outcome] = bad;
  const detail = [
    `             ${shown[0]!.kind} at ${shown[0]!.where}: ${shown[0]!.what} (${odds})`,
    ...(outcome!.kind === 'differs'
      ? [...marked(outcome!.expected, '-'), ...marked(outcome!.observed, '+')]
      : [`             ${outcome!.message.split('\n')[0]}`]),
  ].join('\n');
  if (signature === undefined) return { text: 'deviates', isAsBefore: true, detail };
  if (same.length > 0) return { text: 'still', isAsBefore: true, detail };
  return { text: 'otherwise', isAsBefore: false, detail };
}

/** More of a line is in the transcript beside the finding. */
function short(line: string): string {
  return line.length <= 300 ? line : `${line.slice(0, 200)} … ${line.slice(-90)}`;
}

function marked(lines: readonly string[], mark: string): string[] {
  return lines.slice(0, 20).map((line) => `             ${mark} ${short(line)}`);
}

/** @throws {UsageError} {@link ProblemError} */
function itemsOf(what: string, options: Options, warn: Warn): Item[] {
  if (!existsSync(what)) return caseItems(what, options);
  if (!statSync(what).isDirectory()) return [fileItem(what)];
  if (existsSync(join(what, 'found.json'))) return findingItems(what);
  if (existsSync(join(what, 'workers')))
    return findingsIn(workersIn(what, warn), warn).flatMap(({ files }) => findingItems(files.path));
  const { cases } = loadSuite(join(what, '..'));
  return cases.filter(({ area }) => area === basename(what)).map((found) => caseItem(found));
}

function findingItems(path: string): Item[] {
  const files = readFinding(path);
  if (files === null) return [];
  const { minimal, found, history } = files;
  const { signature } = minimal ?? found;
  const name = `${minimal?.id ?? basename(path)}  ${signature.kind} at ${signature.where}: ${signature.what}`;
  return [{ name, history: minimal?.history ?? history, signature, target: found.target }];
}

function fileItem(path: string): Item {
  try {
    return { name: path, history: readHistory(path), signature: undefined, target: undefined };
  } catch {
    return caseItem(loadCase(path));
  }
}

function caseItems(id: string, options: Options): Item[] {
  const where = options.cases ?? places({}).cases;
  const found = loadSuite(where).cases.find((one) => one.id === id || `${one.area}/${one.id}` === id);
  if (found === undefined) {
    throw new UsageError(`"${id}" is no finding, campaign, history or case (in ${where || packageRoot()})`);
  }
  return [caseItem(found)];
}

function caseItem({ id, area, formats, requires, steps }: ReturnType<typeof loadCase>): Item {
  const history: History = { property: area, format: formats[0]!, requires, steps };
  return { name: `${area}/${id}`, history, signature: undefined, target: undefined };
}

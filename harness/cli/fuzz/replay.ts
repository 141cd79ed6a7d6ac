/** `qbm replay`: findings, cases and whole campaigns again, also on another target: what is fixed, and what is new. */
import { existsSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import type { Case } from '../../case/case.js';
import { loadCase, loadSuite } from '../../case/load/load.js';
import { ProblemError } from '../../case/load/problem.js';
import { Interrupted } from '../../case/run/guard.js';
import { workersIn } from '../../fuzz/campaign/files.js';
import { findingsIn, readFinding, readHistory } from '../../fuzz/campaign/findings.js';
import type { Warn } from '../../fuzz/campaign/read/json.js';
import { isAlike, isBad, type Signature, signatureOf } from '../../fuzz/finding/signature.js';
import type { History, Outcome, Prober } from '../../fuzz/history.js';
import type { TargetChoice } from '../../target/parse.js';
import { closeAll } from '../../target/process.js';
import { type Environment, EXIT, packageRoot, places, UsageError } from '../environment.js';
import { seconds, targetOption } from '../options.js';
import { chosenTargets } from '../suite.js';
import { refuseOtherThanDirectory, warnings } from './checks.js';
import { type Golden, goldenOf, indented, type ListFor, listFor, type Verdict, verified } from './verify.js';
import { worldOf } from './world.js';

interface Options {
  readonly target?: readonly string[];
  readonly cases?: string;
  readonly expected?: string;
  readonly times: string;
  readonly limit: number;
}

/** Something to play again. */
interface Item {
  readonly name: string;
  readonly history: History;
  /** what it showed; undefined of a case, and of a history by itself */
  readonly signature: Signature | undefined;
  /** the case that it is, if that has a golden */
  readonly golden: Golden | null;
  /** the target that it was found on */
  readonly target: string | undefined;
}

const HELP = `
What is named may be the directory of a finding, that of a campaign (all its findings), a history or case file, a case by its
id, or a directory of cases.

A finding shows what it showed ("still"), nothing ("fixed"), or something else ("otherwise"). A case is compared with its golden,
the whole transcript, and with the expected deviations listed for it on targets of this kind, whatever their versions:
  still      it deviates as an entry says, or in a part of that; what ends the target does so at the same step
  fixed      it gives the golden, though an entry says otherwise of this version, or of one before
  same       it gives the golden, and no entry says otherwise of this version, or of one before
  new        it deviates as no entry says
  skip       the target cannot do what it needs
A case without a golden, and a history that is no finding, is played beside the model: "same", or "deviates". Of several times
the worst counts. The last line counts what was said.

Exit codes: 0 otherwise, 1 a finding is fixed or shows otherwise, or a case is new, 2 the target cannot be had, or a finding that
is named is damaged (of a campaign it is left out, with a warning), 64 usage, 130 interrupted.

Examples:
  qbm replay out/fuzz/1f2e3d4c/workers/…/findings/0a1b2c3d4e5f
  qbm replay out/fuzz/1f2e3d4c --target qsd@/opt/qemu-10/bin     what of it is fixed there
  qbm replay cases/regressions --target qsd@/opt/qemu-10/bin     every regression there: what is fixed, what is new
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
    .option('--expected <file>', "expected deviations of an implementation that is not the project's own")
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
  if (options.expected !== undefined && (options.target?.length ?? 0) > 1)
    throw new UsageError('--expected is the list of one target: play on the others by themselves');
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
      const list = listFor(choice, options.expected);
      const worst = await replayOn(environment, choice, items, { times, limitMs, list });
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
  { times, limitMs, list }: { readonly times: number; readonly limitMs: number; readonly list: ListFor },
): Promise<number> {
  const { WORLD } = await worldOf(environment);
  const { signal, stdout } = environment;
  const prober = WORLD.prober(choice, { limitMs, signal });
  const counts = new Map<string, number>();
  let code: number = EXIT.ok;
  try {
    for (const item of items) {
      const { golden } = item;
      const verdict =
        golden === null
          ? await played(prober, item, times)
          : await verified(environment, choice, golden, { entries: list(golden), times, limitMs });
      if (typeof verdict === 'string') {
        environment.stderr.write(`qbm: ${verdict}\n`);
        return EXIT.failed;
      }
      const { text, isAsBefore, detail } = verdict;
      stdout.write(`  ${text.padEnd(10)} ${item.name}${detail === '' ? '' : `\n${detail}`}\n`);
      counts.set(text, (counts.get(text) ?? 0) + 1);
      if (!isAsBefore) code = EXIT.unexpected;
    }
  } finally {
    await prober.close();
  }
  stdout.write(`  ${items.length} played: ${countsText(counts)}\n`);
  return code;
}

/** The worst first. */
const TEXTS = ['new', 'otherwise', 'still', 'deviates', 'fixed', 'same', 'skip'];

function countsText(counts: ReadonlyMap<string, number>): string {
  const shown = TEXTS.filter((text) => counts.has(text));
  return shown.map((text) => `${counts.get(text)} ${text}`).join(', ');
}

/** Beside the model. A text: why the target cannot be had. */
async function played(prober: Prober, item: Item, times: number): Promise<Verdict | string> {
  const outcomes: Outcome[] = [];
  for (let i = 0; i < times; i++) outcomes.push(await prober.probe(item.history));
  const fault = outcomes.find((outcome) => outcome.kind === 'surroundings');
  return fault?.kind === 'surroundings' ? fault.message : verdictOf(item, outcomes);
}

function verdictOf({ history, signature }: Item, outcomes: readonly Outcome[]): Verdict {
  const bad = outcomes.filter(isBad);
  const unplayable = outcomes.find((outcome) => outcome.kind === 'unplayable');
  if (unplayable?.kind === 'unplayable')
    return { text: 'skip', isAsBefore: true, detail: indented(unplayable.message) };
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
    indented(`${shown[0]!.kind} at ${shown[0]!.where}: ${shown[0]!.what} (${odds})`),
    ...(outcome!.kind === 'differs'
      ? [...marked(outcome!.expected, '-'), ...marked(outcome!.observed, '+')]
      : [indented(outcome!.message.split('\n')[0]!)]),
  ].join('\n');
  if (signature === undefined) return { text: 'deviates', isAsBefore: true, detail };
  if (same.length > 0) return { text: 'still', isAsBefore: true, detail };
  return { text: 'otherwise', isAsBefore: false, detail };
}

function marked(lines: readonly string[], mark: string): string[] {
  return lines.slice(0, 20).map((line) => indented(`${mark} ${line}`));
}

/** @throws {UsageError} {@link ProblemError} */
function itemsOf(what: string, options: Options, warn: Warn): Item[] {
  if (!existsSync(what)) return caseItems(what, options);
  if (!statSync(what).isDirectory()) return [fileItem(what)];
  if (existsSync(join(what, 'found.json'))) return findingItems(what);
  if (existsSync(join(what, 'workers')))
    return findingsIn(workersIn(what, warn), warn).flatMap(({ files }) => findingItems(files.path));
  const { cases, problems } = loadSuite(join(what, '..'), ({ area }) => area === basename(resolve(what)));
  if (problems.length > 0) throw new ProblemError(problems);
  return cases.map((found) => caseItem(found));
}

function findingItems(path: string): Item[] {
  const files = readFinding(path);
  if (files === null) return [];
  const { minimal, found, history } = files;
  const { signature } = minimal ?? found;
  const name = `${minimal?.id ?? basename(path)}  ${signature.kind} at ${signature.where}: ${signature.what}`;
  return [{ name, history: minimal?.history ?? history, signature, golden: null, target: found.target }];
}

function fileItem(path: string): Item {
  try {
    return { name: path, history: readHistory(path), signature: undefined, golden: null, target: undefined };
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

function caseItem(found: Case): Item {
  const { id, area, formats, requires, steps } = found;
  const history: History = { property: area, format: formats[0]!, requires, steps };
  return { name: `${area}/${id}`, history, signature: undefined, golden: goldenOf(found), target: undefined };
}

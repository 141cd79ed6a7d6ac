/** `qbm promote`: a finding becomes a regression case, with its golden and what the targets are known to do otherwise. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { Command } from 'commander';
import { textIfThere } from '../../case/load/text.js';
import { type FindingFiles, readFinding } from '../../fuzz/campaign/findings.js';
import { knownText, readKnown } from '../../fuzz/campaign/known.js';
import { AREA, type PromoteOptions, type Promotion, PromotionError, promotion } from '../../fuzz/promote.js';
import { expectedText, readExpected } from '../../golden/expected.js';
import { goldenPath, writeWhole } from '../../golden/golden.js';
import { findInPath, type TargetChoice } from '../../target/parse.js';
import { closeAll } from '../../target/process.js';
import { QEMU_SYSTEM_PROGRAM } from '../../target/qmp/qemu-system.js';
import { QSD_PROGRAM } from '../../target/qmp/qsd.js';
import { type Environment, EXIT, type Places, places, UsageError } from '../environment.js';
import { seconds, targetOption } from '../options.js';
import { chosenTargets, expectedFile, ruleTitles } from '../suite.js';
import { type KnownOptions, knownIn, withKnown, worldOf } from './world.js';

interface Options extends KnownOptions {
  readonly target?: readonly string[];
  readonly id?: string;
  readonly title?: string;
  readonly rule?: readonly string[];
  readonly reason?: string;
  readonly link?: string;
  readonly golden?: string;
  readonly expected?: string;
  readonly limit: number;
}

const HELP = `
Writes cases/${AREA}/ID.yaml, its golden (what the specification says), the expected deviation of every target that does
otherwise, and an entry in the list of known findings, by which campaigns count it and report it no more: the
file that --known names is made if it is not there, in a directory that is. Read what was written
before you commit it: names and title are for people.

Exit codes: 0 promoted, 1 it cannot be a case, 2 something failed, 64 usage, 130 interrupted.

Example:
  qbm promote out/fuzz/1f2e3d4c/workers/…/findings/0a1b2c3d4e5f --id merge-of-nothing \\
      --title 'A merge with an empty list of sources is refused, or does nothing' \\
      --reason 'QEMU 7.2.22 ends: a null pointer in the merge'`;

export function declarePromote(
  program: Command,
  environment: Environment,
  done: (code: number) => void,
): void {
  const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];
  const command = program
    .command('promote')
    .summary('make a finding a regression case')
    .description(
      'Makes a finding a regression case with its golden and the expected deviations, in one command.',
    )
    .argument('<finding>', 'directory of the finding')
    .option('--id <slug>', 'of the case (default: from its signature)')
    .option('--title <text>', 'of the case: what is right, in one line')
    .option('--rule <id>', 'a rule that it checks; may be repeated (default: those of the property)', collect)
    .option('--reason <text>', 'why the target is wrong: stands beside the expected deviation')
    .option('--link <url>', 'where more is to be read')
    .addOption(
      targetOption(
        'targets to list; may be repeated (default: the one of the finding, and the installed QEMU)',
      ),
    )
    .option('--limit <seconds>', 'limit of one request', seconds, 10)
    .option('--golden <dir>', 'directory of goldens (default: "golden" beside the cases)')
    .option('--expected <file>', "the list of a target that is not the project's own");
  withKnown(command)
    .addHelpText('after', HELP)
    .action(async (finding: string, options: Options) => {
      done(await promote(environment, finding, options));
    });
}

async function promote(environment: Environment, path: string, options: Options): Promise<number> {
  const files = readFinding(path);
  if (files === null) throw new UsageError(`${path} is no finding: it has no found.json`);
  const reason = options.reason?.trim() ?? '';
  const known = knownIn(options, true);
  if (reason === '') throw new UsageError('promote needs --reason TEXT: why is the target wrong?');
  const where = places(options);
  const settings = await settingsOf(environment, files, options, reason);
  const casePath = join(where.cases, AREA, `${settings.id}.yaml`);
  if (existsSync(casePath)) throw new UsageError(`${casePath} is there already: choose another --id`);
  try {
    const promoted = await promotion(files, settings);
    if (environment.signal.aborted) return EXIT.interrupted;
    writeAll(environment, promoted, { targets: settings.targets, where, list: known.file }, options);
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof PromotionError)) throw error;
    if (environment.signal.aborted) return EXIT.interrupted;
    environment.stderr.write(`qbm: ${path}: not promoted: ${error.message}\n`);
    return EXIT.unexpected;
  } finally {
    await closeAll();
  }
}

async function settingsOf(
  environment: Environment,
  files: FindingFiles,
  options: Options,
  reason: string,
): Promise<PromoteOptions> {
  const { found, history, minimal } = files;
  const { WORLD } = await worldOf(environment);
  const { signature, id: short } = minimal ?? { signature: found.signature, id: found.signature.id };
  const id = options.id ?? slug(`${signature.where} ${signature.kind} ${short.slice(0, 6)}`);
  if (slug(id) !== id) throw new UsageError(`--id "${id}": small letters and digits with "-" between them`);
  const titleOf = ruleTitles();
  const strange = options.rule?.find((rule) => titleOf(rule) === undefined);
  if (strange !== undefined)
    throw new UsageError(`--rule ${strange}: there is no such rule; qbm rules lists them`);
  const rules = options.rule ?? WORLD.properties.find(({ name }) => name === history.property)?.rules;
  if (rules === undefined) throw new UsageError(`no property is called "${history.property}": name a --rule`);
  const title =
    options.title ??
    `${signature.where}: expected is what ${found.target} does otherwise (${signature.kind})`;
  return {
    id,
    title: title.slice(0, 120),
    rules,
    reason,
    link: options.link,
    targets: await targetsOf(environment, found.target, options.target),
    limitMs: options.limit * 1000,
    signal: environment.signal,
    errorId: environment.errorId,
  };
}

/** Those named; else the finding's, and the QEMU programs for which the project keeps lists. */
async function targetsOf(
  environment: Environment,
  target: string,
  named: readonly string[] | undefined,
): Promise<TargetChoice[]> {
  if (named !== undefined) return chosenTargets(environment, named);
  const own = [
    ...(findInPath(QSD_PROGRAM) === null ? [] : ['qsd']),
    ...(findInPath(QEMU_SYSTEM_PROGRAM) === null ? [] : ['qemu-system']),
  ];
  const isQemu = /^(?:qsd|qemu-system)(?:@|$)/.test(target);
  return chosenTargets(environment, [target, ...(isQemu ? own : [])]);
}

function writeAll(
  { stdout, stderr }: Environment,
  promoted: Promotion,
  { targets, where, list }: { targets: readonly TargetChoice[]; where: Places; list: string },
  options: Options,
): void {
  const { found, deviations, known } = promoted;
  const write = (path: string, text: string): void => {
    writeWhole(path, text);
    stdout.write(`${relative(process.cwd(), path)}\n`);
  };
  write(join(where.cases, AREA, `${found.id}.yaml`), promoted.caseText);
  write(goldenPath(where.goldens, found), promoted.goldenText);
  for (const target of targets) {
    const deviation = deviations.get(target.name);
    if (deviation === undefined) {
      stdout.write(
        `${target.name}: ${promoted.results.find((one) => one.target === target.name)?.verdict}\n`,
      );
      continue;
    }
    const file = options.expected ?? (options.cases === undefined ? expectedFile(target) : undefined);
    if (file === undefined) {
      stderr.write(
        `qbm: ${target.name} does otherwise; name its list with --expected to have it listed:\n${deviation.hunk}\n`,
      );
      continue;
    }
    const before = readExpected(file);
    const isThere = before.some((one) => one.case === deviation.case && one.hunk === deviation.hunk);
    const versions = isThere ? mergedVersions(before, deviation) : [...before, deviation];
    write(file, expectedText(versions, textIfThere(file)));
  }
  write(list, knownText([...readKnown(list), known], textIfThere(list)));
}

/** The list with the version of a deviation added to the entry that is there. */
function mergedVersions(
  before: ReturnType<typeof readExpected>,
  { case: id, hunk, versions }: ReturnType<typeof readExpected>[number],
): ReturnType<typeof readExpected> {
  return before.map((entry) =>
    entry.case === id && entry.hunk === hunk && entry.versions.length > 0
      ? { ...entry, versions: [...new Set([...entry.versions, ...versions])] }
      : entry,
  );
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replace(/block-dirty-bitmap-/g, 'bitmap-')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 80)
    .replace(/-+$/, '');
}

/** What subcommands share: the suite of cases, the titles of rules, the choice of targets. */
import { join } from 'node:path';
import type { Case } from '../case/case.js';
import { type CaseFile, loadSuite } from '../case/load/load.js';
import { ProblemError } from '../case/load/problem.js';
import { maySelect, SelectorError, select } from '../case/select.js';
import { readRules } from '../rules/prose.js';
import { filesBelow } from '../rules/scan.js';
import type { TargetChoice } from '../target/parse.js';
import { type Environment, type Places, packageRoot, UsageError } from './environment.js';

export interface Selected {
  readonly chosen: readonly Case[];
  /** all cases there are: of those that were not selected nothing else is known */
  readonly ids: ReadonlySet<string>;
}

/**
 * The cases that are selected; all, if there are no selectors. Only files that may be selected are read.
 * @throws {ProblemError} if any of them has a problem
 * @throws {UsageError} for a selector that names nothing
 */
export function selectedCases(where: Places, selectors: readonly string[]): Selected {
  const ids = new Set<string>();
  const mayBe = selectors.length === 0 ? () => true : maySelect(selectors);
  const cases = casesOf(where, (file) => {
    ids.add(file.id);
    return mayBe(file);
  });
  try {
    return { chosen: select(cases, selectors), ids };
  } catch (error) {
    if (!(error instanceof SelectorError)) throw error;
    throw new UsageError(nothingSelected(where, selectors));
  }
}

/** Every case. @throws {ProblemError} */
export function allCases(where: Places): readonly Case[] {
  return casesOf(where);
}

function casesOf(where: Places, isWanted?: (file: CaseFile) => boolean): readonly Case[] {
  const { cases, problems } = loadSuite(where.cases, isWanted);
  if (problems.length > 0) throw new ProblemError(problems);
  return cases;
}

/** Which case may have been meant can only be told by who knows all of them. */
function nothingSelected(where: Places, selectors: readonly string[]): string {
  try {
    select(allCases(where), selectors);
  } catch (error) {
    if (error instanceof SelectorError) return error.message;
    throw error;
  }
  throw new Error('a selector selects among all cases what it does not select among some');
}

/** Titles of rules, read from the prose when the first is asked for. */
export function ruleTitles(): (id: string) => string | undefined {
  let titles: Map<string, string> | undefined;
  return (id) => {
    titles ??= new Map(
      readRules(filesBelow(join(packageRoot(), 'spec'), '.md')).rules.map((rule) => [rule.id, rule.title]),
    );
    return titles.get(id);
  };
}

/** The targets that these texts name, each once. @throws {UsageError} */
export async function chosenTargets(
  environment: Environment,
  texts: readonly string[],
): Promise<TargetChoice[]> {
  const chosen = new Map<string, TargetChoice>();
  for (const text of texts.length === 0 ? ['reference'] : texts) {
    for (const choice of await environment.targets(text)) chosen.set(choice.name, choice);
  }
  return [...chosen.values()];
}

/** The one target that a text names. @throws {UsageError} */
export async function oneTarget(environment: Environment, text: string): Promise<TargetChoice> {
  const chosen = await chosenTargets(environment, [text]);
  if (chosen.length !== 1) {
    const names = chosen.map((choice) => choice.name).join(', ');
    throw new UsageError(`"${text}" is ${chosen.length} targets (${names}): name one`);
  }
  return chosen[0]!;
}

/** Where the expected deviations of a target are kept, for the kinds that the project knows; else undefined. */
export function expectedFile(target: TargetChoice): string | undefined {
  if (target.kind === 'qmp' || target.kind === 'adapter') return undefined;
  return join(packageRoot(), 'harness', 'target', `${target.kind}.expected.yaml`);
}

/** What subcommands share: the suite of cases, the titles of rules, the choice of targets. */
import { join } from 'node:path';
import type { Case } from '../case/case.js';
import { loadSuite } from '../case/load/load.js';
import { ProblemError } from '../case/load/problem.js';
import { SelectorError, select } from '../case/select.js';
import { readRules } from '../rules/prose.js';
import { filesBelow } from '../rules/scan.js';
import type { TargetChoice } from '../target/parse.js';
import { type Environment, type Places, packageRoot, UsageError } from './environment.js';

/**
 * All cases, and those selected.
 * @throws {ProblemError} if any file has a problem, selected or not
 * @throws {UsageError} for a selector that names nothing
 */
export function selectedCases(
  where: Places,
  selectors: readonly string[],
): { all: readonly Case[]; chosen: readonly Case[] } {
  const { cases, problems } = loadSuite(where.cases);
  if (problems.length > 0) throw new ProblemError(problems);
  try {
    return { all: cases, chosen: select(cases, selectors) };
  } catch (error) {
    if (error instanceof SelectorError) throw new UsageError(error.message);
    throw error;
  }
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

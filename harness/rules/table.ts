/** The table rule -> level -> code -> cases -> mutants -> verdict for each target, and what is missing in it. */
import { relative } from 'node:path';
import type { Case } from '../case/case.js';
import { displayPath } from '../case/load/load.js';
import type { Problem } from '../case/load/problem.js';
import type { ResultLine, Verdict } from '../case/run/results.js';
import { type Rule, readRules } from './prose.js';
import { filesBelow, idsInTests, scanCode, testsBelow } from './scan.js';

export interface RuleRow {
  readonly rule: Rule;
  /** files below spec/ that name it, relative to spec/ */
  readonly code: readonly string[];
  /** ids of the cases that check it */
  readonly cases: readonly string[];
  /** `example` if the prose has one that is executed; then tests below spec/ that name it, relative to spec/ */
  readonly tests: readonly string[];
  /** planted mistakes that break it: none are there yet */
  readonly mutants: readonly string[];
  /** by target: the worst verdict of its cases in the last run */
  readonly verdicts: ReadonlyMap<string, Verdict>;
}

export interface RuleTable {
  readonly rows: readonly RuleRow[];
  /** targets of the last run, in order */
  readonly targets: readonly string[];
  /** rules without code, or with neither case nor test, ids without a rule, badly written headings */
  readonly problems: readonly Problem[];
}

/** From bad to good: what a rule's cell shows when its cases differ. */
const WORST_FIRST: readonly Verdict[] = [
  'error',
  'crash',
  'hang',
  'fail',
  'unmapped-error',
  'stale',
  'deviates',
  'pass',
  'allowed',
  'skip',
];

/** Builds the table from the prose and code below `spec`, the cases, and the results of a run if there are any. */
export function ruleTable(spec: string, cases: readonly Case[], results: readonly ResultLine[]): RuleTable {
  const { rules, problems } = readRules(filesBelow(spec, '.md'));
  const code = scanCode(filesBelow(spec, '.ts'));
  const tests = idsInTests(testsBelow(spec));
  const targets = [...new Set(results.map((result) => result.target))];
  const rows = rules.map((rule): RuleRow => {
    const own = cases.filter((found) => found.rules.includes(rule.id)).map((found) => found.id);
    const verdicts = new Map<string, Verdict>();
    for (const target of targets) {
      const met = results.filter((result) => result.target === target && result.rules.includes(rule.id));
      const worst = WORST_FIRST.find((verdict) => met.some((result) => result.verdict === verdict));
      if (worst !== undefined) verdicts.set(target, worst);
    }
    const files = [...code].filter(([, ids]) => ids.has(rule.id)).map(([file]) => relative(spec, file));
    const tested = [...(rule.hasExample ? ['example'] : []), ...testsNaming(tests, rule.id, spec)];
    return { rule, code: files, cases: own, tests: tested, mutants: [], verdicts };
  });
  return { rows, targets, problems: [...problems, ...gaps(rows), ...undefinedIds(rules, code, cases)] };
}

function testsNaming(tests: ReadonlyMap<string, ReadonlySet<string>>, id: string, spec: string): string[] {
  return [...tests].filter(([, ids]) => ids.has(id)).map(([file]) => relative(spec, file));
}

function gaps(rows: readonly RuleRow[]): Problem[] {
  return rows.flatMap(({ rule, code, cases, tests }) => {
    const missing = [
      ...(code.length === 0 ? ['code that names it'] : []),
      // What takes a job or a stored image to be seen from outside has a test until it can have a case.
      ...(cases.length === 0 && tests.length === 0 ? ['a case or a test'] : []),
    ];
    if (missing.length === 0) return [];
    return [
      { file: rule.file, line: rule.line, column: 1, message: `${rule.id} has not ${missing.join(' or ')}` },
    ];
  });
}

function undefinedIds(
  rules: readonly Rule[],
  code: ReadonlyMap<string, ReadonlyMap<string, number>>,
  cases: readonly Case[],
): Problem[] {
  const known = new Set(rules.map((rule) => rule.id));
  // Only families that have rules at all: "ISO-014" in a comment is somebody else's.
  const families = new Set(rules.map((rule) => rule.id.slice(0, 3)));
  const problems: Problem[] = [];
  for (const [file, ids] of code) {
    for (const [id, line] of ids) {
      if (known.has(id) || !families.has(id.slice(0, 3))) continue;
      problems.push({ file: displayPath(file), line, column: 1, message: `${id} is no rule of the prose` });
    }
  }
  for (const found of cases) {
    for (const id of found.rules) {
      if (!known.has(id))
        problems.push({ file: found.file, line: 1, column: 1, message: `${id} is no rule of the prose` });
    }
    for (const { action, line } of found.steps) {
      if (action.verb !== 'either' || action.rule === undefined) continue;
      const rule = rules.find((other) => other.id === action.rule);
      if (rule?.level === 'may') continue;
      const message = `${action.rule} is ${rule === undefined ? 'no rule of the prose' : `a "${rule.level}"`}: \`either\` names a may`;
      problems.push({ file: found.file, line, column: 1, message });
    }
  }
  return problems;
}

/** What a campaign came to: from its directory, whoever wrote into it. */

import { basename, join, relative } from 'node:path';
import { alignedText } from '../../rules/print.js';
import type { World } from '../property.js';
import { KNOWN_PREFIX, plansIn, type RoundRecord, type WorkerFiles, workersIn } from './files.js';
import { type Finding, findingsIn, showedOnce, timesOf } from './findings.js';
import { findingLine } from './investigate.js';
import { type Known, type KnownEntry, knownByTrigger } from './known.js';
import { campaignId, type Plan } from './plan.js';
import type { Warn } from './read/json.js';

export interface Judged extends Finding {
  /** undefined: it is new */
  readonly known: Pick<KnownEntry, 'case' | 'state' | 'link'> | undefined;
  /** `once`: it never showed again, which is no news */
  readonly state: KnownEntry['state'] | 'new' | 'once';
  /** it was played again, and showed every time */
  readonly isReliable: boolean;
}

export interface Summary {
  readonly plans: readonly Plan[];
  readonly programs: readonly string[];
  readonly sessions: number;
  /** each round of each shard once */
  readonly rounds: readonly RoundRecord[];
  readonly states: number;
  readonly findings: readonly Judged[];
  readonly properties: readonly PropertySummary[];
}

export interface PropertySummary {
  readonly name: string;
  readonly histories: number;
  readonly steps: number;
  readonly bad: number;
  readonly unplayable: number;
  /** by why it could not be played, in how many histories */
  readonly reasons: ReadonlyMap<string, number>;
  /** by goal, in how many histories it was reached */
  readonly goals: ReadonlyMap<string, number>;
}

/**
 * Reads a directory.
 * @param knownFor what is known of a program
 * @param warn told of what is damaged, and left out
 * @throws {ProblemError} if a plan or a worker.json is damaged, and what the file system throws
 */
export function summarise(
  directory: string,
  world: World,
  knownFor: (program: string, version: string) => Known,
  warn: Warn = () => {},
): Summary {
  const plans = plansIn(directory);
  const workers = workersIn(directory, warn);
  warnOfLost(plans, workers, directory, warn);
  const rounds = eachOnce(workers);
  const findings = findingsIn(workers, warn).map((finding): Judged => {
    const { minimal, found, history } = finding.files;
    const times = timesOf(finding.files);
    const entry = knownFor(found.program, found.version).find(
      (minimal ?? found).signature,
      (minimal?.history ?? history).steps,
    );
    const known = entry ?? knownByTrigger(finding.files, world);
    return {
      ...finding,
      known,
      state: known?.state ?? (showedOnce(finding.files) ? 'once' : 'new'),
      isReliable: times !== null && times.shown === times.of,
    };
  });
  const names = [...new Set(plans.flatMap(({ properties }) => properties))];
  return {
    plans,
    programs: [...new Set(workers.map(({ info }) => info.program))],
    sessions: workers.length,
    rounds,
    states: new Set(rounds.flatMap(({ states }) => states ?? [])).size,
    findings,
    properties: names.map((name) => propertySummary(name, rounds, world)),
  };
}

/** The rounds of a campaign without its plan are counted, but in no line of the table. */
function warnOfLost(
  plans: readonly Plan[],
  workers: readonly WorkerFiles[],
  directory: string,
  warn: Warn,
): void {
  const there = new Set(plans.map(campaignId));
  for (const campaign of new Set(workers.map(({ info }) => info.campaign))) {
    if (there.has(campaign)) continue;
    const file = join(directory, `campaign-${campaign}.json`);
    warn(`${file}: the file is missing; restore it from where its workers were copied`);
  }
}

function eachOnce(workers: readonly WorkerFiles[]): RoundRecord[] {
  const rounds = new Map<string, RoundRecord>();
  for (const { info, rounds: records } of workers)
    for (const record of records)
      rounds.set(`${info.campaign} ${info.shard.index}/${info.shard.of} ${record.round}`, record);
  return [...rounds.values()];
}

function propertySummary(name: string, all: readonly RoundRecord[], world: World): PropertySummary {
  const rounds = all.filter(({ property }) => property === name);
  const property = world.properties.find((one) => one.name === name);
  const goals = new Map((property?.goals ?? []).map((goal) => [goal, 0]));
  for (const round of rounds)
    for (const goal of round.goals ?? []) goals.set(goal, (goals.get(goal) ?? 0) + 1);
  const count = (...outcomes: RoundRecord['outcome'][]): number =>
    rounds.filter(({ outcome }) => outcomes.includes(outcome)).length;
  return {
    name,
    histories: rounds.length - count('none'),
    steps: rounds.reduce((sum, { steps }) => sum + steps, 0),
    bad: count('differs', 'crash', 'hang', 'garbage'),
    unplayable: count('unplayable'),
    reasons: reasonsOf(rounds),
    goals,
  };
}

/** Names and numbers are left out, so that what is alike is counted together. */
function reasonsOf(rounds: readonly RoundRecord[]): Map<string, number> {
  const reasons = new Map<string, number>();
  for (const { message } of rounds) {
    if (message === undefined) continue;
    const [line = ''] = message
      .replace(/"[^"]*"/g, '…')
      .replace(/\d+/g, 'N')
      .split('\n');
    reasons.set(line, (reasons.get(line) ?? 0) + 1);
  }
  return reasons;
}

/** The findings that are news: that nobody has promoted, and that showed again. */
export function newFindings({ findings }: Pick<Summary, 'findings'>, mustBeReliable: boolean): Judged[] {
  return findings.filter(({ state, isReliable }) => state === 'new' && (isReliable || !mustBeReliable));
}

/** For a person. @param directory as it was named */
export function summaryText(summary: Summary, directory: string): string {
  const { plans, programs, sessions, rounds, states, findings, properties } = summary;
  const steps = rounds.reduce((sum, round) => sum + round.steps, 0);
  const targets = [...new Set(plans.map(({ target }) => target))].join(', ');
  const lines = [
    `${plans.map(campaignId).join(', ')}: ${targets}${programs.length === 0 ? '' : ` (${programs.join(', ')})`}`,
    `${figure(rounds.length)} histories, ${figure(steps)} steps, ${figure(states)} states of the model, by ${sessions} worker processes`,
    '',
    ...table(properties),
  ];
  const reasons = properties.flatMap(({ name, reasons }) =>
    [...reasons].map(([reason, count]) => `  ${name}: ${figure(count)}×  ${reason}`),
  );
  if (reasons.length > 0) lines.push('', 'could not be played:', ...reasons);
  const unplayed = properties.filter(({ histories }) => histories === 0).map(({ name }) => name);
  if (unplayed.length > 0) {
    lines.push('', `no history yet, or none that the target can play: ${unplayed.join(', ')}`);
  }
  const played = properties.filter(({ histories }) => histories > 0);
  const never = played.flatMap(({ name, goals }) =>
    [...goals].filter(([, count]) => count === 0).map(([goal]) => `  ${name}: ${goal}`),
  );
  if (never.length > 0) lines.push('', 'never reached:', ...never);
  const news = newFindings(summary, false);
  const once = findings.filter(({ state }) => state === 'once').length;
  const gone = once === 0 ? '' : `, ${figure(once)} that did not show again`;
  lines.push('', `${figure(findings.length)} findings, ${figure(news.length)} of them new${gone}`);
  for (const finding of findings) lines.push(...findingLines(finding, directory));
  const triggered = new Map<string, number>();
  for (const { finding } of rounds) {
    if (finding?.startsWith(KNOWN_PREFIX)) triggered.set(finding, (triggered.get(finding) ?? 0) + 1);
  }
  for (const [name, count] of triggered)
    lines.push(`  known ${figure(count)}×  ${name.slice(KNOWN_PREFIX.length)}`);
  return `${lines.join('\n')}\n`;
}

function table(properties: readonly PropertySummary[]): string[] {
  const head = ['property', 'histories', 'steps', 'bad', 'unplayable', 'goals reached'];
  const rows = properties.map(({ name, histories, steps, bad, unplayable, goals }) => {
    const reached = [...goals.values()].filter((count) => count > 0).length;
    const share = `${figure(unplayable)}${unplayable === 0 ? '' : ` (${percent(unplayable / histories)})`}`;
    return [name, ...[histories, steps, bad].map(figure), share, `${reached} of ${goals.size}`];
  });
  return alignedText([head, ...rows])
    .trimEnd()
    .split('\n');
}

function findingLines({ files, count, known, state, isReliable }: Judged, directory: string): string[] {
  const path = relative(directory, files.path);
  const where =
    known === undefined
      ? `    ${path}`
      : `    ${known.case}${known.link === undefined ? '' : `, ${known.link}`}`;
  const isCertain = isReliable || state === 'once';
  const luck = timesOf(files) === null ? ', not played again' : isCertain ? '' : ', not every time';
  return [`  ${state === 'fixed' ? 'again' : state} ${figure(count)}×${luck}  ${findingLine(files)}`, where];
}

/** A JSON line for each finding, then one for the whole. */
export function summaryJson({ plans, programs, rounds, states, findings, properties }: Summary): string {
  const lines: object[] = findings.map(({ id, files, count, known, state, isReliable }) => ({
    finding: id,
    ...(files.minimal ?? files.found).signature,
    id,
    count,
    state,
    case: known?.case,
    reliable: isReliable,
    rerun: timesOf(files),
    steps: (files.minimal?.history ?? files.history).steps.length,
    path: files.path,
    directory: basename(files.path),
  }));
  lines.push({
    campaigns: plans.map(campaignId),
    programs,
    histories: rounds.length,
    steps: rounds.reduce((sum, round) => sum + round.steps, 0),
    states,
    properties: properties.map(({ goals, reasons, ...rest }) => ({
      ...rest,
      reasons: Object.fromEntries(reasons),
      goals: Object.fromEntries(goals),
    })),
  });
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

function percent(share: number): string {
  return share < 0.01 ? '< 1 %' : `${Math.round(share * 100)} %`;
}

function figure(value: number): string {
  return value.toLocaleString('en-US');
}

/**
 * What is known to have changed between two implementations, or two versions of one: a list of changes, each with its reason.
 * `qbm diff --changes FILE` sorts the differences it finds by them, and says which nobody has explained.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { displayPath } from '../../case/load/load.js';
import { type Problem, ProblemError } from '../../case/load/problem.js';
import { suggestion } from '../../case/load/suggest.js';
import { readText } from '../../case/load/text.js';
import { readYaml } from '../../case/load/yaml.js';

export interface Change {
  readonly title: string;
  /** what it means, for people; Markdown */
  readonly why: string;
  /** changed lines, with their sign, that are of this change wherever they stand */
  readonly lines: readonly RegExp[];
  /** ids of the cases of which it explains whatever else is different */
  readonly cases: readonly string[];
}

/** A case that two sides answer differently. */
export interface Differing {
  readonly id: string;
  /** as it is shown: area, id, format, title */
  readonly heading: string;
  /** the body of a unified diff: lines that begin with ` `, `-`, `+`, or are `@@` */
  readonly body: string;
}

export interface Sorted {
  /** in the order of the list; a case may show several */
  readonly explained: readonly { readonly change: Change; readonly by: readonly Differing[] }[];
  readonly unexplained: readonly Differing[];
}

const MEMBERS = ['title', 'why', 'lines', 'cases'];

/** @throws {ProblemError} */
export function readChanges(path: string): Change[] {
  const file = displayPath(path);
  const read = readText(path);
  if ('wrong' in read) throw new ProblemError([{ file, line: 0, column: 0, message: read.wrong }]);
  return parseChanges(read.text, file);
}

/** @throws {ProblemError} */
export function parseChanges(text: string, file: string): Change[] {
  const document = readYaml(text);
  const problems: Problem[] = document.mistakes.map((mistake) => ({ file, ...mistake }));
  const { value } = document;
  if (problems.length === 0 && !Array.isArray(value))
    problems.push({ file, line: 1, column: 1, message: 'a list of changes was expected' });
  if (problems.length > 0) throw new ProblemError(problems);
  const changes: Change[] = [];
  for (const [index, entry] of (value as Json[]).entries()) {
    const wrong = problemOf(entry);
    if (wrong === null) changes.push(decode(entry as JsonObject));
    else problems.push({ file, ...document.at(`/${index}`), message: wrong });
  }
  if (problems.length > 0) throw new ProblemError(problems);
  return changes;
}

function problemOf(entry: Json): string | null {
  if (!isJsonObject(entry)) return 'a change is an object with title, why, and lines or cases';
  const stranger = Object.keys(entry).find((name) => !MEMBERS.includes(name));
  if (stranger !== undefined) return `unknown member "${stranger}"${suggestion(stranger, MEMBERS)}`;
  const { title, why, lines = [], cases = [] } = entry;
  if (typeof title !== 'string' || typeof why !== 'string')
    return 'a change has a title and a why, both texts';
  if (!isTexts(lines) || !isTexts(cases)) return 'lines and cases are lists of texts';
  if (lines.length + cases.length === 0) return 'a change needs lines or cases by which it is known';
  const broken = lines.find((line) => regexOf(line) === null);
  return broken === undefined ? null : `no regular expression: ${broken}`;
}

function isTexts(value: Json): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}

function regexOf(source: string): RegExp | null {
  try {
    return new RegExp(`^(?:${source})$`, 'u');
  } catch {
    return null;
  }
}

function decode(entry: JsonObject): Change {
  const {
    title,
    why,
    lines = [],
    cases = [],
  } = entry as { title: string; why: string } & {
    lines?: string[];
    cases?: string[];
  };
  return { title, why: why.trim(), lines: lines.map((line) => regexOf(line)!), cases };
}

/** What of each difference is explained by which change. */
export function sortChanges(changes: readonly Change[], differing: readonly Differing[]): Sorted {
  const explained = changes.map((change) => ({ change, by: [] as Differing[] }));
  const unexplained: Differing[] = [];
  for (const one of differing) {
    let left = one.body.split('\n').filter((line) => /^[-+]/.test(line));
    for (const { change, by } of explained) {
      const rest = left.filter((line) => !change.lines.some((known) => known.test(line)));
      if (rest.length < left.length) by.push(one);
      left = rest;
    }
    if (left.length === 0) continue;
    const named = explained.filter(({ change }) => change.cases.includes(one.id));
    for (const { by } of named) if (!by.includes(one)) by.push(one);
    if (named.length === 0) unexplained.push(one);
  }
  return { explained, unexplained };
}

/** Changes that nothing shows any more, and cases that are named in vain. Of a run over all cases. */
export function staleChanges({ explained }: Sorted): string[] {
  return explained.flatMap(({ change, by }) => {
    const gone = change.cases.filter((id) => !by.some((one) => one.id === id));
    if (by.length === 0) return [`"${change.title}" shows nowhere any more`];
    return gone.map((id) => `"${change.title}" does not show in ${id}`);
  });
}

/** Histories as files that people read: the steps as cases have them, below what they were made for. */
import { isJsonObject, type Json, type JsonObject, jsonObject } from '../../spec/json/value.js';
import { FORMATS, type Format, type Step } from '../case/case.js';
import { decodeCase } from '../case/load/decode.js';
import type { Violation } from '../case/load/explain.js';
import { ProblemError } from '../case/load/problem.js';
import { violations } from '../case/load/schema.js';
import { readYaml } from '../case/load/yaml.js';
import { encodeAction } from '../case/save/encode.js';
import { itemLines, memberLines } from '../case/save/yaml.js';
import type { History } from './history.js';

/** What a case needs and a history does not have. */
const AS_CASE = { id: 'history', title: 'a history', rules: ['BMP-001'] } as const;
const MEMBERS = ['property', 'format', 'requires', 'steps'];

/** The lines of the steps, as they stand in a case. */
export function stepLines(steps: readonly Step[]): string[] {
  return itemLines(
    steps.map(({ action }) => encodeAction(action)),
    2,
  );
}

/** The text of a history. `remark` stands above it. */
export function historyText({ property, format, requires, steps }: History, remark = ''): string {
  const head = jsonObject({ property, format, requires: [...requires] });
  const lines = [...(remark === '' ? [] : remark.split('\n').map((line) => `# ${line}`.trimEnd()))];
  lines.push(...memberLines(head), steps.length === 0 ? 'steps: []' : 'steps:', ...stepLines(steps));
  return `${lines.join('\n')}\n`;
}

/**
 * Reads a history. It is held against the schema of cases: a file that no case could have said is refused.
 * @throws {ProblemError} with every problem of the text
 */
export function parseHistory(text: string, file: string): History {
  const document = readYaml(text);
  const fail = (found: readonly Violation[]): void => {
    if (found.length === 0) return;
    throw new ProblemError(found.map(({ pointer, message }) => ({ file, ...document.at(pointer), message })));
  };
  if (document.mistakes.length > 0)
    throw new ProblemError(document.mistakes.map((mistake) => ({ file, ...mistake })));
  const { value } = document;
  if (!isJsonObject(value)) {
    throw new ProblemError([{ file, line: 1, column: 1, message: `a history has ${MEMBERS.join(', ')}` }]);
  }
  fail(headViolations(value));
  const { format, requires = [], steps, property } = value;
  const isEmpty = Array.isArray(steps) && steps.length === 0;
  const some: Json = isEmpty ? [jsonObject({ log: 'nothing' })] : (steps as Json);
  const asCase = jsonObject({ ...AS_CASE, rules: [...AS_CASE.rules], requires, steps: some });
  fail(violations(asCase));
  const found: Violation[] = [];
  const place = { file, area: 'fuzz', slug: AS_CASE.id };
  const decoded = decodeCase({ ...document, value: asCase }, place, found);
  fail(found);
  return {
    property: property as string,
    format: format as Format,
    requires: requires as string[],
    steps: isEmpty ? [] : decoded.steps,
  };
}

function headViolations(value: JsonObject): Violation[] {
  const found: Violation[] = [];
  for (const name of Object.keys(value)) {
    if (!MEMBERS.includes(name)) found.push({ pointer: `/${name}`, message: `unknown member "${name}"` });
  }
  if (typeof value.property !== 'string') found.push({ pointer: '/property', message: 'a text is missing' });
  if (!FORMATS.some((format) => format === value.format))
    found.push({ pointer: '/format', message: `the format is one of ${FORMATS.join(', ')}` });
  if (!Array.isArray(value.steps)) found.push({ pointer: '/steps', message: 'the list of steps is missing' });
  return found;
}

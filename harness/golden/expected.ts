/**
 * Expected deviations: what a target is known to do otherwise, hunk by hunk, with the reason. Read from
 * harness/target/<kind>.expected.yaml or the file given with `--expected`. A list is a promise in both directions:
 * a different difference fails, and so does an entry that is no longer needed.
 */
import type { Json, JsonObject } from '../../spec/json/value.js';
import { isJsonObject } from '../../spec/json/value.js';
import { displayPath } from '../case/load/load.js';
import { type Problem, ProblemError } from '../case/load/problem.js';
import { suggestion } from '../case/load/suggest.js';
import { readText } from '../case/load/text.js';
import { readYaml } from '../case/load/yaml.js';
import { type ListForm, listText } from '../case/save/edit-list.js';

export interface ExpectedDeviation {
  readonly case: string;
  /** absent: on any format */
  readonly format: string | undefined;
  /** prefixes of the version it is known of, by whole components ("7.2" is not "7.20"); empty: any */
  readonly versions: readonly string[];
  readonly reason: string;
  readonly link: string | undefined;
  /** a unified diff body as {@link Difference.hunk} has it */
  readonly hunk: string;
}

const MEMBERS = ['case', 'format', 'versions', 'reason', 'link', 'hunk'];

/** What `qbm expect` writes where a person has to say why. A run does not accept it. */
export const NO_REASON = 'TODO';

/**
 * Reads a list; an absent file is an empty list unless it `mustExist`.
 * @throws {ProblemError}
 */
export function readExpected(path: string, mustExist = false): ExpectedDeviation[] {
  const file = displayPath(path);
  const read = readText(path);
  if ('wrong' in read) {
    if (!mustExist && read.wrong.endsWith('ENOENT')) return [];
    throw new ProblemError([{ file, line: 0, column: 0, message: read.wrong }]);
  }
  return parseExpected(read.text, file);
}

/** Reads the text of a list. @throws {ProblemError} */
export function parseExpected(text: string, file: string): ExpectedDeviation[] {
  const document = readYaml(text);
  const problems: Problem[] = document.mistakes.map((mistake) => ({ file, ...mistake }));
  if (problems.length > 0) throw new ProblemError(problems);
  if (!Array.isArray(document.value)) {
    throw new ProblemError([
      { file, line: 1, column: 1, message: 'a list of expected deviations was expected' },
    ]);
  }
  const entries: ExpectedDeviation[] = [];
  for (const [index, value] of document.value.entries()) {
    const found = entryProblems(value, index).map(({ pointer, message }): Problem => {
      return { file, ...document.at(pointer), message };
    });
    problems.push(...found);
    if (found.length === 0) entries.push(decodeEntry(value as JsonObject));
  }
  if (problems.length > 0) throw new ProblemError(problems);
  return entries;
}

function entryProblems(value: Json, index: number): { pointer: string; message: string }[] {
  const pointer = `/${index}`;
  if (!isJsonObject(value)) return [{ pointer, message: 'an entry is an object with case, reason and hunk' }];
  const found: { pointer: string; message: string }[] = [];
  for (const [name, member] of Object.entries(value)) {
    const at = `${pointer}/${name}`;
    if (!MEMBERS.includes(name)) {
      found.push({ pointer: at, message: `unknown member "${name}"${suggestion(name, MEMBERS)}` });
    } else if (name === 'versions') {
      const texts = Array.isArray(member) ? member : [member];
      if (!texts.every((text) => typeof text === 'string')) {
        found.push({ pointer: at, message: 'versions are texts: write "7.2", with the quotes' });
      }
    } else if (typeof member !== 'string') {
      found.push({ pointer: at, message: `"${name}" must be a text` });
    }
  }
  for (const name of ['case', 'reason', 'hunk']) {
    if (value[name] === undefined) found.push({ pointer, message: `"${name}" is missing` });
  }
  if (typeof value.reason === 'string' && value.reason.trim() === '') {
    found.push({
      pointer: `${pointer}/reason`,
      message: 'a deviation without a reason: say why it is accepted',
    });
  }
  return found;
}

function decodeEntry(value: JsonObject): ExpectedDeviation {
  const versions = value.versions;
  return {
    case: value.case as string,
    format: value.format as string | undefined,
    versions:
      versions === undefined ? [] : Array.isArray(versions) ? (versions as string[]) : [versions as string],
    reason: (value.reason as string).trim(),
    link: value.link as string | undefined,
    hunk: (value.hunk as string).replace(/\n+$/, ''),
  };
}

/** The entries that speak of this case on this format and version. */
export function applicable(
  entries: readonly ExpectedDeviation[],
  id: string,
  format: string,
  version: string,
): ExpectedDeviation[] {
  return entries.filter(
    (entry) =>
      entry.case === id &&
      (entry.format === undefined || entry.format === format) &&
      (entry.versions.length === 0 || entry.versions.some((prefix) => isVersion(version, prefix))),
  );
}

function isVersion(version: string, prefix: string): boolean {
  return version === prefix || (version.startsWith(prefix) && !/^[0-9]/.test(version.slice(prefix.length)));
}

/**
 * The text of a list: by case and format, each hunk as a literal block. Entries that are in `before`, the text of such a list,
 * stay as they are written there. @throws {ProblemError} if that is none
 */
export function expectedText(entries: readonly ExpectedDeviation[], before = ''): string {
  if (before.trim() === '') return listText(entries, EXPECTED_FORM);
  return listText(entries, EXPECTED_FORM, { text: before, items: parseExpected(before, 'the list') });
}

const EXPECTED_HEADER = `# What this target is known to do otherwise than the goldens. Written by \`qbm expect\`; the reasons by people.
# "-" is the golden, "+" what is observed. An entry that is no longer needed makes a run fail.
`;

function entryText(entry: ExpectedDeviation): string {
  const text = (value: string): string => JSON.stringify(value);
  const lines = [`- case: ${entry.case}`];
  if (entry.format !== undefined) lines.push(`  format: ${entry.format}`);
  if (entry.versions.length > 0) lines.push(`  versions: [${entry.versions.map(text).join(', ')}]`);
  lines.push(...literal('reason', entry.reason, text));
  if (entry.link !== undefined) lines.push(`  link: ${text(entry.link)}`);
  lines.push(...literal('hunk', entry.hunk));
  return `${lines.join('\n')}\n`;
}

/** A member as a literal block, or on its own line where that is enough and `inline` is given. */
function literal(name: string, value: string, inline?: (value: string) => string): string[] {
  if (inline !== undefined && !value.includes('\n')) return [`  ${name}: ${inline(value)}`];
  // The indentation is stated: a hunk's lines begin with the blanks of common lines.
  return [`  ${name}: |2-`, ...value.split('\n').map((line) => `    ${line}`)];
}

const EXPECTED_FORM: ListForm<ExpectedDeviation> = {
  header: EXPECTED_HEADER,
  key: (entry) => `${entry.case}\u0000${entry.format ?? ''}`,
  print: entryText,
};

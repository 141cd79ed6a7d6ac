/** Files to cases: one file, or everything below cases/, with all problems of all files at once. */
import { lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { Case } from '../case.js';
import { decodeCase } from './decode.js';
import type { Violation } from './explain.js';
import { type Problem, ProblemError } from './problem.js';
import { violations } from './schema.js';
import { readText } from './text.js';
import { readYaml } from './yaml.js';

/** `file` as a person standing in the current directory would write it. */
export function displayPath(file: string): string {
  const near = relative(process.cwd(), file);
  return near === '' || near.length > file.length || near.startsWith(`..${sep}..${sep}`) ? file : near;
}

/**
 * Reads one case. The area is the name of the file's directory.
 * @throws {ProblemError} with every problem of the file
 */
export function loadCase(path: string, area = basename(dirname(path))): Case {
  const file = displayPath(path);
  const read = readText(path);
  if ('wrong' in read) throw new ProblemError([{ file, line: 0, column: 0, message: read.wrong }]);
  return parseCase(read.text, { file, area, slug: basename(path).replace(/\.yaml$/, '') });
}

/**
 * Reads the text of a case.
 * @throws {ProblemError} with every problem of the text
 */
export function parseCase(text: string, place: { file: string; area: string; slug: string }): Case {
  const document = readYaml(text);
  const problems: Problem[] = document.mistakes.map((mistake) => ({ file: place.file, ...mistake }));
  const positioned = (found: readonly Violation[]): Problem[] =>
    found.map(({ pointer, message }) => ({ file: place.file, ...document.at(pointer), message }));
  // After a mistake in the YAML itself the value is a guess: what the schema says of it would mislead.
  if (problems.length > 0) throw new ProblemError(problems);
  const found = violations(document.value);
  if (found.length > 0) throw new ProblemError(inOrder(positioned(found)));
  const read = decodeCase(document, place, found);
  if (found.length > 0) throw new ProblemError(inOrder(positioned(found)));
  return read;
}

function inOrder(problems: Problem[]): Problem[] {
  return problems.sort((a, b) => a.line - b.line || a.column - b.column);
}

/** Everything below a directory of cases. */
export interface Suite {
  /** by area, then id (code units) */
  readonly cases: readonly Case[];
  readonly problems: readonly Problem[];
}

/** What is known of a file of a case before it is read as one. */
export interface CaseFile {
  readonly area: string;
  readonly id: string;
  /** what is in it; null if that cannot be had as text */
  text(): string | null;
}

/**
 * Reads all cases in `directory`/<area>/<id>.yaml. A problem of one file does not hide the others.
 * @param isWanted others are not read; default: all
 */
export function loadSuite(directory: string, isWanted?: (file: CaseFile) => boolean): Suite {
  const problems: Problem[] = [];
  const cases: Case[] = [];
  const byId = new Map<string, Case>();
  for (const path of caseFiles(directory, problems)) {
    if (isWanted?.(caseFile(path)) === false) continue;
    try {
      const read = loadCase(path);
      const other = byId.get(read.id);
      if (other !== undefined) {
        problems.push(whole(path, `the id "${read.id}" is already that of ${other.file}: ids are unique`));
        continue;
      }
      byId.set(read.id, read);
      cases.push(read);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      problems.push(...error.problems);
    }
  }
  return { cases, problems };
}

function caseFile(path: string): CaseFile {
  return {
    area: basename(dirname(path)),
    id: basename(path).replace(/\.yaml$/, ''),
    text() {
      const read = readText(path);
      return 'wrong' in read ? null : read.text;
    },
  };
}

function whole(path: string, message: string): Problem {
  return { file: displayPath(path), line: 0, column: 0, message };
}

/** The paths of case files, sorted; what is not one and looks like one becomes a problem. */
function caseFiles(directory: string, problems: Problem[]): string[] {
  const files: string[] = [];
  let root: string;
  try {
    root = realpathSync(directory);
  } catch {
    problems.push(whole(directory, 'no such directory of cases'));
    return files;
  }
  for (const area of readdirSync(root).sort()) {
    const path = join(directory, area);
    if (area.startsWith('.')) continue;
    if (/\.ya?ml$/.test(area)) {
      problems.push(whole(path, 'a case stands in the directory of its area: cases/<area>/<id>.yaml'));
      continue;
    }
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true || !inside(path, root, problems))
      continue;
    for (const name of readdirSync(path).sort(bySlug)) {
      const file = join(path, name);
      if (name.endsWith('.yml')) problems.push(whole(file, 'is not read: call it .yaml'));
      if (name.endsWith('.yaml') && inside(file, root, problems)) files.push(file);
    }
  }
  return files;
}

/** By id: with the extension, `a.yaml` would come after `a-b.yaml`. */
function bySlug(a: string, b: string): number {
  const [x, y] = [a.replace(/\.yaml$/, ''), b.replace(/\.yaml$/, '')];
  return x < y ? -1 : x > y ? 1 : 0;
}

/** A symbolic link may point elsewhere in cases/, not out of it: what runs is what the repository holds. */
function inside(path: string, root: string, problems: Problem[]): boolean {
  if (!lstatSync(path).isSymbolicLink()) return true;
  let target: string;
  try {
    target = realpathSync(path);
  } catch {
    problems.push(whole(path, 'is a symbolic link to nothing'));
    return false;
  }
  if (target.startsWith(root + sep)) return true;
  problems.push(whole(path, 'is a symbolic link that leaves the directory of cases'));
  return false;
}

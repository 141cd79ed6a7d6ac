/** Where rules are named: the files of a tree, and the ids in the comments of its code. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files below `directory` whose name ends with `end`, sorted; tests are left out. */
export function filesBelow(directory: string, end: string): string[] {
  return allBelow(directory, end).filter((path) => !path.endsWith(`.test${end}`));
}

/** The tests below `directory`, sorted. */
export function testsBelow(directory: string): string[] {
  return allBelow(directory, '.test.ts');
}

function allBelow(directory: string, end: string): string[] {
  const found: string[] = [];
  let entries: import('node:fs').Dirent[];
  try {
    entries = readdirSync(directory, { withFileTypes: true });
  } catch {
    return found;
  }
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) found.push(...allBelow(path, end));
    else if (entry.name.endsWith(end)) found.push(path);
  }
  return found;
}

const RULE_ID = /\b[A-Z]{3}-\d{3}\b/g;

/**
 * Ids named in the comments of a TypeScript text, each with its first line. A scanner of comments, not a parser: a
 * `//` inside a string is taken for one, which can only find an id that stands there as text.
 */
export function idsInComments(source: string): Map<string, number> {
  const found = new Map<string, number>();
  let line = 1;
  let last = 0;
  for (const comment of source.matchAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g)) {
    for (const id of comment[0].matchAll(RULE_ID)) {
      const at = comment.index + id.index;
      for (let i = last; i < at; i++) if (source.charCodeAt(i) === 10) line++;
      last = Math.max(last, at);
      if (!found.has(id[0])) found.set(id[0], line);
    }
  }
  return found;
}

/** Ids that a test names anywhere: in its titles, mostly. */
export function idsInTests(files: readonly string[]): Map<string, Set<string>> {
  return new Map(files.map((file) => [file, new Set(readFileSync(file, 'utf8').match(RULE_ID) ?? [])]));
}

/** Ids named in the comments of each file. */
export function scanCode(files: readonly string[]): Map<string, Map<string, number>> {
  return new Map(files.map((file) => [file, idsInComments(readFileSync(file, 'utf8'))]));
}

/** Where rules are named: the files of a tree, and the ids in its code. */
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

/** Ids named in a TypeScript text, in its comments and in what commands declare, each with its first line. */
export function idsInCode(source: string): Map<string, number> {
  const found = new Map<string, number>();
  for (const [index, line] of source.split('\n').entries()) {
    for (const [id] of line.matchAll(RULE_ID)) if (!found.has(id)) found.set(id, index + 1);
  }
  return found;
}

/** Ids that a test names anywhere: in its titles, mostly. */
export function idsInTests(files: readonly string[]): Map<string, Set<string>> {
  return new Map(files.map((file) => [file, new Set(readFileSync(file, 'utf8').match(RULE_ID) ?? [])]));
}

/** Ids named in each file. */
export function scanCode(files: readonly string[]): Map<string, Map<string, number>> {
  return new Map(files.map((file) => [file, idsInCode(readFileSync(file, 'utf8'))]));
}

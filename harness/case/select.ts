/** Selectors: which cases a command is about. An id, a glob, an area, `rule:BMP-004` or `iotests:236`. */
import type { Case } from './case.js';
import type { CaseFile } from './load/load.js';
import { suggestion } from './load/suggest.js';

/** A selector that selects nothing. */
export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

/**
 * The cases that any of the selectors names, in their order; all cases if there are none.
 * @throws {SelectorError} for a selector that names no case
 */
export function select(cases: readonly Case[], selectors: readonly string[]): readonly Case[] {
  if (selectors.length === 0) return cases;
  const chosen = new Set<Case>();
  for (const selector of selectors) {
    const matching = cases.filter(matcher(selector));
    if (matching.length === 0) throw new SelectorError(nothing(cases, selector));
    for (const found of matching) chosen.add(found);
  }
  return cases.filter((found) => chosen.has(found));
}

/**
 * Whether a file may be one of those that the selectors name, so that others need not be read. A rule or an ancestor stands in
 * the text of the case itself.
 */
export function maySelect(selectors: readonly string[]): (file: CaseFile) => boolean {
  const tests = selectors.map((selector): ((file: CaseFile) => boolean) => {
    const prefixed = PREFIXED.exec(selector);
    if (prefixed === null) return byName(selector);
    const [, prefix, rest] = prefixed as unknown as [string, string, string];
    return (file) => {
      const text = file.text();
      return text === null || (text.includes(rest) && (prefix === 'rule' || text.includes(prefix)));
    };
  });
  return (file) => tests.some((test) => test(file));
}

const PREFIXED = /^(\w+):(.+)$/;

function matcher(selector: string): (found: Case) => boolean {
  const prefixed = PREFIXED.exec(selector);
  if (prefixed === null) return byName(selector);
  const [, prefix, rest] = prefixed as unknown as [string, string, string];
  if (prefix === 'rule') return (found) => found.rules.includes(rest);
  return (found) => found.models.includes(`${prefix} ${rest}`);
}

function byName(selector: string): (found: { readonly id: string; readonly area: string }) => boolean {
  if (/[*?[]/.test(selector)) {
    const pattern = globPattern(selector);
    return (found) => pattern.test(found.id) || pattern.test(`${found.area}/${found.id}`);
  }
  return (found) =>
    selector === found.id || selector === found.area || selector === `${found.area}/${found.id}`;
}

/** `*` any text, `?` any character, `[a-c]` one of a set. */
function globPattern(glob: string): RegExp {
  const source = glob.replace(/\[[\w-]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '.*';
    if (part === '?') return '.';
    return part.length > 1 ? part : part.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&');
  });
  return new RegExp(`^${source}$`);
}

function nothing(cases: readonly Case[], selector: string): string {
  const words = new Set(
    cases.flatMap((found) => [found.id, found.area, ...found.rules.map((rule) => `rule:${rule}`)]),
  );
  return `no case matches "${selector}"${suggestion(selector, words) || '; qbm list prints them all'}`;
}

/**
 * The rules as the prose states them: headings `### BMP-004 · title` in spec/**\/*.md, each followed by a line
 * `*must · origin*`.
 */
import { readFileSync } from 'node:fs';
import { displayPath } from '../case/load/load.js';
import type { Problem } from '../case/load/problem.js';

export const LEVELS = ['must', 'should', 'may'] as const;
export type Level = (typeof LEVELS)[number];

export interface Rule {
  readonly id: string;
  readonly title: string;
  readonly level: Level;
  /** who says so: "qemu 7.2.22", "rfc …", "decision: …" */
  readonly origin: string;
  readonly file: string;
  readonly line: number;
  /** whether its example is executed by the tests: it is fenced as anything but `text` */
  readonly hasExample: boolean;
}

/** The rules in these files, in order of id, and what is wrong with how they are written. */
export function readRules(files: readonly string[]): {
  readonly rules: Rule[];
  readonly problems: Problem[];
} {
  const rules: Rule[] = [];
  const problems: Problem[] = [];
  const seen = new Map<string, Rule>();
  for (const path of files) {
    const file = displayPath(path);
    for (const found of rulesIn(readFileSync(path, 'utf8'), file, problems)) {
      const other = seen.get(found.id);
      if (other === undefined) {
        seen.set(found.id, found);
        rules.push(found);
      } else {
        const message = `${found.id} is stated already at ${other.file}:${other.line}: a rule stands once`;
        problems.push({ file, line: found.line, column: 1, message });
      }
    }
  }
  rules.sort((a, b) => (a.id < b.id ? -1 : 1));
  return { rules, problems };
}

/** The rules of one Markdown text. */
export function rulesIn(markdown: string, file: string, problems: Problem[]): Rule[] {
  const rules: Rule[] = [];
  const lines = markdown.split('\n');
  let fenced = false;
  for (const [index, text] of lines.entries()) {
    if (/^\s*```/.test(text)) {
      fenced = !fenced;
      const rule = rules.at(-1);
      if (fenced && rule !== undefined && !/^\s*```(text|$)/.test(text))
        rules[rules.length - 1] = { ...rule, hasExample: true };
    }
    if (fenced) continue;
    const heading = /^#{2,6} ([A-Z]{3}-\d{3})\b(.*)$/.exec(text);
    if (heading === null) continue;
    const line = index + 1;
    const title = /^ · (\S.*)$/.exec(heading[2]!)?.[1]?.trim();
    if (title === undefined) {
      problems.push({ file, line, column: 1, message: `write the heading as "### ${heading[1]} · title"` });
      continue;
    }
    const after = lines.slice(index + 1).find((next) => next.trim() !== '') ?? '';
    const stated = /^\*(must|should|may) · (.+?)\*/.exec(after.trim());
    if (stated === null) {
      const message = `${heading[1]} lacks its level and origin: "*must · qemu 7.2*" below the heading`;
      problems.push({ file, line, column: 1, message });
    }
    const level = (stated?.[1] ?? 'must') as Level;
    rules.push({ id: heading[1]!, title, level, origin: stated?.[2] ?? '', file, line, hasExample: false });
  }
  return rules;
}

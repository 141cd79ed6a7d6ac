/**
 * Golden files: golden/<area>/<id>.out, the transcript that every target must give, below a header of lines that
 * start with `## `. The header says where the transcript came from and is no part of the comparison.
 */
import { readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Case } from '../case/case.js';
import { readText } from '../case/load/text.js';
import { type Transcript, transcriptOf } from '../case/play/transcript.js';
import { makeDirectory } from '../case/run/directory.js';

export interface GoldenHeader {
  readonly case: string;
  /** the target and version whose transcript it is */
  readonly acceptedFrom: string;
  /** why it was accepted */
  readonly reason: string;
}

/** Path of the golden of a case. */
export function goldenPath(directory: string, found: { readonly area: string; readonly id: string }): string {
  return join(directory, found.area, `${found.id}.out`);
}

/** The transcript of a golden, null if there is none, or what is wrong with the file. */
export function readGolden(directory: string, found: Case): Transcript | null | { readonly wrong: string } {
  const read = readText(goldenPath(directory, found));
  if ('wrong' in read) return read.wrong.endsWith('ENOENT') ? null : read;
  return parseGolden(read.text).transcript;
}

/** Splits a golden file. Members of the header that are not there are empty. */
export function parseGolden(text: string): {
  readonly header: GoldenHeader;
  readonly transcript: Transcript;
} {
  const lines = transcriptOf(text);
  let end = 0;
  const members = new Map<string, string>();
  for (; lines[end]?.text.startsWith('## ') === true; end++) {
    const [, name, value] = /^## ([^:]+): ?(.*)$/.exec(lines[end]!.text) ?? [];
    if (name !== undefined) members.set(name, value!);
  }
  const header = {
    case: members.get('case') ?? '',
    acceptedFrom: members.get('accepted from') ?? '',
    reason: members.get('reason') ?? '',
  };
  return { header, transcript: lines.slice(end) };
}

/** The text of a golden file. */
export function goldenText(header: GoldenHeader, transcript: string): string {
  const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();
  return [
    `## case: ${header.case}\n`,
    `## accepted from: ${oneLine(header.acceptedFrom)}\n`,
    `## reason: ${oneLine(header.reason)}\n`,
    transcript,
  ].join('');
}

/** Writes a file whole or not at all. @throws the error of the file system, with the name of the file */
export function writeWhole(path: string, text: string): void {
  makeDirectory(dirname(path));
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, text);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw namingFile(error as NodeJS.ErrnoException, path);
  }
}

/** An error of the file system that says which file it is about: those of writing do not. */
export function namingFile(error: NodeJS.ErrnoException, path: string): Error {
  if (error.path === undefined) error.message = `${path}: ${error.message}`;
  return error;
}

/** Golden files, as `area/id`, that belong to no case. Sorted. */
export function orphanGoldens(directory: string, cases: readonly Case[]): string[] {
  const known = new Set(cases.map((found) => `${found.area}/${found.id}`));
  let areas: string[];
  try {
    areas = readdirSync(directory).sort();
  } catch {
    return [];
  }
  const orphans: string[] = [];
  for (const area of areas) {
    let names: string[];
    try {
      names = readdirSync(join(directory, area)).sort();
    } catch {
      continue; // a README beside the areas
    }
    for (const name of names) {
      const id = `${area}/${name.replace(/\.out$/, '')}`;
      if (name.endsWith('.out') && !known.has(id)) orphans.push(id);
    }
  }
  return orphans;
}

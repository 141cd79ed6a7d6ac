/**
 * Findings as they are kept, a directory each:
 *
 *     found.json         signature, what was expected and what was observed, program
 *     history.yaml       the history as it was found
 *     rerun.json         how often it showed again, of how many times
 *     minimal.yaml       the history made small
 *     minimal.json       its signature, how often it showed, probes it took
 *     transcript.txt     what the model and the target say to the small one, side by side
 *
 * The first two appear together; the others when they are known. Two workers may have found the same.
 */
import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ProblemError, problemText } from '../../case/load/problem.js';
import { readText } from '../../case/load/text.js';
import type { Bad, Signature } from '../finding/signature.js';
import type { History } from '../history.js';
import { parseHistory } from '../history-text.js';
import { shapeOf } from '../reduce/tree.js';
import type { WorkerFiles } from './files.js';
import { hash } from './plan.js';
import { advised, readJson, type Warn, wholeFile } from './read/json.js';
import { byMember, flag, list, members, oneOf, text, whole } from './read/shape.js';

export interface Found {
  readonly signature: Signature;
  readonly outcome: Bad;
  readonly round: number;
  readonly target: string;
  readonly program: string;
  readonly version: string;
}

/** How often it showed. */
export interface Rerun {
  readonly shown: number;
  readonly of: number;
}

export interface Minimal {
  /** of the finding: findings with the same one are the same */
  readonly id: string;
  readonly signature: Signature;
  readonly outcome: Bad;
  readonly rerun: Rerun;
  readonly probes: number;
  /** false: a limit ended the reduction */
  readonly isComplete: boolean;
}

/** One finding directory. */
export interface FindingFiles {
  readonly path: string;
  readonly found: Found;
  readonly history: History;
  readonly rerun: Rerun | null;
  readonly minimal: (Minimal & { readonly history: History }) | null;
}

/** How often it showed when it was played again, in its small form if there is one; null: it was not played again. */
export function timesOf({ minimal, rerun }: Pick<FindingFiles, 'minimal' | 'rerun'>): Rerun | null {
  return minimal?.rerun ?? rerun;
}

/** It was played again, and never showed: nobody can do anything about it. */
export function showedOnce({ rerun }: Pick<FindingFiles, 'rerun'>): boolean {
  return rerun !== null && rerun.shown === 0;
}

/** The identity of a finding that was made small: how it shows, and what is done to make it show. */
export function findingId({ kind, what }: Signature, minimal: History): string {
  return hash([kind, what, ...minimal.steps.map(shapeOf)].join('\n')).slice(0, 12);
}

const ENDS = ['crash', 'hang', 'garbage'];
const SIGNATURE = members({ id: text, kind: oneOf('differs', ...ENDS), where: text, what: text });
const OUTCOME = byMember('kind', [
  members({
    kind: oneOf('differs'),
    step: whole(),
    expected: list(text),
    observed: list(text),
    oracle: text,
  }),
  members({ kind: oneOf(...ENDS), step: whole(), message: text, stderr: text }),
]);
const FOUND = members({
  signature: SIGNATURE,
  outcome: OUTCOME,
  round: whole(),
  target: text,
  program: text,
  version: text,
});
const RERUN = members({ shown: whole(), of: whole(1) });
const MINIMAL = members({
  id: text,
  signature: SIGNATURE,
  outcome: OUTCOME,
  rerun: RERUN,
  probes: whole(),
  isComplete: flag,
});

const whatToDo = (path: string): string => `remove ${path}, or restore it from where it was copied`;

/** Reads a finding. @throws {ProblemError} if a file of it is damaged; returns null for what is no finding */
export function readFinding(path: string): FindingFiles | null {
  return advised(whatToDo(path), () => readFiles(path));
}

function readFiles(path: string): FindingFiles | null {
  const found = readJson<Found>(join(path, 'found.json'), FOUND);
  if (found === null) return null;
  const minimal = readJson<Minimal>(join(path, 'minimal.json'), MINIMAL);
  return {
    path,
    found,
    history: readHistory(join(path, 'history.yaml')),
    rerun: readJson<Rerun>(join(path, 'rerun.json'), RERUN),
    minimal: minimal === null ? null : { ...minimal, history: readHistory(join(path, 'minimal.yaml')) },
  };
}

/** @throws {ProblemError} */
export function readHistory(path: string): History {
  const read = readText(path);
  if ('wrong' in read) throw new ProblemError([wholeFile(path, read.wrong)]);
  return parseHistory(read.text, path);
}

/** The finding directories of a worker. @param warn told of those that are damaged, and left out */
export function findingsOf({ path }: Pick<WorkerFiles, 'path'>, warn: Warn = () => {}): FindingFiles[] {
  const directory = join(path, 'findings');
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => readOrWarn(join(directory, name), warn) ?? []);
}

function readOrWarn(path: string, warn: Warn): FindingFiles | null {
  try {
    const files = readFiles(path);
    if (files !== null) return files;
    throw new ProblemError([wholeFile(join(path, 'found.json'), 'the file is missing')]);
  } catch (error) {
    if (!(error instanceof ProblemError)) throw error;
    const [first, ...more] = error.problems;
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`;
    warn(`${problemText(first!)}${others}; the finding is left out: ${whatToDo(path)}`);
    return null;
  }
}

/** A finding of a campaign: all directories that tell of it, the best one first. */
export interface Finding {
  readonly id: string;
  readonly files: FindingFiles;
  /** rounds in which it showed */
  readonly count: number;
  /** ids under which those rounds are counted */
  readonly ids: readonly string[];
}

/** What workers found, each once, the most frequent first. @param warn told of what is damaged, and left out */
export function findingsIn(workers: readonly WorkerFiles[], warn: Warn = () => {}): Finding[] {
  const groups = new Map<string, FindingFiles[]>();
  const groupOf = new Map<string, string>();
  for (const files of workers.flatMap((worker) => findingsOf(worker, warn))) {
    const raw = basename(files.path);
    const id = files.minimal?.id ?? groupOf.get(raw) ?? raw;
    if (files.minimal !== null || !groupOf.has(raw)) groupOf.set(raw, id);
    groups.set(id, [...(groups.get(id) ?? []), files]);
  }
  const rounds = new Map<string, Set<string>>();
  for (const { info, rounds: records } of workers) {
    for (const { round, finding } of records) {
      if (finding === undefined) continue;
      const id = groups.has(finding) ? finding : (groupOf.get(finding) ?? finding);
      const key = `${info.campaign} ${info.shard.index}/${info.shard.of} ${round}`;
      rounds.set(id, (rounds.get(id) ?? new Set()).add(key));
    }
  }
  return [...groups]
    .map(([id, files]): Finding => {
      const ids = [id, ...[...groupOf].filter(([, group]) => group === id).map(([raw]) => raw)];
      return { id, files: best(files), count: rounds.get(id)?.size ?? 0, ids: [...new Set(ids)] };
    })
    .sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1));
}

/** The smallest that was made small, else the shortest. */
function best(files: readonly FindingFiles[]): FindingFiles {
  const length = ({ minimal, history }: FindingFiles): number =>
    minimal === null ? 1e6 + history.steps.length : minimal.history.steps.length;
  return files.toSorted((a, b) => length(a) - length(b) || (a.path < b.path ? -1 : 1))[0]!;
}

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
import { readText } from '../../case/load/text.js';
import type { Bad, Signature } from '../finding/signature.js';
import type { History } from '../history.js';
import { parseHistory } from '../history-text.js';
import { shapeOf } from '../reduce/tree.js';
import { readJsonFile, type WorkerFiles } from './files.js';
import { hash } from './plan.js';

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

/** The identity of a finding that was made small: how it shows, and what is done to make it show. */
export function findingId({ kind, what }: Signature, minimal: History): string {
  return hash([kind, what, ...minimal.steps.map(shapeOf)].join('\n')).slice(0, 12);
}

/** Reads a finding. @throws {ProblemError} if a history is not readable; returns null for what is no finding */
export function readFinding(path: string): FindingFiles | null {
  const found = readJsonFile<Found>(join(path, 'found.json'));
  if (found === null) return null;
  const minimal = readJsonFile<Minimal>(join(path, 'minimal.json'));
  return {
    path,
    found,
    history: readHistory(join(path, 'history.yaml')),
    rerun: readJsonFile<Rerun>(join(path, 'rerun.json')),
    minimal: minimal === null ? null : { ...minimal, history: readHistory(join(path, 'minimal.yaml')) },
  };
}

/** @throws {ProblemError} or what the file system throws */
export function readHistory(path: string): History {
  const read = readText(path);
  if ('wrong' in read) throw new Error(`${path}: ${read.wrong}`);
  return parseHistory(read.text, path);
}

/** The finding directories of a worker. */
export function findingsOf({ path }: Pick<WorkerFiles, 'path'>): FindingFiles[] {
  const directory = join(path, 'findings');
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => readFinding(join(directory, name)) ?? []);
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

/** What workers found, each once, the most frequent first. */
export function findingsIn(workers: readonly WorkerFiles[]): Finding[] {
  const groups = new Map<string, FindingFiles[]>();
  const groupOf = new Map<string, string>();
  for (const files of workers.flatMap(findingsOf)) {
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

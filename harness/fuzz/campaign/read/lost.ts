/**
 * Rounds that are counted under a finding of which nothing is there: somebody removed its directory, or copied the
 * directories of some workers only. They count as not played.
 */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { KNOWN_PREFIX, type RoundRecord, type WorkerFiles } from '../files.js';
import type { Warn } from './json.js';

/** More of them are not listed in a warning. */
const MOST_LISTED = 8;

/**
 * The workers without such rounds. A directory that is damaged is there: to restore it is better than to find it again.
 * @param warn told of rounds that are nowhere recorded otherwise
 */
export function withoutLost(workers: readonly WorkerFiles[], directory: string, warn: Warn): WorkerFiles[] {
  const kept = new Set(
    workers.flatMap(({ info, path }) => keptIn(path).map((id) => `${info.campaign} ${id}`)),
  );
  const isLost = ({ info }: WorkerFiles, { finding }: RoundRecord): boolean =>
    finding !== undefined && !finding.startsWith(KNOWN_PREFIX) && !kept.has(`${info.campaign} ${finding}`);
  const left = workers.map((worker) => ({
    ...worker,
    rounds: worker.rounds.filter((record) => !isLost(worker, record)),
  }));
  if (left.every(({ rounds }, index) => rounds.length === workers[index]!.rounds.length)) return left;
  const played = new Set(left.flatMap((worker) => worker.rounds.map((record) => roundOf(worker, record))));
  const lost = new Map<string, Set<number>>();
  for (const worker of workers) {
    for (const record of worker.rounds) {
      if (!isLost(worker, record) || played.has(roundOf(worker, record))) continue;
      const { finding = '', round } = record;
      lost.set(finding, (lost.get(finding) ?? new Set()).add(round));
    }
  }
  for (const [finding, rounds] of lost) {
    warn(
      `${directory}: round${rounds.size === 1 ? '' : 's'} ${listed([...rounds])} met finding ${finding}, of which no directory is there; restore it from where it was copied, or go on with --resume: what met it is played again`,
    );
  }
  return left;
}

function roundOf({ info }: WorkerFiles, { round }: RoundRecord): string {
  return `${info.campaign} ${info.shard.index}/${info.shard.of} ${round}`;
}

function keptIn(path: string): string[] {
  const findings = join(path, 'findings');
  return existsSync(findings) ? readdirSync(findings).filter((name) => !name.startsWith('.')) : [];
}

function listed(rounds: readonly number[]): string {
  const more = rounds.length - MOST_LISTED;
  return `${rounds.slice(0, MOST_LISTED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/**
 * The directory of a campaign. Nothing in it is ever changed: files appear whole, by renaming, and logs grow by lines.
 * Every worker process writes to a directory of its own that nobody else has, so directories of several machines copied
 * together are one campaign.
 *
 *     campaign-1f2e3d4c.json         target, properties, seed
 *     workers/1f2e3d4c-1of2-9a8b…/   a worker process: campaign, shard, and a name of its own
 *       worker.json                  the program that was tried, and when
 *       rounds.jsonl                 a line a round
 *       corpus/<hash>.yaml           histories that reached something new
 *       findings/<signature>/        see findings.ts
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { makeDirectory } from '../../case/run/directory.js';
import { writeWhole } from '../../golden/golden.js';
import type { Outcome } from '../history.js';
import { campaignId, type Plan, type Shard } from './plan.js';

/** A line of rounds.jsonl. */
export interface RoundRecord {
  readonly round: number;
  readonly property: string;
  readonly seed: number;
  /** of a mutation: the hash of the history it was made from */
  readonly parent?: string;
  /** steps were left out to go around what is known */
  readonly steered?: true;
  readonly steps: number;
  readonly outcome: Outcome['kind'] | 'none';
  /** why it could not be played */
  readonly message?: string;
  readonly ms: number;
  /** id of the signature under which it is counted, or {@link KNOWN_PREFIX} and the name of what is known */
  readonly finding?: string;
  /** states that were new to the worker */
  readonly states?: readonly string[];
  readonly goals?: readonly string[];
}

/** Before the name of what a step is known to bring about. */
export const KNOWN_PREFIX = 'known: ';

/** Who did it. */
export interface WorkerInfo {
  readonly campaign: string;
  readonly shard: Shard;
  /** for a person: "qemu-storage-daemon 7.2.22 (…)" */
  readonly program: string;
  readonly version: string;
  /** ISO 8601 */
  readonly started: string;
  readonly host: string;
  readonly pid: number;
}

/** What a worker has left. */
export interface WorkerFiles {
  readonly path: string;
  readonly info: WorkerInfo;
  readonly rounds: readonly RoundRecord[];
}

const PLAN_FILE = /^campaign-([0-9a-f]{8})\.json$/;

/** The plans in a directory: none if there is no campaign in it. @throws what the file system throws */
export function plansIn(directory: string): Plan[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => PLAN_FILE.test(name))
    .sort()
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Plan);
}

/** Makes the directory of a campaign, or goes on with it. @throws what the file system throws */
export function writePlan(directory: string, plan: Plan): void {
  const file = join(directory, `campaign-${campaignId(plan)}.json`);
  makeDirectory(join(directory, 'workers'));
  if (!existsSync(file)) writeWhole(file, `${JSON.stringify(plan, null, 2)}\n`);
}

/** What all workers have left, in the order of their names. @throws what the file system throws */
export function workersIn(directory: string): WorkerFiles[] {
  const workers = join(directory, 'workers');
  if (!existsSync(workers)) return [];
  return readdirSync(workers)
    .sort()
    .flatMap((name) => {
      const path = join(workers, name);
      const info = readJsonFile<WorkerInfo>(join(path, 'worker.json'));
      return info === null ? [] : [{ path, info, rounds: readRounds(join(path, 'rounds.jsonl')) }];
    });
}

/**
 * Whether the process of a worker still runs, on this machine: it ends itself soon after its engine. Where that cannot be
 * told, it does not.
 */
export function isRunning({ host, pid }: WorkerInfo): boolean {
  if (host !== hostname()) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('worker-main');
  } catch {
    return false;
  }
}

/** A JSON file, or null if it is not there or was not written to its end. */
export function readJsonFile<T>(path: string): T | null {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as T;
  } catch {
    return null;
  }
}

/** The rounds of a log. What is no whole line at its end was being written when the worker was killed. */
export function readRounds(path: string): RoundRecord[] {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        const record = JSON.parse(line) as RoundRecord;
        return typeof record.round === 'number' ? [record] : [];
      } catch {
        return [];
      }
    });
}

/** The directory of one worker process, for writing. */
export class WorkerDirectory {
  readonly path: string;
  readonly #log: number;

  /** @throws what the file system throws */
  constructor(directory: string, info: WorkerInfo) {
    const { campaign, shard } = info;
    const own = randomBytes(6).toString('hex');
    this.path = join(directory, 'workers', `${campaign}-${shard.index}of${shard.of}-${own}`);
    makeDirectory(join(this.path, 'corpus'));
    makeDirectory(join(this.path, 'findings'));
    writeWhole(join(this.path, 'worker.json'), `${JSON.stringify(info, null, 2)}\n`);
    this.#log = openSync(join(this.path, 'rounds.jsonl'), 'a');
  }

  /** Adds a line. @throws what the file system throws, also when only a part of it could be written */
  round(record: RoundRecord): void {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    const written = writeSync(this.#log, line);
    if (written < line.length) throw new Error(`${this.path}: only a part of a line could be written`);
  }

  /** Adds a history to the corpus. */
  keep(id: string, text: string): void {
    writeWhole(join(this.path, 'corpus', `${id}.yaml`), text);
  }

  /** Makes a directory with these files at once. One that is there stays as it is. */
  finding(id: string, files: { readonly [name: string]: string }): string {
    const path = join(this.path, 'findings', id);
    if (existsSync(path)) return path;
    const temporary = join(this.path, 'findings', `.${id}.${randomBytes(3).toString('hex')}`);
    for (const [name, text] of Object.entries(files)) writeWhole(join(temporary, name), text);
    renameSync(temporary, path);
    return path;
  }

  close(): void {
    closeSync(this.#log);
  }
}

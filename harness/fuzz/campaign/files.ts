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
 *
 * All that a kill leaves behind is a last line that is not whole, and a worker directory with nothing in it. What else is
 * not as it was written is damaged: a plan or a worker.json is an error, for much hangs on it; the record of a round, or a
 * finding, is left out with a warning. A round is recorded when the finding it met is there.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, existsSync, openSync, readdirSync, readFileSync, renameSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ProblemError } from '../../case/load/problem.js';
import { makeDirectory } from '../../case/run/directory.js';
import { namingFile, writeWhole } from '../../golden/golden.js';
import type { Outcome } from '../history.js';
import { campaignId, type Plan, type Shard } from './plan.js';
import { advised, checkedJson, NO_JSON, readJson, type Warn, wholeFile } from './read/json.js';
import { withoutLost } from './read/lost.js';
import { amount, list, members, oneOf, text, whole } from './read/shape.js';

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

const PLAN = members({ target: text, properties: { ...list(text), contains: text }, seed: whole() });

const WORKER = members({
  campaign: text,
  shard: members({ index: whole(1), of: whole(1) }),
  program: text,
  version: text,
  started: text,
  host: text,
  pid: whole(),
});

const OUTCOMES = ['same', 'differs', 'crash', 'hang', 'garbage', 'unplayable', 'surroundings', 'none'];

const ROUND = members(
  { round: whole(), property: text, seed: whole(), steps: whole(), outcome: oneOf(...OUTCOMES), ms: amount },
  {
    parent: text,
    steered: oneOf(true),
    message: text,
    finding: text,
    states: list(text),
    goals: list(text),
  },
);

/**
 * The plans in a directory: none if there is no campaign in it.
 * @throws {ProblemError} if one is damaged, and what the file system throws
 */
export function plansIn(directory: string): Plan[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => PLAN_FILE.test(name))
    .sort()
    .map((name) =>
      advised('restore the file from where it was copied, or begin another campaign', () =>
        readPlan(join(directory, name), PLAN_FILE.exec(name)![1]!),
      ),
    );
}

function readPlan(path: string, id: string): Plan {
  const plan = readJson<Plan>(path, PLAN);
  if (plan === null) throw new ProblemError([wholeFile(path, 'cannot be opened')]);
  if (campaignId(plan) !== id)
    throw new ProblemError([wholeFile(path, `it holds campaign ${campaignId(plan)}, not that of its name`)]);
  return plan;
}

/** Makes the directory of a campaign, or goes on with it. @throws what the file system throws */
export function writePlan(directory: string, plan: Plan): void {
  const file = join(directory, `campaign-${campaignId(plan)}.json`);
  makeDirectory(join(directory, 'workers'));
  if (!existsSync(file)) writeWhole(file, `${JSON.stringify(plan, null, 2)}\n`);
}

/**
 * What all workers have left, in the order of their names.
 * @param warn told of records that are left out: those that are damaged, and those of findings that are not there
 * @throws {ProblemError} if a worker.json is damaged, and what the file system throws
 */
export function workersIn(directory: string, warn: Warn = () => {}): WorkerFiles[] {
  const workers = join(directory, 'workers');
  if (!existsSync(workers)) return [];
  const read = readdirSync(workers)
    .filter((name) => !name.startsWith('.'))
    .sort()
    .flatMap((name) => readWorker(join(workers, name), warn) ?? []);
  // Directories of findings are looked at after the rounds: they were there before those were recorded.
  return withoutLost(read, directory, warn);
}

/** null: it was killed before it began. */
function readWorker(path: string, warn: Warn): WorkerFiles | null {
  const file = join(path, 'worker.json');
  const log = join(path, 'rounds.jsonl');
  const advice = `restore it from where it was copied, or remove ${path}: its rounds are played again`;
  // Looked at first: a worker that begins just now writes its worker.json before anything else.
  const hasBegun = existsSync(log) || hasWork(path);
  const info = advised(advice, () => {
    const read = readJson<WorkerInfo>(file, WORKER);
    if (read === null && hasBegun) throw new ProblemError([wholeFile(file, 'the file is missing')]);
    return read;
  });
  if (info === null) return null;
  if (!existsSync(log) && hasWork(path))
    warn(`${log}: the file is missing, its rounds are not counted; restore it from where it was copied`);
  return { path, info, rounds: readRounds(log, warn) };
}

/** Whether there is something in it that only rounds bring about. */
function hasWork(path: string): boolean {
  return ['corpus', 'findings'].some(
    (name) => existsSync(join(path, name)) && readdirSync(join(path, name)).length > 0,
  );
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

/**
 * The rounds of a log. What is no whole line at its end was being written when the worker was killed.
 * @param warn told of every other line that is no record of a round
 * @throws {ProblemError} if it cannot be read
 */
export function readRounds(path: string, warn: Warn = () => {}): RoundRecord[] {
  if (!existsSync(path)) return [];
  const lines = advised('restore it from where it was copied', () => linesOf(path));
  return lines.flatMap((line, index) => {
    if (line === '' && index === lines.length - 1) return [];
    const record = checkedJson<RoundRecord>(line, ROUND);
    if ('value' in record) return [record.value];
    const isTorn = index === lines.length - 1 && record.wrong === NO_JSON;
    if (!isTorn)
      warn(
        `${path}:${index + 1}: no record of a round, left out: ${record.wrong}; remove the line, or restore the file from where it was copied`,
      );
    return [];
  });
}

function linesOf(path: string): string[] {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch (error) {
    throw new ProblemError([wholeFile(path, `cannot be read: ${(error as NodeJS.ErrnoException).code}`)]);
  }
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
    const log = join(this.path, 'rounds.jsonl');
    let written: number;
    try {
      written = writeSync(this.#log, line);
    } catch (error) {
      throw namingFile(error as NodeJS.ErrnoException, log);
    }
    if (written < line.length)
      throw new Error(`${log}: only a part of a line could be written: the disk is full`);
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

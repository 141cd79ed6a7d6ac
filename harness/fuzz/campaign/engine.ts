/** The engine of a campaign: gives rounds to workers, which are processes of their own, until a limit ends it. */
import { type ChildProcess, fork } from 'node:child_process';
import { basename } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Identity } from '../../target/target.js';
import { historyText } from '../history-text.js';
import { Claims } from './claims/claims.js';
import { isRunning, workersIn, writePlan } from './files.js';
import { type FindingFiles, findingsOf, showedOnce } from './findings.js';
import type { Begin, FindingNews, FromWorker, ToWorker } from './messages.js';
import { campaignId, type Plan, type Shard } from './plan.js';

export interface EngineOptions {
  readonly directory: string;
  readonly plan: Plan;
  readonly shard: Shard;
  readonly workers: number;
  /** rounds of this shard in all, those of earlier sessions among them; null: no limit */
  readonly runs: number | null;
  /** milliseconds of this session; null: no limit */
  readonly ms: number | null;
  /** so long after that time, in milliseconds, what is not small stays as it is; null: reductions are brought to an end */
  readonly endMs: number | null;
  readonly limitMs: number;
  readonly memory: number;
  readonly identity: Identity;
  readonly known: string;
  readonly cases: string;
  /** URL of the module that workers load: see worker-main.ts */
  readonly world: string;
  readonly signal: AbortSignal;
  onProgress(progress: Progress): void;
  onFinding(news: FindingNews): void;
  /** of what is damaged and left out; several workers may say the same */
  onWarning(line: string): void;
}

/** How far it is. */
export interface Progress {
  /** of this session */
  readonly histories: number;
  readonly steps: number;
  readonly ms: number;
  /** of all sessions */
  readonly states: number;
  readonly findings: number;
  /** until the next limit: milliseconds or histories; null without one */
  readonly left: { readonly ms: number | null; readonly histories: number | null };
}

export interface SessionEnd {
  readonly progress: Progress;
  /** of this session */
  readonly findings: readonly FindingNews[];
  readonly replaced: readonly string[];
  readonly isInterrupted: boolean;
  /** why it could not go on; null: it could */
  readonly failure: string | null;
}

/** Rounds that a worker is given at once. */
const BLOCK = 8;
/** A worker that ends by itself is started again so many times in a session. */
const RESTARTS = 3;
/** How long reductions may go on when the time of the campaign is over, milliseconds. */
const GRACE_MS = 20_000;
/** How long workers may take to end when they are told to, milliseconds: reductions are brought to an end first. */
const END_LIMIT_MS = 90_000;
const INTERRUPT_LIMIT_MS = 12_000;
/** How long workers may take to start, milliseconds: a session with a time limit ends then. */
const START_LIMIT_MS = 60_000;
/** How long workers of an engine that was killed may take to end. */
const FORMER_LIMIT_MS = 15_000;
/** More of what a worker printed is left out. */
const MOST_PRINTED = 4000;

const WORKER = fileURLToPath(new URL('./worker-main.js', import.meta.url));

/** Runs a session of a campaign to its end. @throws what the file system throws */
export async function runSession(options: EngineOptions): Promise<SessionEnd> {
  writePlan(options.directory, options.plan);
  await formerWorkers(options);
  return new Session(options).run();
}

/**
 * Waits for the workers of an engine that was killed: what they still write must be read, and not be done again.
 * @throws Error when they go on: then the engine does, too
 */
async function formerWorkers({ directory, plan, shard, signal }: EngineOptions): Promise<void> {
  const end = performance.now() + FORMER_LIMIT_MS;
  const former = workersIn(directory).filter(
    ({ info }) =>
      info.campaign === campaignId(plan) && info.shard.index === shard.index && info.shard.of === shard.of,
  );
  for (const { info } of former) {
    while (isRunning(info) && !signal.aborted) {
      if (performance.now() > end)
        throw new Error(`${directory}: a worker of this shard is still running, process ${info.pid}`);
      await pause(50);
    }
  }
}

interface Running {
  readonly child: ChildProcess;
  /** rounds that it was given and has not told the end of */
  readonly rounds: Set<number>;
  /** directories of findings that it is to make small and has not told of */
  readonly unfinished: Set<string>;
  readonly ended: Promise<void>;
  isBegun: boolean;
  printed: string;
}

class Session {
  readonly #options: EngineOptions;
  readonly #done: Set<number>;
  readonly #states = new Set<string>();
  readonly #claims = new Claims<Running>();
  readonly #known: FindingNews[] = [];
  readonly #unfinished: string[] = [];
  readonly #workers = new Set<Running>();
  readonly #again: number[] = [];
  readonly #findings: FindingNews[] = [];
  readonly #replaced: string[] = [];
  /** when the first worker was ready to play */
  #started: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #next = 0;
  #given = 0;
  #histories = 0;
  #steps = 0;
  #restarts = 0;
  #isStopping = false;
  #failure: string | null = null;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#done = new Set();
    const { plan, shard, directory } = options;
    for (const worker of workersIn(directory)) {
      if (worker.info.campaign !== campaignId(plan)) continue;
      const isOurs = worker.info.shard.index === shard.index && worker.info.shard.of === shard.of;
      for (const { round, states } of worker.rounds) {
        if (isOurs) this.#done.add(round);
        for (const state of states ?? []) this.#states.add(state);
      }
      for (const files of findingsOf(worker)) this.#remember(files, isOurs);
    }
    this.#given = this.#done.size;
  }

  async run(): Promise<SessionEnd> {
    const { workers, ms, signal } = this.#options;
    const onAbort = (): void => this.#stop(true);
    signal.addEventListener('abort', onAbort, { once: true });
    if (ms !== null) this.#timer = setTimeout(() => this.#stop(false), ms + START_LIMIT_MS);
    const ticker = setInterval(() => this.#options.onProgress(this.#progress()), 500);
    try {
      for (let i = 0; i < workers; i++) this.#start(this.#unfinished.filter((_, at) => at % workers === i));
      if (signal.aborted) this.#stop(true);
      while (this.#workers.size > 0) await Promise.race([...this.#workers].map(({ ended }) => ended));
    } finally {
      clearTimeout(this.#timer);
      clearInterval(ticker);
      signal.removeEventListener('abort', onAbort);
      for (const { child } of this.#workers) child.kill('SIGKILL');
    }
    return {
      progress: this.#progress(),
      findings: this.#findings,
      replaced: this.#replaced,
      isInterrupted: signal.aborted,
      failure: this.#failure,
    };
  }

  #remember(files: FindingFiles, isOurs: boolean): void {
    const raw = basename(files.path);
    this.#claims.keep(raw);
    const { minimal } = files;
    const isFinished = minimal !== null || showedOnce(files);
    if (!isFinished && isOurs) this.#unfinished.push(files.path);
    this.#known.push({
      raw,
      id: minimal?.id ?? raw,
      small: minimal === null ? null : historyText(minimal.history),
      state: 'known',
      line: '',
      path: files.path,
    });
  }

  /** @param unfinished directories of findings that it is to make small */
  #start(unfinished: readonly string[]): void {
    const { directory, plan, shard, identity, limitMs, memory, known, cases, world } = this.#options;
    const child = fork(WORKER, [world], {
      // A group of its own: Ctrl-C reaches the engine alone.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    let ended = (): void => {};
    const worker: Running = {
      child,
      rounds: new Set(),
      unfinished: new Set(unfinished),
      ended: new Promise((resolve) => {
        ended = resolve;
      }),
      isBegun: false,
      printed: '',
    };
    this.#workers.add(worker);
    const print = (chunk: Buffer): void => {
      worker.printed = (worker.printed + chunk.toString('utf8')).slice(-MOST_PRINTED);
    };
    child.stdout!.on('data', print);
    child.stderr!.on('data', print);
    child.on('error', () => {});
    child.on('message', (message: FromWorker) => this.#hear(worker, message));
    child.on('close', (code, signal) => {
      this.#workers.delete(worker);
      this.#lost(worker, code === null ? `was killed by ${signal}` : `ended with code ${code}`, code === 0);
      ended();
    });
    const begin: Begin = {
      directory,
      plan,
      shard,
      identity: {
        ...identity,
        capabilities: [...identity.capabilities],
        formats: [...identity.formats],
      },
      limitMs,
      memory,
      known,
      cases,
      unfinished,
    };
    this.#tell(worker, { type: 'begin', ...begin });
  }

  #hear(worker: Running, message: FromWorker): void {
    switch (message.type) {
      case 'more':
        if (!worker.isBegun) this.#introduce(worker);
        this.#give(worker);
        break;
      case 'round': {
        const { round, steps, states } = message.record;
        worker.rounds.delete(round);
        this.#done.add(round);
        this.#histories++;
        this.#steps += steps;
        this.#cover(worker, states ?? []);
        break;
      }
      case 'claim': {
        const { id } = message;
        this.#claims.ask(id, worker, (isYours) => this.#tell(worker, { type: 'claimed', id, isYours }));
        break;
      }
      case 'kept':
        this.#claims.keep(message.id);
        worker.unfinished.add(message.path);
        break;
      case 'finding':
        worker.unfinished.delete(message.news.path);
        this.#found(worker, message.news);
        break;
      case 'replaced':
        this.#replaced.push(message.why);
        break;
      case 'warning':
        this.#options.onWarning(message.line);
        break;
      case 'fatal':
        this.#failure ??= message.message;
        this.#stop(true);
        break;
    }
  }

  /** The time of the session begins: that of starting workers is not counted. */
  #begin(): void {
    this.#started = performance.now();
    const { ms } = this.#options;
    if (ms === null) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#stop(false), ms);
  }

  /** What was known before this worker began. */
  #introduce(worker: Running): void {
    worker.isBegun = true;
    if (this.#started === null) this.#begin();
    this.#tell(worker, { type: 'states', states: [...this.#states] });
    for (const news of [...this.#known, ...this.#findings]) this.#tell(worker, { type: 'finding', news });
  }

  #give(worker: Running): void {
    const rounds: number[] = [];
    while (rounds.length < BLOCK && !this.#isStopping) {
      const round = this.#nextRound();
      if (round === null) break;
      rounds.push(round);
      worker.rounds.add(round);
    }
    // None: there are no more.
    this.#tell(worker, { type: 'work', rounds });
  }

  #nextRound(): number | null {
    const again = this.#again.shift();
    if (again !== undefined) return again;
    const { runs } = this.#options;
    if (runs !== null && this.#given >= runs) return null;
    while (this.#done.has(this.#next)) this.#next++;
    this.#given++;
    return this.#next++;
  }

  #cover(from: Running, states: readonly string[]): void {
    const fresh = states.filter((state) => !this.#states.has(state));
    if (fresh.length === 0) return;
    for (const state of fresh) this.#states.add(state);
    for (const worker of this.#workers) {
      if (worker !== from && worker.isBegun) this.#tell(worker, { type: 'states', states: fresh });
    }
  }

  #found(from: Running, news: FindingNews): void {
    const isThere = [...this.#known, ...this.#findings].some(
      ({ id, raw }) => id === news.id && raw !== news.raw,
    );
    this.#findings.push(isThere ? { ...news, state: 'known' } : news);
    if (!isThere) this.#options.onFinding(news);
    for (const worker of this.#workers) if (worker !== from) this.#tell(worker, { type: 'finding', news });
  }

  /** A worker has gone: what it was given, or found, is given to others, unless it went because it was done. */
  #lost(worker: Running, how: string, isGood: boolean): void {
    this.#claims.release(worker);
    if (this.#isStopping || (isGood && worker.rounds.size === 0)) return;
    this.#again.push(...worker.rounds);
    if (this.#restarts++ < RESTARTS) {
      this.#start([...worker.unfinished]);
      return;
    }
    this.#failure ??= `a worker ${how}; it printed:\n${worker.printed}`;
    this.#stop(true);
  }

  #stop(now: boolean): void {
    if (this.#isStopping && !now) return;
    this.#isStopping = true;
    const { endMs } = this.#options;
    // Half of the time is left to play again what has become small.
    const graceMs = Math.min(GRACE_MS, (endMs ?? GRACE_MS * 2) / 2);
    if (!now && endMs !== null) this.#timer = setTimeout(() => this.#stop(true), endMs);
    for (const worker of this.#workers) {
      this.#tell(worker, { type: 'stop', now, graceMs });
      const limit = now ? INTERRUPT_LIMIT_MS : END_LIMIT_MS;
      const timer = setTimeout(() => worker.child.kill('SIGKILL'), limit);
      void worker.ended.then(() => clearTimeout(timer));
    }
  }

  #tell({ child }: Running, message: ToWorker): void {
    if (child.connected) child.send(message, () => {});
  }

  #progress(): Progress {
    const { ms, runs } = this.#options;
    const spent = this.#started === null ? 0 : performance.now() - this.#started;
    return {
      histories: this.#histories,
      steps: this.#steps,
      ms: spent,
      states: this.#states.size,
      findings: new Set([...this.#known, ...this.#findings].map(({ id }) => id)).size,
      left: {
        ms: ms === null ? null : Math.max(0, ms - spent),
        histories: runs === null ? null : Math.max(0, runs - this.#done.size),
      },
    };
  }
}

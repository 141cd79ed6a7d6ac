/**
 * A worker of a campaign: plays the rounds that it is given on two processes of the target, one waiting while the other
 * works, and writes down what they come to before it says so.
 */
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { bounded, Interrupted } from '../../case/run/guard.js';
import type { TargetChoice } from '../../target/parse.js';
import type { Identity } from '../../target/target.js';
import { type Bad, isBad, type Signature, signatureOf } from '../finding/signature.js';
import { Trigger } from '../finding/trigger.js';
import type { History, Outcome, Prober } from '../history.js';
import { historyText, parseHistory } from '../history-text.js';
import type { World } from '../property.js';
import { Keeping } from './claims/keeping.js';
import { Corpus } from './corpus/corpus.js';
import { KNOWN_PREFIX, type RoundRecord, WorkerDirectory } from './files.js';
import { type FindingFiles, type Found, readFinding, showedOnce } from './findings.js';
import { Histories } from './histories.js';
import { findingLine, investigate } from './investigate.js';
import { Known, knownByTrigger, readKnown } from './known.js';
import { largestChild } from './memory.js';
import type { Begin, FindingNews, FromWorker, ToWorker } from './messages.js';
import { campaignId, workOf } from './plan.js';
import { type Round, Rounds } from './rounds.js';
import { isSayable } from './sense.js';

/** Resident processes of the target: one alone waits half of its time. */
const LANES = 2;
/** Histories after which a process is replaced by a new one, so that what it gathers does not matter. */
const RECYCLE_AFTER = 500;
/** Histories between two looks at the memory of the processes. */
const LOOK_EVERY = 16;
/** If so many histories in a row go wrong and none ever went well, it is not the histories. */
const BAD_AT_FIRST = 6;
/** Findings that show alike but are not set off alike, and are looked at all the same. */
const MOST_ALIKE = 3;
const CLOSE_LIMIT_MS = 10_000;

/** What a worker knows of a finding, its own or another's. */
interface Heard {
  readonly trigger: Trigger | null;
}

export class CampaignWorker {
  readonly #begin: Begin;
  readonly #world: World;
  readonly #choice: TargetChoice;
  readonly #identity: Identity;
  readonly #send: (message: FromWorker) => void;
  readonly #errorId: (desc: string, errorClass: string) => string | undefined;
  readonly #files: WorkerDirectory;
  readonly #known: Known;
  readonly #states = new Set<string>();
  readonly #corpus: Corpus;
  readonly #histories: Histories;
  readonly #heard = new Map<string, Heard>();
  readonly #keeping: Keeping;
  readonly #rounds: Rounds;
  readonly #deferred: string[];
  /** the campaign is over, or interrupted */
  readonly #enough = new AbortController();
  readonly #now = new AbortController();
  #good = 0;
  #badInARow = 0;
  #generation = 0;
  #failure: Error | null = null;

  constructor(
    begin: Begin,
    world: World,
    choice: TargetChoice,
    errorId: (desc: string, errorClass: string) => string | undefined,
    send: (message: FromWorker) => void,
  ) {
    this.#begin = begin;
    this.#world = world;
    this.#choice = choice;
    this.#errorId = errorId;
    this.#send = send;
    const { identity, plan, shard } = begin;
    this.#identity = {
      ...identity,
      capabilities: new Set(identity.capabilities),
      formats: new Set(identity.formats),
    };
    const { program, version } = identity;
    this.#files = new WorkerDirectory(begin.directory, {
      campaign: campaignId(plan),
      shard,
      program,
      version,
      started: new Date().toISOString(),
      host: hostname(),
      pid: process.pid,
    });
    this.#known = new Known(readKnown(begin.known), begin.cases, program, version);
    this.#corpus = new Corpus((line) => send({ type: 'warning', line }));
    this.#corpus.read(begin.directory, campaignId(plan));
    this.#histories = new Histories(world, this.#identity, this.#corpus, (history) =>
      this.#firstKnown(history),
    );
    this.#rounds = new Rounds({
      workOf: (round) => workOf(plan, shard, round),
      draw: (work) => this.#histories.draw(work),
      ask: () => send({ type: 'more' }),
      signal: this.#now.signal,
    });
    this.#deferred = [...begin.unfinished];
    this.#keeping = new Keeping((id) => send({ type: 'claim', id }));
  }

  /** What the engine says. */
  hear(message: ToWorker): void {
    switch (message.type) {
      case 'work':
        this.#rounds.add(message.rounds);
        break;
      case 'states':
        for (const state of message.states) this.#states.add(state);
        break;
      case 'claimed':
        this.#keeping.answer(message.id, message.isYours);
        break;
      case 'finding':
        this.#learn(message.news);
        break;
      case 'stop':
        this.#stop(message.now, message.graceMs);
        break;
      case 'begin':
        break;
    }
  }

  /** Plays until there is no more to play. @throws what the harness or the file system throws */
  async run(): Promise<void> {
    try {
      const lanes = Array.from({ length: LANES }, () => this.#lane());
      await Promise.allSettled(lanes);
      if (this.#failure !== null) throw this.#failure;
    } finally {
      this.#files.close();
    }
  }

  #stop(now: boolean, graceMs: number): void {
    if (now) {
      this.#enough.abort();
      this.#now.abort();
      this.#keeping.interrupt();
    } else setTimeout(() => this.#enough.abort(), graceMs).unref();
    this.#rounds.stop();
  }

  #learn({ raw, small }: FindingNews): void {
    const trigger = small === null ? null : new Trigger(parseHistory(small, raw).steps);
    this.#heard.set(raw, { trigger });
  }

  async #lane(): Promise<void> {
    let prober = this.#prober();
    let generation = this.#generation;
    let played = 0;
    let ready: Round | null = null;
    try {
      for (;;) {
        if (this.#good > 0 && (await this.#lookAtDeferred(prober))) continue;
        const round: Round | null = ready ?? (await this.#rounds.next());
        ready = null;
        if (round === null || this.#rounds.isOver) {
          // Where nothing went well until the end, what was found is looked at all the same.
          while (await this.#lookAtDeferred(prober));
          return;
        }
        const playing = prober;
        await this.#round(prober, round, () => {
          ready = this.#rounds.ahead(playing);
        });
        played++;
        if (played % LOOK_EVERY === 0) this.#lookAtMemory();
        if (played < RECYCLE_AFTER && generation === this.#generation) continue;
        await closeProber(prober);
        prober = this.#prober();
        generation = this.#generation;
        played = 0;
      }
    } catch (error) {
      if (error instanceof Interrupted || this.#now.signal.aborted) return;
      this.#failure ??= error as Error;
      // The other one must not wait for rounds that nobody will bring.
      this.#stop(true, 0);
    } finally {
      await closeProber(prober);
    }
  }

  /** @returns whether there was one */
  async #lookAtDeferred(prober: Prober): Promise<boolean> {
    if (this.#deferred.length === 0 || this.#enough.signal.aborted) return false;
    await this.#look(prober, this.#deferred.shift()!);
    return true;
  }

  #prober(): Prober {
    const { limitMs } = this.#begin;
    return this.#world.prober(this.#choice, { limitMs, signal: this.#now.signal });
  }

  #lookAtMemory(): void {
    const bytes = largestChild();
    if (bytes <= this.#begin.memory) return;
    // Whose child it is cannot be told, so both get a new one.
    this.#generation++;
    this.#send({ type: 'replaced', why: `a process of the target had ${Math.round(bytes / 2 ** 20)} MiB` });
  }

  async #round(
    prober: Prober,
    { round, work, drawn, ms: made }: Round,
    meanwhile: () => void,
  ): Promise<void> {
    const { property, seed } = work;
    const started = performance.now();
    if (drawn === null) {
      this.#record({ round, property, seed, steps: 0, outcome: 'none', ms: 0 }, undefined);
      return;
    }
    const { history, reached, parent, isSteered } = drawn;
    const outcome = await prober.probe(history, meanwhile);
    if (outcome.kind === 'surroundings') throw new Error(outcome.message);
    const states = reached.states.filter((state) => !this.#states.has(state));
    let finding: { readonly id: string; readonly path: string | null } | null = null;
    if (isBad(outcome)) finding = await this.#keep(history, outcome, round);
    const record: RoundRecord = {
      round,
      property,
      seed,
      ...(parent === undefined ? {} : { parent }),
      ...(isSteered ? { steered: true } : {}),
      steps: history.steps.length,
      outcome: outcome.kind,
      ...(outcome.kind === 'unplayable' ? { message: outcome.message } : {}),
      ms: Math.round(made + performance.now() - started),
      ...(finding === null ? {} : { finding: finding.id }),
      ...(states.length === 0 ? {} : { states }),
      ...(reached.goals.length === 0 ? {} : { goals: reached.goals }),
    };
    this.#record(record, outcome.kind === 'unplayable' ? undefined : history);
    this.#judge(outcome);
    if (finding?.path == null) return;
    if (this.#good > 0) await this.#look(prober, finding.path);
    else this.#deferred.push(finding.path);
  }

  /** @throws Error when nothing ever goes well: then it is the target, and not what is done with it */
  #judge(outcome: Outcome): void {
    if (isBad(outcome)) this.#badInARow++;
    else {
      this.#badInARow = 0;
      this.#good++;
    }
    if (this.#good > 0 || this.#badInARow < BAD_AT_FIRST || !isBad(outcome)) return;
    const what = 'message' in outcome ? outcome.message : outcome.observed.join('\n');
    throw new Error(
      `the first ${BAD_AT_FIRST} histories all ended badly, the last with a ${outcome.kind}: ${what}`,
    );
  }

  #record(record: RoundRecord, history: History | undefined): void {
    this.#files.round(record);
    if (history !== undefined && record.states !== undefined) {
      for (const state of record.states) this.#states.add(state);
      const { id, text } = this.#corpus.keep(history);
      this.#files.keep(id, text);
    }
    this.#send({ type: 'round', record });
  }

  /** The first step at which something that was found, or that is known, would show. */
  #firstKnown(history: History): number | null {
    let first = this.#world.knownIn?.(history, this.#identity)[0]?.step ?? null;
    for (const { trigger } of this.#heard.values()) {
      const at = trigger?.in(history.steps) ?? null;
      if (at !== null && (first === null || at < first)) first = at;
    }
    return first;
  }

  /**
   * Keeps a finding that is not known yet; `path` is its directory if it is to be looked at. When it returns, the finding
   * is on disk, here or with another worker.
   * @throws Interrupted when nobody said who keeps it; what the file system throws
   */
  async #keep(
    history: History,
    outcome: Bad,
    round: number,
  ): Promise<{ readonly id: string; readonly path: string | null }> {
    const known = this.#world.knownIn?.(history, this.#identity).find(({ step }) => step === outcome.step);
    if (known !== undefined) return { id: KNOWN_PREFIX + known.name, path: null };
    const signature = signatureOf(history, outcome);
    for (let count = 1; count <= MOST_ALIKE; count++) {
      const id = count === 1 ? signature.id : `${signature.id}-${count}`;
      // The other lane keeps it just now. If it cannot, this one must not count on it.
      await this.#keeping.settled(id);
      const heard = this.#heard.get(id);
      if (heard !== undefined) {
        // It shows alike; if it is set off alike, it is the same.
        if (heard.trigger === null || heard.trigger.in(history.steps) !== null) return { id, path: null };
        continue;
      }
      const path = await this.#keeping.keep(id, () => this.#save(id, history, outcome, signature, round));
      if (!this.#heard.has(id)) this.#heard.set(id, { trigger: null });
      return { id, path };
    }
    return { id: signature.id, path: null };
  }

  #save(id: string, history: History, outcome: Bad, signature: Signature, round: number): string {
    const { program, version } = this.#identity;
    const found: Found = { signature, outcome, round, target: this.#choice.name, program, version };
    if (!isSayable(history))
      throw new RangeError(`${history.property} drew what no case can say:\n${historyText(history)}`);
    const remark = `${signature.kind} at ${signature.where}: ${signature.what}`;
    const path = this.#files.finding(id, {
      'found.json': `${JSON.stringify(found, null, 2)}\n`,
      'history.yaml': historyText(history, remark),
    });
    this.#send({ type: 'kept', id, path });
    return path;
  }

  async #look(prober: Prober, path: string): Promise<void> {
    const name = readFinding(path)?.history.property;
    const files = await investigate(path, {
      prober,
      property: this.#world.properties.find((one) => one.name === name),
      choice: this.#choice,
      limitMs: this.#begin.limitMs,
      enough: this.#enough.signal,
      signal: this.#now.signal,
      errorId: this.#errorId,
    });
    const news = this.#newsOf(basename(path), files);
    this.#learn(news);
    this.#send({ type: 'finding', news });
  }

  #newsOf(raw: string, files: FindingFiles): FindingNews {
    const { minimal, found, history, path } = files;
    const steps = (minimal?.history ?? history).steps;
    const isKnown =
      this.#known.find((minimal ?? found).signature, steps) !== undefined ||
      knownByTrigger(files, this.#world) !== undefined;
    return {
      raw,
      id: minimal?.id ?? raw,
      small: minimal === null ? null : historyText(minimal.history),
      state: isKnown ? 'known' : showedOnce(files) ? 'once' : 'new',
      line: findingLine(files),
      path,
    };
  }
}

async function closeProber(prober: Prober): Promise<void> {
  try {
    await bounded(prober.close(), CLOSE_LIMIT_MS, 'closing the target');
  } catch {
    // What it had to say has been written down; its processes end with this one.
  }
}

/**
 * Waiting for events, and what is printed of them. When an event comes is luck; that it comes, and in what order the
 * events of one job come, is not. So events of jobs, and those that the case waits for, are held back until a `wait` asks
 * for them, which takes all of its job up to the one that it names.
 */
import { isJsonObject, type Json, type JsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import type { Reply } from '../../target/target.js';
import type { Step, WaitAction } from '../case.js';
import type { AnswerContext } from './answer.js';
import { mapStrings } from './json.js';
import { printable } from './printable.js';
import { restoreSymbols } from './symbol.js';

const NEVER = '   ! it does not come';
const STATUS = 'JOB_STATUS_CHANGE';
/** Events that are told before their job is concluded, or never. */
const OF_BLOCK_JOB = /^BLOCK_JOB_/;

/** The names of events that the steps wait for, beside those of jobs. */
export function awaitedEvents(steps: readonly Step[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { action } of steps) {
    const act = action.verb === 'either' ? action.action : action;
    if (act.verb === 'wait' && act.job === undefined) names.add(act.event);
  }
  return names;
}

/** The events that no `wait` has taken yet. */
export class HeldEvents {
  readonly #awaited: ReadonlySet<string>;
  #held: JsonObject[] = [];
  /** the state in which the last wait left each job */
  readonly #states = new Map<string, string>();

  constructor(awaited: ReadonlySet<string>) {
    this.#awaited = awaited;
  }

  /** Holds back what has to be waited for, and returns the rest, in order. */
  sort(events: readonly JsonObject[]): JsonObject[] {
    return events.filter((event) => {
      const job = jobOf(event);
      const isHeld = job !== null || this.#awaited.has(String(event.event));
      if (job !== null && statusOf(event) === 'created') this.#forget(job);
      if (isHeld) this.#held.push(event);
      return !isHeld;
    });
  }

  /** After a restart nothing that was said before it is waited for. */
  clear(): void {
    this.#held = [];
    this.#states.clear();
  }

  /** A new job of that id: what was said of the old one is not waited for any more. */
  #forget(job: string): void {
    this.#held = this.#held.filter((event) => jobOf(event) !== job);
    this.#states.delete(job);
  }

  has(job: string): boolean {
    return this.#held.some((event) => jobOf(event) === job);
  }

  /** The state of a job that was told last, of those that are held here; null for none. */
  lastState(job: string): string | null {
    const own = this.#held.filter((event) => jobOf(event) === job && statusOf(event) !== null);
    return own.length === 0 ? null : statusOf(own.at(-1)!);
  }

  /** Whether all has been said of a job, and is held here. */
  isOver(job: string): boolean {
    return this.#held.some(
      (event) => jobOf(event) === job && /^(concluded|null)$/.test(statusOf(event) ?? ''),
    );
  }

  /** Takes the first event of that name whose data has all of `match`. */
  takeNamed(name: string, match: JsonObject): JsonObject | null {
    const at = this.#held.findIndex(({ event, data }) => event === name && contains(data ?? {}, match));
    return at < 0 ? null : this.#held.splice(at, 1)[0]!;
  }

  /**
   * Takes the events of a job up to the one that is waited for.
   *
   * @returns null while it may still come; `isMet` false if it cannot come any more
   */
  takeOfJob(action: JobWait): { readonly events: readonly JsonObject[]; readonly isMet: boolean } | null {
    const own = this.#held.filter((event) => jobOf(event) === action.job);
    const isIt = (event: JsonObject): boolean =>
      action.event === undefined ? statusOf(event) === action.state : event.event === action.event;
    // Of pauses only the one that the job is in counts.
    const last = own.findLastIndex((event) => statusOf(event) !== null);
    const met = isPause(action)
      ? own.findIndex((event, at) => at === last && isIt(event))
      : own.findIndex(isIt);
    const over = own.findIndex((event) => isLast(statusOf(event), action));
    const end = met < 0 ? over : met;
    if (end < 0) return null;
    const events = own.slice(0, end + 1);
    this.#held = this.#held.filter((event) => !events.includes(event));
    return { events, isMet: met >= 0 };
  }

  /** The states that a job went through, told by `events`, without pauses that nobody asked for. */
  fold(job: string, states: readonly string[]): string[] {
    const before = this.#states.get(job);
    const all = foldPauses(before === undefined ? states : [before, ...states]);
    const last = all.at(-1);
    if (last !== undefined) this.#states.set(job, last);
    return before === undefined ? all : all.slice(1);
  }
}

/** Whether it is a state that a job may be in for a moment, because its surroundings need it. */
function isPause({ state }: JobWait): boolean {
  return state === 'paused' || state === 'standby';
}

type JobWait = Extract<WaitAction, { readonly job: string }>;

/** Whether nothing that is waited for comes after this state. */
function isLast(status: string | null, { event, state }: JobWait): boolean {
  return status === 'null' || (status === 'concluded' && (event !== undefined || state !== 'null'));
}

/**
 * Every job that is drained may be paused for a moment, and is as it was after that: `running paused running` is
 * `running`, `ready standby ready` is `ready`. Where a path ends in a pause, it stays.
 */
export function foldPauses(states: readonly string[]): string[] {
  const folded: string[] = [];
  for (const state of states) {
    const [before, last] = folded.slice(-2);
    const isPause = (last === 'paused' && before === 'running') || (last === 'standby' && before === 'ready');
    if (isPause && state === before) folded.pop();
    else folded.push(state);
  }
  return folded;
}

/** What waiting needs of the session: events as they come, and a way to ask what jobs there are. */
export interface Waiting {
  readonly held: HeldEvents;
  /** takes what has come by now; false if nothing more can come. Rejects when nothing comes in time */
  more(): Promise<boolean>;
  queryJobs(): Promise<Reply>;
}

/** Waits, and says what came. Rejects with what `waiting` rejects with. */
export async function performWait(
  action: WaitAction,
  waiting: Waiting,
  context: AnswerContext,
): Promise<string[]> {
  const { held } = waiting;
  const shown = (event: JsonObject): string[] => heldEventLines(event, action.any, context);
  if (action.job === undefined) {
    for (;;) {
      const event = held.takeNamed(action.event, action.match);
      if (event !== null) return shown(event);
      if (!(await waiting.more())) return [NEVER];
    }
  }
  const status = await statusNow(waiting, action.job);
  if (status === null && !held.has(action.job)) return ['   ! there is no such job'];
  let isAskedAgain = false;
  for (;;) {
    // A pause that is over by now was none that anybody asked for.
    const isTooEarly = isPause(action) && (await statusNow(waiting, action.job)) !== action.state;
    const taken = isTooEarly && !held.isOver(action.job) ? null : held.takeOfJob(action);
    if (taken !== null) {
      const lines = pathLines(held, action.job, taken.events, shown);
      return taken.isMet ? lines : [...lines, NEVER];
    }
    // The pause may have been told between the question and its answer: then nothing more comes, and it is asked again.
    const isToldMeanwhile = isTooEarly && held.lastState(action.job) === action.state;
    if (isToldMeanwhile && !isAskedAgain) {
      isAskedAgain = true;
      continue;
    }
    isAskedAgain = false;
    if (!(await waiting.more())) return [NEVER];
  }
}

/** The state that a job is in, as query-jobs says; null if there is no such job. */
async function statusNow({ queryJobs }: Waiting, job: string): Promise<string | null> {
  const reply = await queryJobs();
  const jobs = 'return' in reply && Array.isArray(reply.return) ? reply.return : [];
  const found = jobs.find((one) => isJsonObject(one) && one.id === job);
  return found === undefined ? null : String((found as JsonObject).status);
}

/** States one after the other on a line, other events on lines of their own; one that is told again is told once. */
function pathLines(
  held: HeldEvents,
  job: string,
  events: readonly JsonObject[],
  shown: (event: JsonObject) => string[],
): string[] {
  const lines: string[] = [];
  const told = new Set<string>();
  let states: string[] = [];
  const flush = (): void => {
    const path = held.fold(job, states);
    if (path.length > 0) lines.push(`   ${path.map(printable).join(' ')}`);
    states = [];
  };
  for (const event of events) {
    const status = statusOf(event);
    if (status !== null) {
      states.push(status);
      continue;
    }
    const text = shown(event);
    if (told.has(text.join('\n'))) continue;
    told.add(text.join('\n'));
    flush();
    lines.push(...text);
  }
  flush();
  return lines;
}

function heldEventLines(
  { event, data }: JsonObject,
  any: readonly string[],
  { directory }: AnswerContext,
): string[] {
  const members = Object.entries(isJsonObject(data ?? null) ? (data as JsonObject) : {});
  const masked = Object.fromEntries(
    members.map(([name, value]) => [name, any.includes(name) ? 'any' : value]),
  );
  const name = printable(String(event));
  const told = mapStrings(masked, (text) => restoreSymbols(text, directory));
  return [`   ${name} ${writeJson(told, { sorted: true })}`];
}

/** The id of the job that an event is about; null if it is about none. */
function jobOf({ event, data }: JsonObject): string | null {
  if (!isJsonObject(data ?? null)) return null;
  const { id, device } = data as JsonObject;
  if (event === STATUS) return String(id);
  return typeof event === 'string' && OF_BLOCK_JOB.test(event) ? String(device ?? id) : null;
}

function statusOf({ event, data }: JsonObject): string | null {
  return event === STATUS && isJsonObject(data ?? null) ? String((data as JsonObject).status) : null;
}

function contains(data: Json, match: Json): boolean {
  if (!isJsonObject(match)) return JSON.stringify(data) === JSON.stringify(match);
  return (
    isJsonObject(data) &&
    Object.entries(match).every(([name, value]) => data[name] !== undefined && contains(data[name], value))
  );
}

/**
 * Makes a history simpler while it still shows what it shows. Its own reducer, because those of property testers stop
 * at histories from which no single step can be taken: here a step may go while another takes over its work.
 * Deterministic, but for a limit of time.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Step } from '../../case/case.js';
import { allRequirements, beyondSteps } from '../../case/requires.js';
import type { History } from '../history.js';
import { stepLines } from '../history-text.js';
import { type Cost, costOf, isLess } from './cost.js';
import { mentions, namesIn, plainNames, renamed } from './names.js';
import { numbersIn, plainNumbers, taking, withNumber, withNumbers } from './numbers.js';
import { commandsOf, simpler } from './simplify.js';

export interface ReduceOptions {
  /** whether a history still does; what it costs is counted as a probe */
  shows(history: History): Promise<boolean>;
  /** whether a history could be played at all; no probe is needed to know. Default: all that the case language can say */
  isValid?(history: History): boolean;
  /** what it requires whatever its steps are; default: what its steps do not imply */
  readonly requires?: readonly string[];
  /** at most so many probes; default 1000 */
  readonly probes?: number;
  /** milliseconds; default: no limit */
  readonly ms?: number;
  readonly signal?: AbortSignal;
}

export interface Reduced {
  readonly history: History;
  readonly probes: number;
  /** false: a limit ended it */
  readonly isComplete: boolean;
}

/** From so few steps on, pairs of steps are tried. */
const PAIRS_BELOW = 16;

/** @param history shows it; it is not probed again */
export async function reduce(history: History, options: ReduceOptions): Promise<Reduced> {
  return new Reducer(history, options).run();
}

class Limit extends Error {}

class Reducer {
  #history: History;
  readonly #requires: readonly string[];
  readonly #options: ReduceOptions;
  readonly #tried = new Set<string>();
  readonly #end: number;
  #best: readonly Step[];
  #cost: Cost;
  #probes = 0;

  constructor(history: History, options: ReduceOptions) {
    this.#history = history;
    this.#requires = options.requires ?? beyondSteps(history.steps, history.requires);
    this.#options = options;
    this.#best = history.steps;
    this.#cost = costOf(history.steps);
    this.#end = performance.now() + (options.ms ?? Number.POSITIVE_INFINITY);
  }

  async run(): Promise<Reduced> {
    let isComplete = true;
    try {
      await this.#plainFormat();
      for (let before: Cost | null = null; before === null || isLess(this.#cost, before); ) {
        before = this.#cost;
        await this.#dropChunks();
        await this.#dropNames();
        await this.#dropWhileOthersDoMore();
        await this.#dropPairs();
        await this.#mergeNames();
        await this.#splitTransactions();
        await this.#simplify();
        await this.#lowerAll();
        await this.#lowerEach();
      }
      await this.#plainFormat();
      await this.#plainNames();
    } catch (error) {
      if (!(error instanceof Limit)) throw error;
      isComplete = false;
    }
    const steps = this.#best.map(({ action }) => ({ line: 0, action }));
    return { history: this.#requiring({ ...this.#history, steps }), probes: this.#probes, isComplete };
  }

  /** Takes the steps if they are simpler and still show it. @throws Limit */
  async #try(steps: readonly Step[], mayCostAsMuch = false): Promise<boolean> {
    const cost = costOf(steps);
    if (!isLess(cost, this.#cost) && !(mayCostAsMuch && !isLess(this.#cost, cost))) return false;
    const key = stepLines(steps).join('\n');
    if (this.#tried.has(key)) return false;
    this.#tried.add(key);
    if (!(await this.#shows({ ...this.#history, steps }))) return false;
    this.#best = steps;
    this.#cost = cost;
    return true;
  }

  /** @throws Limit */
  async #shows(history: History): Promise<boolean> {
    const { probes = 1000, signal } = this.#options;
    if (this.#probes >= probes || performance.now() > this.#end || signal?.aborted === true)
      throw new Limit();
    if (this.#options.isValid?.(history) === false) {
      // To look at one takes time, too, and there may be thousands in a row: whoever wants an end has to be heard.
      await nextTurn();
      return false;
    }
    this.#probes++;
    return this.#options.shows(this.#requiring(history));
  }

  /** What is asked after a step follows from what a history requires: so a candidate requires what it will when it is small. */
  #requiring(history: History): History {
    return { ...history, requires: allRequirements(history.steps, this.#requires) };
  }

  /** What shows on raw images, too, has nothing to do with the format. */
  async #plainFormat(): Promise<void> {
    if (this.#history.format === 'raw') return;
    const history: History = { ...this.#history, format: 'raw' };
    if (await this.#shows(history)) this.#history = history;
  }

  /** Runs of steps, longer ones first, from the end: what comes last depends on what came before. */
  async #dropChunks(): Promise<void> {
    for (let size = this.#best.length >> 1; size >= 1; size = size === 1 ? 0 : size >> 1) {
      for (let end = this.#best.length; end > 0; ) {
        const start = Math.max(0, end - size);
        const isGone = await this.#try(this.#best.filter((_, index) => index < start || index >= end));
        end = isGone ? Math.min(start, this.#best.length) : start;
      }
    }
  }

  /** All that speaks of a thing, the thing's making with it. */
  async #dropNames(): Promise<void> {
    for (const name of [...namesIn(this.#best).keys()].reverse()) {
      await this.#try(this.#best.filter((step) => !mentions(step, name)));
    }
  }

  async #dropPairs(): Promise<void> {
    if (this.#best.length > PAIRS_BELOW) return;
    for (let last = this.#best.length - 1; last > 0; last--) {
      for (let first = last - 1; first >= 0; first--) {
        if (last >= this.#best.length) break;
        await this.#try(this.#best.filter((_, index) => index !== first && index !== last));
      }
    }
  }

  async #dropWhileOthersDoMore(): Promise<void> {
    for (let index = this.#best.length - 1; index >= 0; index--) {
      if (index >= this.#best.length) continue;
      await this.#first(taking(this.#best, index));
    }
  }

  /** One thing does what two did; the step that made the other one goes with it. */
  async #mergeNames(): Promise<void> {
    const kinds = [...namesIn(this.#best)];
    for (const [other, kind] of kinds.toReversed()) {
      for (const [one] of kinds.filter(([name, same]) => same === kind && name !== other)) {
        if (await this.#first(merged(this.#best, other, one))) break;
      }
    }
  }

  /** The actions of a transaction as commands. */
  async #splitTransactions(): Promise<void> {
    for (let index = this.#best.length - 1; index >= 0; index--) {
      const step = this.#best[index]!;
      const { action } = step;
      if (action.verb !== 'qmp' || action.command !== 'transaction') continue;
      const parts = commandsOf(action).map((command) => ({ line: step.line, action: command }));
      if (parts.length > 1) await this.#try(this.#best.toSpliced(index, 1, ...parts));
    }
  }

  async #simplify(): Promise<void> {
    for (let index = 0; index < this.#best.length; index++) {
      const at = index;
      const all = (): Generator<Step[]> => replacements(this.#best, at, simpler(this.#best[at]!));
      while (at < this.#best.length && (await this.#first(all())));
    }
  }

  /** Sizes and offsets that belong together: the same number everywhere, then all numbers in proportion. */
  async #lowerAll(): Promise<void> {
    const values = [...new Set(numbersIn(this.#best).map(({ value }) => value))].sort((a, b) => b - a);
    for (const value of values) {
      await this.#lower(value, (from, to) =>
        withNumbers(this.#best, (number) => (number === from ? to : number)),
      );
    }
    while (await this.#try(withNumbers(this.#best, (value) => (value > 1 ? Math.floor(value / 2) : value))));
  }

  async #lowerEach(): Promise<void> {
    for (let index = 0; index < numbersIn(this.#best).length; index++) {
      const place = numbersIn(this.#best)[index]!;
      await this.#lower(place.value, (_, to) => withNumber(this.#best, place, to));
    }
  }

  /** To a number that people like, and from there to the smallest that does, as far as halving finds it. */
  async #lower(value: number, change: (from: number, to: number) => Step[]): Promise<void> {
    let [low, high] = [-1, value];
    for (const less of plainNumbers(value)) {
      if (await this.#try(change(high, less))) {
        high = less;
        break;
      }
      low = less;
    }
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (await this.#try(change(high, middle))) high = middle;
      else low = middle;
    }
  }

  /** It is read with names that say what they name, if that changes nothing. */
  async #plainNames(): Promise<void> {
    const map = plainNames(this.#best);
    if (await this.#try(renamed(this.#best, map), true)) return;
    for (const [name, plain] of map) {
      if (name === plain || map.has(plain)) continue;
      await this.#try(renamed(this.#best, new Map([[name, plain]])), true);
    }
  }

  /** The first candidate that is taken. */
  async #first(candidates: Iterable<readonly Step[]>): Promise<boolean> {
    for (const candidate of candidates) if (await this.#try(candidate)) return true;
    return false;
  }
}

/** The steps with `one` in the place of `other`, without the step that made it; also where both have things of one name. */
function* merged(steps: readonly Step[], other: string, one: string): Generator<Step[]> {
  const speaking = [...steps.keys()].filter((index) => mentions(steps[index]!, other));
  const same = renamed(steps, new Map([[other, one]]));
  const rest = [...namesIn(steps).keys()].filter((name) => name !== one && name !== other);
  const apart = new Map([[other, one], ...rest.map((name) => [name, `${name}x`] as const)]);
  const fresh = steps.map((step, index) => (speaking.includes(index) ? renamed([step], apart)[0]! : step));
  for (const gone of speaking) {
    yield same.filter((_, index) => index !== gone);
    yield fresh.filter((_, index) => index !== gone);
  }
  yield same;
}

function* replacements(steps: readonly Step[], at: number, by: Iterable<Step>): Generator<Step[]> {
  for (const step of by) yield steps.map((one, index) => (index === at ? step : one));
}

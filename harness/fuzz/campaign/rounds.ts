/** The rounds that a worker was given and has not played yet, and their histories. */
import { Interrupted } from '../../case/run/guard.js';
import type { Prober } from '../history.js';
import type { Drawn } from './histories.js';
import type { Work } from './plan.js';

/** A round whose history is made up; `ms` says how long that took. */
export interface Round {
  readonly round: number;
  readonly work: Work;
  readonly drawn: Drawn | null;
  readonly ms: number;
}

export interface RoundsOptions {
  readonly workOf: (round: number) => Work;
  readonly draw: (work: Work) => Drawn | null;
  /** asks for more */
  readonly ask: () => void;
  /** aborted when everything is to end at once */
  readonly signal: AbortSignal;
}

/** Of all lanes of a worker. */
export class Rounds {
  readonly #options: RoundsOptions;
  readonly #queue: number[] = [];
  #waiting: (() => void)[] = [];
  #hasAsked = false;
  #isLast = false;
  /** no round is begun any more */
  isOver = false;

  constructor(options: RoundsOptions) {
    this.#options = options;
  }

  /** More of them; none means that these were the last ones. */
  add(rounds: readonly number[]): void {
    this.#queue.push(...rounds);
    this.#hasAsked = false;
    if (rounds.length === 0) this.#isLast = true;
    this.#wake();
  }

  stop(): void {
    this.isOver = true;
    this.#queue.length = 0;
    this.#wake();
  }

  /** The next one, waited for; null after the last one. @throws Interrupted; what drawing throws */
  async next(): Promise<Round | null> {
    for (;;) {
      if (this.#options.signal.aborted) throw new Interrupted();
      const round = this.#queue.shift();
      if (round !== undefined) return this.#make(round);
      if (this.#isLast || this.isOver) return null;
      if (!this.#hasAsked) {
        this.#hasAsked = true;
        this.#options.ask();
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** The next one, if it is there, with what the model says of it; while the prober plays another one. Throws nothing. */
  ahead(prober: Prober): Round | null {
    const round = this.#queue.shift();
    if (round === undefined) return null;
    try {
      const made = this.#make(round);
      if (made.drawn !== null) prober.prepare?.(made.drawn.history);
      return made;
    } catch {
      // What is wrong is said when its turn comes.
      this.#queue.unshift(round);
      return null;
    }
  }

  #make(round: number): Round {
    const work = this.#options.workOf(round);
    const started = performance.now();
    return { round, work, drawn: this.#options.draw(work), ms: performance.now() - started };
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

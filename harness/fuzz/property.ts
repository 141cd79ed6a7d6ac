/** A property of a campaign: where its histories come from, what they reach, and by what rules they are judged. */
import type { TargetChoice } from '../target/parse.js';
import type { Identity } from '../target/target.js';
import type { History, Prober } from './history.js';
import type { KnownStep } from './known/trigger.js';

/** What a history reaches when the model plays it: the coverage of a campaign. Plain texts, so they can be kept. */
export interface Reached {
  /** abstract states and transitions of the model */
  readonly states: readonly string[];
  /** names of {@link Property.goals} */
  readonly goals: readonly string[];
}

/** One of the properties that `qbm fuzz` selects by name. Every method is a pure function of its arguments. */
export interface Property {
  readonly name: string;
  /** one line, for the help */
  readonly summary: string;
  /** what a campaign should reach now and then; those never reached are reported at its end */
  readonly goals: readonly string[];
  /** ids of rules, for the cases that findings are promoted to; at least one */
  readonly rules: readonly string[];
  /** capabilities that each of its histories needs, beside those that the steps imply; default: none */
  readonly requires?: readonly string[];
  /** the history of a seed (an integer from 0 to 2^32-1) for a target that can do this; null: it is not for this one */
  draw(seed: number, target: Identity): History | null;
  /** a change of a history that reached something new; without it only the general changes are made */
  mutate?(history: History, seed: number, target: Identity): History;
  /**
   * What a history that was changed has to be to be played: the waits that its jobs need now, nothing that shows luck, and
   * nothing that has lost its beginning; null when the model, or the target, cannot play it. Without it, it stays as it is.
   */
  repaired?(history: History, target: Identity): History | null;
  /** what the model reaches by it; null when the model cannot play it */
  reach(history: History): Reached | null;
}

/** What a worker of a campaign needs. */
export interface World {
  readonly properties: readonly Property[];
  /** one resident process of the target beside the model; it is started by the first history */
  prober(target: TargetChoice, options: ProberOptions): Prober;
  /** the steps of a history that bring about what the target is known for */
  knownIn?(history: History, target: Pick<Identity, 'program'>): readonly KnownStep[];
}

export interface ProberOptions {
  /** of one request, milliseconds */
  readonly limitMs: number;
  readonly signal: AbortSignal;
}

/**
 * What a campaign is made of: histories, which are steps of the case language, and what a history came to when it was
 * played on an implementation beside the model.
 */
import type { Format, Step } from '../case/case.js';

/** A history. It is plain data, so it can be kept, read by people, reduced, and turned into a case. */
export interface History {
  /** the property that it was made for: "bitmap", "transaction", … */
  readonly property: string;
  readonly format: Format;
  /** capabilities that it needs, as a case says them */
  readonly requires: readonly string[];
  readonly steps: readonly Step[];
}

/** What a history came to. `step` is an index into its steps. */
export type Outcome =
  | { readonly kind: 'same' }
  /** the first answer that is not the model's, as transcript lines after the normalisers; or what an oracle says */
  | {
      readonly kind: 'differs';
      readonly step: number;
      readonly expected: readonly string[];
      readonly observed: readonly string[];
      /** which oracle noticed: "model", or the name of a law that needs none */
      readonly oracle: string;
    }
  /** the target ended, did not answer in time, or answered what is no answer; `stderr` is the end of what it printed */
  | {
      readonly kind: 'crash' | 'hang' | 'garbage';
      readonly step: number;
      readonly message: string;
      readonly stderr: string;
    }
  /** the history cannot be played: by the model's own grammar, or because the target declines a step */
  | { readonly kind: 'unplayable'; readonly step: number; readonly message: string }
  /** no target to be had, a full disk: the campaign cannot go on */
  | { readonly kind: 'surroundings'; readonly message: string };

/** Plays histories on an implementation beside the model. Used by one caller at a time. */
export interface Prober {
  /**
   * Does not reject for anything that the implementation does.
   *
   * @param meanwhile called at most once, and not after the end, while the implementation has something to do: time to
   *   make up the next history. It does not throw.
   */
  probe(history: History, meanwhile?: () => void): Promise<Outcome>;
  /** Works out what the model says of a history that will be probed next. */
  prepare?(history: History): void;
  close(): Promise<void>;
}

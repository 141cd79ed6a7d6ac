/** What the engine and its workers tell each other. Plain data. */
import type { Identity } from '../../target/target.js';
import type { RoundRecord } from './files.js';
import type { Plan, Shard } from './plan.js';

/** An identity without sets. */
export interface SentIdentity extends Omit<Identity, 'capabilities' | 'formats'> {
  readonly capabilities: readonly string[];
  readonly formats: readonly string[];
}

/** What a worker is told when it begins. */
export interface Begin {
  readonly directory: string;
  readonly plan: Plan;
  readonly shard: Shard;
  readonly identity: SentIdentity;
  /** of one request, milliseconds */
  readonly limitMs: number;
  /** bytes that a target process may have before it is replaced */
  readonly memory: number;
  /** file of the list of known findings, and directory of the cases that it names */
  readonly known: string;
  readonly cases: string;
  /** findings that were not made small: directories */
  readonly unfinished: readonly string[];
}

/** A finding as others have to know it: its directory's name and, once it is small, its steps as text. */
export interface FindingNews {
  readonly raw: string;
  readonly id: string;
  readonly small: string | null;
  /** `once`: it did not show again */
  readonly state: 'new' | 'known' | 'once';
  /** for a person */
  readonly line: string;
  readonly path: string;
}

export type ToWorker =
  | ({ readonly type: 'begin' } & Begin)
  | { readonly type: 'work'; readonly rounds: readonly number[] }
  | { readonly type: 'states'; readonly states: readonly string[] }
  | { readonly type: 'claimed'; readonly id: string; readonly isYours: boolean }
  | { readonly type: 'finding'; readonly news: FindingNews }
  /** no round is begun; reductions go on for so many milliseconds. `now`: what is being played is given up */
  | { readonly type: 'stop'; readonly now: boolean; readonly graceMs: number };

export type FromWorker =
  | { readonly type: 'more' }
  | { readonly type: 'round'; readonly record: RoundRecord }
  | { readonly type: 'claim'; readonly id: string }
  /** what was claimed is on disk, in this directory */
  | { readonly type: 'kept'; readonly id: string; readonly path: string }
  | { readonly type: 'finding'; readonly news: FindingNews }
  | { readonly type: 'replaced'; readonly why: string }
  /** something damaged is left out */
  | { readonly type: 'warning'; readonly line: string }
  /** the campaign cannot go on */
  | { readonly type: 'fatal'; readonly message: string };

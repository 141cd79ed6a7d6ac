/**
 * What sets a known finding off: the steps of its smallest history, in this order, whatever the things are called, how
 * large they are, and what is done between. So other histories can be told to go around it.
 */
import { JsonReal } from '../../../spec/json/value.js';
import type { Step } from '../../case/case.js';
import { namesIn } from '../reduce/names.js';
import { shapeOf } from '../reduce/tree.js';

/** So many comparisons of steps are made at most: a history with very many ways to go wrong is taken to be another one. */
const MOST = 20_000;

/** Names of the pattern, and what they stand for in a history. */
type Binding = ReadonlyMap<string, string>;

/** Looks for the steps of a smallest history in other ones. */
export class Trigger {
  readonly #pattern: readonly Step[];
  readonly #names: ReadonlyMap<string, unknown>;

  constructor(smallest: readonly Step[]) {
    this.#pattern = smallest.filter(({ action }) => action.verb !== 'log');
    this.#names = namesIn(smallest);
  }

  /** The index of the step at which `steps` first sets it off, or null. */
  in(steps: readonly Step[]): number | null {
    if (this.#pattern.length === 0) return null;
    let left = MOST;
    const from = (at: number, start: number, binding: Binding): number | null => {
      const wanted = this.#pattern[at]!;
      for (let index = start; index < steps.length; index++) {
        if (left-- <= 0) return null;
        const bound = this.#step(wanted, steps[index]!, binding);
        if (bound === null) continue;
        if (at === this.#pattern.length - 1) return index;
        const found = from(at + 1, index + 1, bound);
        if (found !== null) return found;
      }
      return null;
    };
    return from(0, 0, new Map());
  }

  #step(wanted: Step, step: Step, binding: Binding): Binding | null {
    if (wanted.action.verb !== step.action.verb) return null;
    if (!isTransaction(wanted) && shapeOf(wanted) !== shapeOf(step)) return null;
    return this.#value(wanted.action, step.action, binding);
  }

  #value(wanted: unknown, value: unknown, binding: Binding): Binding | null {
    if (typeof wanted === 'string') return this.#text(wanted, value, binding);
    // A number is as small as it could be made: that it is this one means nothing.
    if (typeof wanted === 'number') return typeof value === 'number' ? binding : null;
    if (typeof wanted !== 'object' || wanted === null) return wanted === value ? binding : null;
    if (wanted instanceof JsonReal) return value instanceof JsonReal ? binding : null;
    if (Array.isArray(wanted)) return Array.isArray(value) ? this.#items(wanted, value, binding) : null;
    if (typeof value !== 'object' || value === null) return null;
    let bound: Binding | null = binding;
    for (const [name, member] of Object.entries(wanted)) {
      const other: unknown = (value as { [name: string]: unknown })[name];
      // What the smallest history leaves at its default may be anything.
      if (member === undefined || member === false) continue;
      bound = this.#value(member, other, bound);
      if (bound === null) return null;
    }
    return bound;
  }

  #text(wanted: string, value: unknown, binding: Binding): Binding | null {
    if (typeof value !== 'string') return null;
    if (!this.#names.has(wanted)) return wanted === value || /[$.]/.test(wanted) ? binding : null;
    const known = binding.get(wanted);
    if (known !== undefined) return known === value ? binding : null;
    // Two things of the smallest history are two things elsewhere.
    return [...binding.values()].includes(value) ? null : new Map([...binding, [wanted, value]]);
  }

  /** The wanted items in this order among others; none among none. */
  #items(wanted: readonly unknown[], items: readonly unknown[], binding: Binding): Binding | null {
    if (wanted.length === 0) return items.length === 0 ? binding : null;
    let bound: Binding | null = binding;
    let next = 0;
    for (const item of items) {
      if (next === wanted.length) break;
      const taken: Binding | null = this.#value(wanted[next], item, bound);
      if (taken === null) continue;
      bound = taken;
      next++;
    }
    return next === wanted.length ? bound : null;
  }
}

function isTransaction({ action }: Step): boolean {
  return action.verb === 'qmp' && action.command === 'transaction';
}

/** General changes of a history that reached something new. What the model cannot play afterwards is not used. */
import type { Step } from '../../case/case.js';
import type { History } from '../history.js';
import { namesIn, renamed } from '../reduce/names.js';
import { numbersIn, withNumber } from '../reduce/numbers.js';
import { numbersFrom } from './plan.js';

/** A history does not grow beyond this. */
const MOST_STEPS = 200;

/** Offsets by which a number is moved, besides being doubled and halved. */
const NEAR = [-1, 1, -512, 512, -65536, 65536] as const;

/** Another history from `history`, and perhaps from a second one; the same for the same seed. */
export function mutated(history: History, other: History, seed: number): History {
  const below = numbersFrom(seed);
  let { steps } = history;
  for (let changes = 1 + below(4); changes > 0; changes--) {
    steps = CHANGES[below(CHANGES.length)]!(steps, other.steps, below);
  }
  const requires = [...new Set([...history.requires, ...other.requires])];
  return { ...history, requires, steps: steps.slice(0, MOST_STEPS) };
}

type Change = (
  steps: readonly Step[],
  other: readonly Step[],
  below: (n: number) => number,
) => readonly Step[];

const CHANGES: readonly Change[] = [
  // less
  (steps, _, below) => {
    const start = below(steps.length + 1);
    return steps.toSpliced(start, 1 + below(4));
  },
  // again, elsewhere
  (steps, _, below) => {
    const start = below(steps.length + 1);
    const part = steps.slice(start, start + 1 + below(6));
    return steps.toSpliced(below(steps.length + 1), 0, ...part);
  },
  // in another order
  (steps, _, below) => {
    const from = below(Math.max(1, steps.length));
    const moved = steps.slice(from, from + 1);
    return steps.toSpliced(from, 1).toSpliced(below(steps.length + 1), 0, ...moved);
  },
  // a piece of the other one
  (steps, other, below) => {
    const start = below(other.length + 1);
    return steps.toSpliced(below(steps.length + 1), 0, ...other.slice(start, start + 1 + below(12)));
  },
  // the beginning of one, the end of the other
  (steps, other, below) => [
    ...steps.slice(0, below(steps.length + 1)),
    ...other.slice(below(other.length + 1)),
  ],
  // another number
  (steps, _, below) => {
    const places = numbersIn(steps, 0);
    if (places.length === 0) return steps;
    const place = places[below(places.length)]!;
    const near = NEAR.map((offset) => place.value + offset);
    const like = places[below(places.length)]!.value;
    const values = [...near, place.value * 2, Math.floor(place.value / 2), like, 0].filter((one) => one >= 0);
    const value = values[below(values.length)]!;
    // Whether an image may have any size is a matter of its format.
    const isSize = steps[place.step]!.action.verb === 'open';
    return withNumber(steps, place, isSize ? Math.ceil(value / 512) * 512 : value);
  },
  // another name of the same kind, from some step on
  (steps, _, below) => {
    const names = [...namesIn(steps)];
    if (names.length === 0) return steps;
    const [name, kind] = names[below(names.length)]!;
    const alike = names.filter(([, one]) => one === kind);
    const [to] = alike[below(alike.length)]!;
    const from = below(steps.length + 1);
    return [...steps.slice(0, from), ...renamed(steps.slice(from), new Map([[name, to]]))];
  },
];

/** Smaller numbers: by themselves, all at once, and one that takes over what another step did. */
import type { Step } from '../../case/case.js';
import { at, type Path, shapeOf, valuesIn, withValue } from './tree.js';

/** A number of a step. */
export interface Place {
  readonly step: number;
  readonly path: Path;
  readonly value: number;
}

/** Every number from `least` on, by steps. */
export function numbersIn(steps: readonly Step[], least = 1): Place[] {
  return steps.flatMap(({ action }, step) =>
    [...valuesIn(action)].flatMap(({ path, value }) =>
      typeof value === 'number' && value >= least ? [{ step, path, value }] : [],
    ),
  );
}

/** The steps with another number at a place. */
export function withNumber(steps: readonly Step[], { step, path }: Place, value: number): Step[] {
  return steps.map((one, index) => (index === step ? withValue(one, path, value) : one));
}

/** The steps with every number changed. */
export function withNumbers(steps: readonly Step[], change: (value: number) => number): Step[] {
  let changed = [...steps];
  for (const place of numbersIn(steps)) {
    const value = change(place.value);
    if (value !== place.value) changed = withNumber(changed, place, value);
  }
  return changed;
}

/** Numbers that people like, below `value`, the smallest first. */
export function plainNumbers(value: number): number[] {
  const liked = [0, 1, 2, 512, 4096, 65536, 2 ** 17, 2 ** 20];
  const power = 2 ** Math.floor(Math.log2(value));
  return [...new Set([...liked, Math.floor(value / 2), power])]
    .filter((number) => number >= 0 && number < value)
    .sort((a, b) => a - b);
}

/** The steps without number `from`, where one like it, or all of them, do its work: candidates, likely ones first. */
export function* taking(steps: readonly Step[], from: number): Generator<Step[]> {
  const gone = steps[from]!;
  const shape = shapeOf(gone);
  const rest = steps.filter((_, index) => index !== from);
  const alike = [...rest.keys()].filter((index) => shapeOf(rest[index]!) === shape);
  for (const index of alike) {
    const span = joined(rest[index]!, gone);
    if (span !== null) yield rest.map((step, at) => (at === index ? span : step));
    for (const { path, value } of numbersOf(rest[index]!)) {
      const other = at(gone.action, path);
      if (typeof other !== 'number' || other <= 0) continue;
      for (const sum of new Set([value + other, value * 2, value + 1]))
        yield rest.map((step, place) => (place === index ? withValue(step, path, sum) : step));
    }
  }
  if (alike.length > 0) yield* raised(rest, alike, gone);
  for (const { path, value } of numbersOf(gone)) {
    const name = path.findLast((key) => typeof key === 'string');
    for (const place of numbersIn(rest, 0)) {
      const isSame = place.path.findLast((key) => typeof key === 'string') === name;
      if (isSame && place.value < value) yield withNumber(rest, place, value);
    }
  }
}

/** All that are like the one that has gone have the largest of their numbers, then twice that. */
function* raised(rest: readonly Step[], alike: readonly number[], gone: Step): Generator<Step[]> {
  for (const { path, value } of numbersOf(gone)) {
    const values = alike.map((index) => at(rest[index]!.action, path));
    if (!values.every((one) => typeof one === 'number')) continue;
    const most = Math.max(value, ...(values as number[]));
    const share = Math.ceil(value / alike.length);
    const changes = [() => most, (one: number) => one + share, () => most * 2];
    for (const change of changes)
      yield rest.map((step, index) =>
        alike.includes(index) ? withValue(step, path, change(at(step.action, path) as number)) : step,
      );
  }
}

function numbersOf(step: Step): { path: Path; value: number }[] {
  return numbersIn([step]).map(({ path, value }) => ({ path, value }));
}

/** A request over what both cover. */
function joined(one: Step, other: Step): Step | null {
  if (one.action.verb !== 'io' || other.action.verb !== 'io') return null;
  const [a, b] = [one.action.request, other.action.request];
  if (a.op === 'flush' || b.op === 'flush') return null;
  const offset = Math.min(a.offset, b.offset);
  const length = Math.max(a.offset + a.length, b.offset + b.length) - offset;
  return { line: one.line, action: { ...one.action, request: { ...a, offset, length } } };
}

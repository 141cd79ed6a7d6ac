/** Steps as trees of plain values: what stands where in an action, and the same action with something else there. */
import { JsonReal } from '../../../spec/json/value.js';
import type { Action, Step } from '../../case/case.js';

/** Names of members and indices of items, from the action down. */
export type Path = readonly (string | number)[];

/** Stands for "nothing": what was there is taken out. */
export const REMOVED = Symbol('removed');

/** Every value of a tree with its path, the root first. */
export function* valuesIn(value: unknown, path: Path = []): Generator<{ path: Path; value: unknown }> {
  yield { path, value };
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) yield* valuesIn(item, [...path, index]);
  } else if (typeof value === 'object' && value !== null && !(value instanceof JsonReal)) {
    for (const [name, member] of Object.entries(value)) yield* valuesIn(member, [...path, name]);
  }
}

/** A copy of `value` with `to` at the path. What is beside the path is shared. */
export function replacedAt(value: unknown, path: Path, to: unknown): unknown {
  const [first, ...rest] = path;
  if (first === undefined) return to;
  const isGone = rest.length === 0 && to === REMOVED;
  if (Array.isArray(value)) {
    if (isGone) return value.filter((_, index) => index !== first);
    return value.map((item, index) => (index === first ? replacedAt(item, rest, to) : item));
  }
  const copy: Record<string, unknown> = Object.create(Object.getPrototypeOf(value));
  for (const [name, member] of Object.entries(value as object)) {
    if (name !== first) copy[name] = member;
    else if (!isGone) copy[name] = replacedAt(member, rest, to);
  }
  return copy;
}

/** What is at a path, or undefined. */
export function at(value: unknown, path: Path): unknown {
  let here = value;
  for (const key of path) {
    if (typeof here !== 'object' || here === null) return undefined;
    here = (here as Record<string | number, unknown>)[key];
  }
  return here;
}

/** The step with another value at a path of its action. */
export function withValue(step: Step, path: Path, to: unknown): Step {
  return { line: step.line, action: replacedAt(step.action, path, to) as Action };
}

/** A step with every text in it changed; the verb and the names of members stay. */
export function withTexts(step: Step, change: (text: string) => string): Step {
  const visit = (value: unknown, isName: boolean): unknown => {
    if (typeof value === 'string') return isName ? value : change(value);
    if (Array.isArray(value)) return value.map((item) => visit(item, false));
    if (typeof value !== 'object' || value === null || value instanceof JsonReal) return value;
    const copy: Record<string, unknown> = Object.create(Object.getPrototypeOf(value));
    for (const [name, member] of Object.entries(value)) copy[name] = visit(member, WORDS.has(name));
    return copy;
  };
  return { line: step.line, action: visit(step.action, false) as Action };
}

/** Members whose text says what is done, not to what. */
const WORDS: ReadonlySet<string> = new Set(['verb', 'command', 'op', 'state', 'event', 'type', 'driver']);

/** What a step does, without names and values: its verb, the command, the actions of a transaction. */
export function shapeOf({ action }: Step): string {
  const act = action.verb === 'either' ? action.action : action;
  switch (act.verb) {
    case 'qmp':
      return act.command === 'transaction' ? `transaction[${actionTypes(act).join(',')}]` : act.command;
    case 'io':
      return `io ${act.request.op}`;
    case 'nbd':
      return act.op === 'request' ? `nbd ${act.request}` : `nbd ${act.op}`;
    case 'img':
      return `img ${act.words[0] ?? ''}`;
    case 'wait':
      return `wait ${act.job === undefined ? act.event : (act.state ?? act.event)}`;
    default:
      return act.verb;
  }
}

/** The types of the actions of a transaction. */
export function actionTypes(act: Extract<Action, { verb: 'qmp' }>): string[] {
  const actions = act.arguments?.actions;
  if (!Array.isArray(actions)) return [];
  return actions.map((one) => String((one as { type?: unknown } | null)?.type));
}

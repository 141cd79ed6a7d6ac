/** Which of two histories is the simpler one. */
import type { Step } from '../../case/case.js';
import { namesIn } from './names.js';
import { actionTypes, valuesIn } from './tree.js';

/** How much there is to read: compared from the left. */
export type Cost = readonly number[];

/** What is harder to think about than what stands before it. */
const VERB_WEIGHT: { readonly [verb: string]: number } = { either: 3, kill: 2, restart: 1 };
const IO_WEIGHT: { readonly [op: string]: number } = { discard: 2, zero: 1 };

/** The cost of steps: how many, how many names, how much is said in them, what they do, how large the numbers are. */
export function costOf(steps: readonly Step[]): Cost {
  let [actions, said, verbs, numbers] = [0, 0, 0, 0];
  for (const { action } of steps) {
    const act = action.verb === 'either' ? action.action : action;
    const isTransaction = act.verb === 'qmp' && act.command === 'transaction';
    actions += isTransaction ? 1 + actionTypes(act).length : 1;
    verbs += VERB_WEIGHT[action.verb] ?? 0;
    if (act.verb === 'io') verbs += IO_WEIGHT[act.request.op] ?? 0;
    for (const { path, value } of valuesIn(action)) {
      // What is left out of a command is said by nobody; our own options are always there.
      if (value !== undefined && (value !== false || path[0] === 'arguments')) said++;
      if (typeof value === 'number') numbers += Math.log2(1 + Math.abs(value));
    }
  }
  return [actions, steps.length, namesIn(steps).size, said, verbs, numbers];
}

/** Whether `a` is less than `b`. */
export function isLess(a: Cost, b: Cost): boolean {
  for (const [index, value] of a.entries()) if (value !== b[index]) return value < b[index]!;
  return false;
}

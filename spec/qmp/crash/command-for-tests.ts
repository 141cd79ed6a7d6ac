/** The steps of a history as commands of QMP. */
import { type Json, type JsonObject, jsonObject } from '../../json/value.js';
import type { Action, Step } from './history-for-tests.js';

/** What a step does to bitmaps, in order. */
export function actionsOf(step: Step): readonly Action[] {
  if (step.do === 'transaction') return step.actions;
  return isAction(step) ? [step] : [];
}

function isAction(step: Step): step is Action {
  return 'name' in step;
}

/** Whether an action takes a bitmap into the image or out of it. */
export function isMove(
  action: Action,
): action is Extract<Action, { do: 'add' | 'remove' | 'set-persistent' }> {
  return action.do === 'add' || action.do === 'remove' || action.do === 'set-persistent';
}

export function transactionAction(action: Action): JsonObject {
  return jsonObject({ ...commandOf(action) });
}

/** The command; as an action of a transaction it has the same name. */
export function commandOf(action: Action): { type: string; data: JsonObject } {
  if (action.do === 'abort') return { type: 'abort', data: jsonObject() };
  const { do: what, ...rest } = action;
  const type = `block-dirty-bitmap-${what}`;
  if (action.do === 'merge') {
    return { type, data: jsonObject({ node: 'disk', target: action.name, bitmaps: [...action.sources] }) };
  }
  return { type, data: jsonObject({ node: 'disk', ...rest } as { [member: string]: Json }) };
}

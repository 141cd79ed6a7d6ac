/** Simpler forms of one step: what can be left out of it, and what does less. */
import { isJsonObject } from '../../../spec/json/value.js';
import type { Action, Step } from '../../case/case.js';
import type { IoRequest } from '../../target/target.js';
import { type Path, REMOVED, valuesIn, withValue } from './tree.js';

/** Members of ours without which an action is none, and what an absent one is. */
const DEFAULTS: { readonly [member: string]: unknown } = {
  readOnly: false,
  discard: 'unmap',
  device: undefined,
  policy: undefined,
  backing: undefined,
  pattern: undefined,
  chunks: false,
  verify: false,
};

/** Simpler steps, those that leave out most first. */
export function* simpler(step: Step): Generator<Step> {
  const { action } = step;
  const as = (simple: Action): Step => ({ line: step.line, action: simple });
  if (action.verb === 'either') yield as(action.action);
  if (action.verb === 'qmp') for (const simple of commandsOf(action)) yield as(simple);
  if (action.verb === 'kill') yield as({ verb: 'restart' });
  if (action.verb === 'io')
    for (const request of plainRequests(action.request)) yield as({ ...action, request });
  if (action.verb === 'open' && action.driver !== 'format') yield as({ ...action, driver: 'format' });
  yield* withDefaults(step);
  if (action.verb === 'qmp') yield* withoutParts(step, ['arguments']);
  if (action.verb === 'nbd') yield* withoutParts(step, []);
}

/** The actions of a transaction as commands; none for other commands. */
export function commandsOf(action: Extract<Action, { verb: 'qmp' }>): Action[] {
  const { actions } = action.arguments ?? {};
  if (action.command !== 'transaction' || !Array.isArray(actions)) return [];
  return actions.flatMap((one): Action[] =>
    isJsonObject(one) && typeof one.type === 'string' && isJsonObject(one.data)
      ? [{ verb: 'qmp', command: one.type, arguments: one.data }]
      : [],
  );
}

function* plainRequests(request: IoRequest): Generator<IoRequest> {
  if (request.op === 'flush') return;
  const { op, offset, length } = request;
  if (op === 'zero' || op === 'discard') yield { op: 'write', offset, length, pattern: 1 };
  if (op === 'discard') yield { op: 'zero', offset, length };
  if (op === 'write' && request.fua === true) {
    const { fua: _, ...rest } = request;
    yield rest;
  }
  if (op === 'zero' && request.unmap === true) yield { op, offset, length };
  if (op === 'read' && request.pattern !== undefined) yield { op, offset, length };
}

function* withDefaults(step: Step): Generator<Step> {
  if (step.action.verb === 'qmp') return;
  for (const [member, plain] of Object.entries(DEFAULTS)) {
    const value = (step.action as unknown as { [member: string]: unknown })[member];
    if (Object.hasOwn(step.action, member) && value !== plain) yield withValue(step, [member], plain);
  }
}

/** Without one member or item somewhere below; true becomes false. */
function* withoutParts(step: Step, below: Path): Generator<Step> {
  for (const { path, value } of valuesIn(step.action)) {
    if (path.length <= below.length || !below.every((key, index) => path[index] === key)) continue;
    const isItem = typeof path.at(-1) === 'number';
    if (isItem || step.action.verb === 'qmp') yield withValue(step, path, REMOVED);
    if (value === true) yield withValue(step, path, false);
  }
}

/** What a step asks for: its command, or each of its actions. */
import { isJsonObject, type Json, type JsonObject } from '../../spec/json/value.js';
import type { Action } from '../case/case.js';

/** A command, or an action of a transaction. */
interface Asked {
  readonly name: string;
  readonly args: JsonObject;
}

/** The arguments of a command, and of every action of a transaction, with their names. */
export function commandsOf(action: Action): readonly Asked[] {
  if (action.verb !== 'qmp') return NONE;
  const args = action.arguments ?? {};
  if (action.command !== 'transaction') return [{ name: action.command, args }];
  if (!Array.isArray(args.actions)) return NONE;
  return args.actions
    .filter(isJsonObject)
    .filter(({ data }) => isJsonObject(data ?? null))
    .map(({ type, data }) => ({ name: String(type), args: data as JsonObject }));
}

const NONE: readonly Asked[] = [];

/** Whether a step asks for something like this, by a command or by an action. Dozens ask this before every step. */
export function asksFor(action: Action, meets: (name: string, args: JsonObject) => boolean): boolean {
  if (action.verb !== 'qmp') return false;
  if (action.command !== 'transaction') return meets(action.command, action.arguments ?? {});
  return commandsOf(action).some(({ name, args }) => meets(name, args));
}

/** What each node is reopened with, if the step reopens any. */
export function reopenedBy(action: Action): readonly JsonObject[] {
  if (action.verb !== 'qmp' || action.command !== 'blockdev-reopen') return [];
  const { options = null } = action.arguments ?? {};
  return (Array.isArray(options) ? options : []).filter(isJsonObject);
}

/** The options of a node, and those of the nodes that are defined within it. */
export function* definitionsIn(options: Json | undefined): Generator<JsonObject> {
  if (options === undefined || !isJsonObject(options)) return;
  yield options;
  for (const part of ['file', 'image', 'target', 'backing']) yield* definitionsIn(options[part]);
}

/** The name of the node that is meant, if it is not defined there. */
export function nameIn(ref: Json | undefined): string {
  return typeof ref === 'string' ? ref : '';
}

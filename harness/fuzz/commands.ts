/** What a step asks for: its command, or each of its actions. */
import { isJsonObject, type Json, type JsonObject } from '../../spec/json/value.js';
import type { Action } from '../case/case.js';

/** The arguments of a command, and of every action of a transaction, with their names. */
export function* commandsOf(action: Action): Generator<{ readonly name: string; readonly args: JsonObject }> {
  if (action.verb !== 'qmp') return;
  const args = action.arguments ?? {};
  if (action.command !== 'transaction') yield { name: action.command, args };
  else if (Array.isArray(args.actions)) {
    for (const one of args.actions) {
      if (isJsonObject(one) && isJsonObject(one.data ?? null)) {
        yield { name: String(one.type), args: one.data as JsonObject };
      }
    }
  }
}

/** Whether a step asks for something like this, by a command or by an action. */
export function asksFor(action: Action, meets: (name: string, args: JsonObject) => boolean): boolean {
  for (const { name, args } of commandsOf(action)) if (meets(name, args)) return true;
  return false;
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

/** Commands on bitmaps: they are done with their reply, and neither disturb an export of the harness nor show it. */
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';

export const BITMAP_COMMANDS: readonly string[] = [
  'add',
  'remove',
  'clear',
  'enable',
  'disable',
  'merge',
].map((verb) => `block-dirty-bitmap-${verb}`);

/** Whether a transaction has no other actions. */
export function isAboutBitmaps(args: JsonObject | undefined): boolean {
  const actions = args?.actions;
  if (!Array.isArray(actions)) return false;
  return actions.every(
    (action) =>
      isJsonObject(action) && (action.type === 'abort' || BITMAP_COMMANDS.includes(String(action.type))),
  );
}

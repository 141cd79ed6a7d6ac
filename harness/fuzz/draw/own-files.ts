/** Files that a history names: they are its own, in its own directory. */
import { isJsonObject, type Json } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor } from '../commands.js';

/** Whether it makes or opens a file where the program happens to have been started: other histories meet it there. */
export function namesForeignFile(action: Action): boolean {
  return asksFor(action, (name, args) => {
    if (/^drive-/.test(name)) return isForeign(args.target);
    if (name === 'blockdev-snapshot-sync') return isForeign(args['snapshot-file']);
    const { options = null } = args;
    return name === 'blockdev-create' && isJsonObject(options) && isForeign(options.filename);
  });
}

/** What is no path from the root, and names no protocol. */
function isForeign(name: Json | undefined): boolean {
  return typeof name === 'string' && /^(file:)?[^$/:]+$/.test(name);
}

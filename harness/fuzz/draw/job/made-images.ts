/** Images that commands make: where, and with what. */
import { isJsonObject, type Json, type JsonObject } from '../../../../spec/json/value.js';
import { checkUsers } from '../../../../spec/qmp/create.js';
import { Refusal } from '../../../../spec/refusal.js';
import type { Action } from '../../../case/case.js';
import { DIRECTORY } from '../../../target/reference/model.js';
import { asksFor } from '../../commands.js';
import type { ModelRun } from '../model-run.js';

/** Whether it makes or opens a file where the program happens to have been started: other histories meet it there. */
export function namesForeignFile(action: Action): boolean {
  return asksFor(action, (name, args) => {
    if (/^drive-/.test(name)) return isForeign(args.target);
    if (name === 'blockdev-snapshot-sync') return isForeign(args['snapshot-file']);
    return isForeign(created(name, args)?.filename);
  });
}

/** What is no path from the root, and names no protocol. */
function isForeign(name: Json | undefined): boolean {
  return typeof name === 'string' && /^(file:)?[^$/:]+$/.test(name);
}

/** Whether an image is made whose parts have the names of those of another one, which is called as it is, but for the end. */
export function makesPartsOfAnother({ model, format }: ModelRun, action: Action): boolean {
  if (format !== 'overlay' || action.verb !== 'open' || action.size === null) return false;
  return model.storage.kind(`${DIRECTORY}/${action.node}`) === 'file';
}

/** What an image is to be made with. */
export function created(name: string, { options = null }: JsonObject): JsonObject | null {
  return name === 'blockdev-create' && isJsonObject(options) ? options : null;
}

/** Whether a driver that makes no images is given several options, none of which it has: which one is named is a matter of hash tables. */
export function isGivenTooMuch({ format }: ModelRun, action: Action): boolean {
  const able = format === 'raw' ? 'file' : /^(file|\{format\})$/;
  return asksFor(action, (name, args) => {
    const options = created(name, args);
    if (options === null || String(options.driver).match(able) !== null) return false;
    return Object.keys(options).length > 2;
  });
}

/** Whether a file is made anew that a node has open and does not use: what that shows then nobody has looked at again. */
export function emptiesOpenFile({ machine }: ModelRun, action: Action): boolean {
  return asksFor(action, (name, args) => {
    const options = created(name, args);
    if (options?.driver !== 'file') return false;
    const path = String(options.filename).replace(/^\$/, `${DIRECTORY}/`);
    if (!machine.graph.nodes.some(({ filename }) => filename === path)) return false;
    try {
      checkUsers(machine, path);
      return true;
    } catch (refusal) {
      if (refusal instanceof Refusal) return false;
      throw refusal;
    }
  });
}

/** Nodes that are reopened with several options that cannot be what they were: which of those is named first is a matter of hash tables. */
import type { Node } from '../../../spec/block/node.js';
import type { Json, JsonObject } from '../../../spec/json/value.js';
import { writeJson } from '../../../spec/json/write.js';
import type { Action } from '../../case/case.js';
import { reopenedBy } from '../commands.js';
import type { ModelRun } from './model-run.js';

/** Options of any node, and children. */
const NOT_OWN =
  /^(driver|node-name|read-only|auto-read-only|force-share|discard|detect-zeroes|cache|file|image|backing)$/;

/** Whether one of several options may be named for which such a command was refused. 7.2 sees the last one first of a node that is named twice. */
export function namesOneOfSeveral(run: ModelRun, action: Action, id: string): boolean {
  const all = reopenedBy(action);
  if (new Set(all.map((one) => one['node-name'])).size < all.length) return true;
  return all.some((one) => {
    const node = run.machine.graph.find(String(one['node-name']));
    return node !== undefined && several(run, node, one, id);
  });
}

function several(run: ModelRun, node: Node, one: JsonObject, id: string): boolean {
  const before = flat(node.openedWith.specific);
  const after = flat(Object.entries(one));
  if (id === 'REF-E-REOPEN-RESET') return [...before.keys()].filter((name) => !after.has(name)).length > 1;
  const own = one.driver === '{format}' ? run.model.formatDriver : one.driver;
  // What a driver does not know it cannot change, whatever it says.
  const most = node.driver.name === own ? 1 : 0;
  return [...after].filter(([name, value]) => before.get(name) !== value).length > most;
}

function flat(options: Iterable<readonly [string, Json | undefined]>): Map<string, string> {
  const parts = new Map<string, string>();
  const add = (name: string, value: Json): void => {
    if (typeof value !== 'object' || value === null) parts.set(name, writeJson(value));
    else for (const [part, inner] of Object.entries(value)) add(`${name}.${part}`, inner as Json);
  };
  for (const [name, value] of options) if (value !== undefined && !NOT_OWN.test(name)) add(name, value);
  return parts;
}

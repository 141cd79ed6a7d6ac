/** Files that go past the cache of their host. */
import type { Node } from '../../../spec/block/node.js';
import { isJsonObject, type JsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { asksFor, definitionsIn, reopenedBy } from '../commands.js';
import type { ModelRun } from './model-run.js';

/**
 * A file is to go past the cache of its host, by itself or with the node that it was made for: which blocks have to be whole then, and whether
 * there is a way at all, is for the host to say.
 */
export function passesHostCache({ machine: { graph } }: ModelRun, action: Action): boolean {
  const isDirect = ({ cache = null }: JsonObject): boolean => isJsonObject(cache) && cache.direct === true;
  const hasFile = (node: Node): boolean =>
    node.driver.name === 'file' ||
    node.children.some(({ child }) => child.madeFor === node && hasFile(child));
  const isReopened = reopenedBy(action).some((one) => {
    const node = isDirect(one) ? graph.find(String(one['node-name'])) : undefined;
    return node !== undefined && hasFile(node);
  });
  if (isReopened) return true;
  return asksFor(action, (name, args) => {
    const all = name === 'blockdev-add' ? [...definitionsIn(args)] : [];
    return all.some(isDirect) && all.some(({ driver }) => driver === 'file');
  });
}

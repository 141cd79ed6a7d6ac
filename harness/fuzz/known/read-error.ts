/** Reads of clients that fail. */
import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import { canFailToRead, hasFaults } from '../draw/faults.js';
import type { ModelRun } from '../draw/model-run.js';

/** A client that gets its replies in parts, as that of the step `io` does, reads where that may fail, and has not asked for one part. */
export function readsWhereItFails(run: ModelRun, action: Action): boolean {
  const node = readInParts(run, action);
  return node !== undefined && showsFault(node);
}

/** Whether it shows what may fail; what lies below an image in its chain is another matter. */
function showsFault(node: Node): boolean {
  if (hasFaults(node)) return canFailToRead(node);
  return node.children.some(({ name, child }) => /^(file|image)$/.test(name) && showsFault(child));
}

function readInParts(run: ModelRun, action: Action): Node | undefined {
  if (action.verb === 'io') {
    return action.request.op === 'read' ? run.machine.graph.find(action.node) : undefined;
  }
  if (action.verb !== 'nbd' || action.op !== 'request' || action.request !== 'read') return undefined;
  const client = run.client(action.connection);
  return client?.replies === 'structured' && !action.flags.includes('df') ? client.node : undefined;
}

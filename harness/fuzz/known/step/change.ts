/** What a step changes on a disk, whoever asks for it: a guest, or a client of an export. */
import type { Node } from '../../../../spec/block/node.js';
import type { Action } from '../../../case/case.js';
import type { ModelRun } from '../../draw/model-run.js';

/** The node that is written, and where: bytes from its beginning. */
export interface Change {
  readonly node: Node;
  readonly start: number;
  readonly end: number;
  /** it writes no bytes: zeros, or nothing any more */
  readonly isEmptying: boolean;
}

const CHANGES = /^(write|zero|discard|trim)$/;

/** undefined: it changes nothing, or nothing is there. */
export function changeOf(run: ModelRun, action: Action): Change | undefined {
  if (action.verb === 'io') {
    const { request } = action;
    const node = run.machine.graph.find(action.node);
    if (node === undefined || request.op === 'flush' || !CHANGES.test(request.op)) return undefined;
    return changed(node, request.op, request.offset, request.length);
  }
  if (action.verb !== 'nbd' || action.op !== 'request' || !CHANGES.test(String(action.request)))
    return undefined;
  const node = run.client(action.connection)?.node;
  if (node === undefined) return undefined;
  return changed(node, String(action.request), action.offset, action.length);
}

function changed(node: Node, op: string, start: number, length: number): Change {
  return { node, start, end: start + length, isEmptying: op !== 'write' };
}

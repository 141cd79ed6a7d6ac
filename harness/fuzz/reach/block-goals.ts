/** Goals about nodes that ask for whole blocks, or for requests in pieces, and about nodes that are made within others. */
import { isWhole } from '../../../spec/block/limits/around.js';
import { pieceOf } from '../../../spec/block/limits/limits.js';
import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

/** The node that a guest writes to, and where. */
function written(run: ModelRun, action: Action): { node: Node; offset: number; length: number } | null {
  if (action.verb !== 'io' || action.request.op !== 'write') return null;
  const node = run.machine.graph.find(action.node);
  return node === undefined ? null : { node, ...action.request };
}

export const BLOCK_GOALS: readonly Goal[] = [
  goal('a write of a part of a block, with bitmaps there and below', (run, action, answer) => {
    const place = answer.ok ? written(run, action) : null;
    if (place === null || isWhole(place.node, place.offset, place.length)) return false;
    return [place.node, ...place.node.children.map(({ child }) => child)].every(
      ({ bitmaps }) => bitmaps.length > 0,
    );
  }),
  goal('a write that goes in pieces', (run, action, answer) => {
    const place = answer.ok ? written(run, action) : null;
    return place !== null && place.length > pieceOf(place.node);
  }),
];

export const NESTED_GOALS: readonly Goal[] = [
  goal('a node is made together with one within it', (run, action, answer) => {
    if (!answer.ok || action.verb !== 'qmp' || action.command !== 'blockdev-add') return false;
    const node = run.machine.graph.find(String(action.arguments?.['node-name']));
    return node?.children.some(({ child }) => child.madeFor === node) === true;
  }),
];

/** Writes to the source of a mirror that its filter does not see. */
import { Node } from '../../../../spec/block/node.js';
import type { Action } from '../../../case/case.js';
import type { ModelRun } from '../../draw/model-run.js';
import { changeOf } from '../step/change.js';

/** Whether something is written to a mirrored node, by a guest or a client of an export, and not through the filter of that. */
export function writesPastMirror(run: ModelRun, action: Action): boolean {
  return isPastMirror(changeOf(run, action)?.node);
}

function isPastMirror(node: Node | undefined): boolean {
  if (node === undefined || node.driver.name === 'mirror_top') return false;
  const isMirrored = node.parents.some(
    ({ parent }) => parent instanceof Node && parent.driver.name === 'mirror_top',
  );
  return isMirrored || (['file', 'image'] as const).some((name) => isPastMirror(node.edge(name)?.child));
}

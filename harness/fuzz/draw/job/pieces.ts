/** Guests that change several clusters at once of a disk of which something is still to be copied. */

import type { Node } from '../../../../spec/block/node.js';
import { read } from '../../../../spec/block/request.js';
import type { Action } from '../../../case/case.js';
import { changeOf } from '../../known/step/change.js';
import { asked } from '../asked.js';
import { CLUSTER, PAGE } from '../edges.js';
import { isFaulty } from '../faults.js';
import type { ModelRun } from '../model-run.js';

/**
 * What is copied before a guest's change goes in pieces that end where a file has a hole, which is for its file system to say: if one of
 * them can fail, it is luck what of the rest is copied. REF-123
 */
export function copiesAroundHoles(run: ModelRun, action: Action): boolean {
  if (run.format !== 'raw') return false;
  const change = changeOf(run, action);
  if (change === undefined) return false;
  const start = Math.floor(change.start / CLUSTER) * CLUSTER;
  const end = Math.ceil(change.end / CLUSTER) * CLUSTER;
  if (end - start <= CLUSTER) return false;
  for (let node: Node | undefined = change.node; node !== undefined; node = below(node)) {
    const target = node.driver.name === 'copy-before-write' ? node.edge('target')?.child : undefined;
    if (target !== undefined && isFaulty(target)) return hasHole(node, start, end);
  }
  return false;
}

function below(node: Node): Node | undefined {
  return node.driver.shown ?? node.edge('file')?.child;
}

/** Whether a file system may have one: in the file itself, where no fault on the way is used up. */
export function hasHole(node: Node, start: number, end: number): boolean {
  let file = node;
  for (let next: Node | undefined = node; next !== undefined; next = below(next)) file = next;
  const page = new Uint8Array(PAGE);
  for (let at = start; at < Math.min(end, file.size); at += PAGE) {
    const bytes = page.subarray(0, Math.min(PAGE, file.size - at));
    asked(() => read(file, at, bytes));
    if (bytes.every((byte) => byte === 0)) return true;
  }
  return false;
}

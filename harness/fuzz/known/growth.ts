/**
 * Images that grow over what was once below them. One that ends within a cluster has that cluster whole, with what the image below
 * has beyond the end, once a write, a stream or a rebase has copied it; when nothing is below any more, and it grows, that shows.
 */

import type { Node } from '../../../spec/block/node.js';
import type { Action } from '../../case/case.js';
import { CLUSTER } from '../draw/edges.js';
import type { ModelRun } from '../draw/model-run.js';
import { imageOf } from '../moves/tools/images.js';
import { commandLine } from '../moves/tools/words.js';
import { resized, resizedWith, sizeOf } from './resize.js';

/** Files of images that have been over something longer, and ended within a cluster then. */
const over = new WeakMap<ModelRun, Set<string>>();

/** A file by its name alone, as tools call it. */
function fileOf(node: Node): string | undefined {
  return node.edge('file')?.child.filename.replace(/^.*\//, '');
}

function isWithinCluster(size: number): boolean {
  return size % CLUSTER !== 0;
}

/** Told of every step, in order. */
function remembered(run: ModelRun, action: Action): ReadonlySet<string> {
  const found = over.get(run) ?? new Set<string>();
  over.set(run, found);
  for (const node of run.machine.graph.nodes) {
    const { backing, size } = node;
    if (backing === null || backing.size <= size || !isWithinCluster(size)) continue;
    const file = fileOf(node);
    if (file !== undefined) found.add(file);
  }
  if (action.verb === 'img' && action.words[0] === 'rebase') {
    const image = imageOf(run, commandLine(action.words).names.at(-1) ?? '');
    const below = image?.backing == null ? null : imageOf(run, image.backing);
    if (image !== null && below !== null && below.size > image.size && isWithinCluster(image.size))
      found.add(image.name);
  }
  return found;
}

/** Whether an image grows that had such a thing below, and has nothing there now. */
export function growsOverWhatWasBelow(run: ModelRun, action: Action): boolean {
  if (run.format !== 'overlay') return false;
  const found = remembered(run, action);
  const top = resized(run, action);
  const size = sizeOf(action);
  if (top !== undefined && size > top.size) {
    for (const node of resizedWith(top))
      if (node.backing === null && isWithinCluster(node.size) && found.has(fileOf(node) ?? '')) return true;
  }
  if (action.verb !== 'img' || action.words[0] !== 'resize') return false;
  const image = imageOf(run, commandLine(action.words).names.at(-2) ?? '');
  return image?.backing === null && isWithinCluster(image.size) && found.has(image.name);
}

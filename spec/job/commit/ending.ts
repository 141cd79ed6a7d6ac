/** Those who stand on what was committed stand on the base, and say so: all of them, or none. COMMIT.md, JOB-115. */
import { dropFilter, handOver, moveUsers } from '../../block/chain/filter.js';
import { formatOf, refOf } from '../../block/chain/name.js';
import { inheritChild, setReadOnly } from '../../block/chain/reopen.js';
import { imageOf } from '../../block/chain/walk.js';
import type { Graph } from '../../block/graph.js';
import { Node } from '../../block/node.js';
import { type ImageRef, imageRef } from '../../qbm/descriptor.js';
import { Refusal } from '../../refusal.js';
import { StorageError } from '../../storage/storage.js';

interface Ending {
  readonly base: Node;
  readonly backingFile: string | null;
}

/** The images that stand on `node`, and say what is below them. */
export function overlaysOn(node: Node): Node[] {
  return node.parents.flatMap(({ parent, role }) => {
    const isOverlay = parent instanceof Node && role === 'backing' && parent.driver.backing !== undefined;
    return isOverlay ? [parent] : [];
  });
}

/** What `overlay` is to say of its base; null for nothing. @throws BlockError REF-E-BACKING-NAME */
export function nextBacking(overlay: Node, { base, backingFile }: Ending): ImageRef | null {
  const image = imageOf(base);
  if (backingFile === null) return refOf(image, image, overlay.edge('file')?.child.filename ?? '');
  return backingFile === '' ? null : imageRef(backingFile, formatOf(image));
}

/** Whoever used the filter uses the base, and the filter goes. @throws Refusal, StorageError; then all is as before */
export function dropIntermediate(graph: Graph, filter: Node, ending: Ending): void {
  const { base } = ending;
  const overlays = overlaysOn(filter);
  const { done, revert } = leave(graph, filter, base);
  const told: (() => void)[] = [];
  try {
    for (const overlay of overlays) told.push(tell(graph, overlay, nextBacking(overlay, ending)));
  } catch (failure) {
    for (const untell of told.reverse()) untell();
    revert();
    throw failure;
  }
  done();
  dropFilter(graph, filter);
}

/** JOB-115 @throws StorageError EIO: another job stays where the filter is, or somebody minds */
function leave(graph: Graph, filter: Node, base: Node): { done: () => void; revert: () => void } {
  try {
    if (filter.parents.some(({ parent }) => !(parent instanceof Node) && parent.kind === 'job'))
      throw new StorageError('EIO', filter.name);
    return handOver(graph, [filter, base], (change) => inheritChild(change, base, filter.driver.shown!));
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
    throw new StorageError('EIO', filter.name);
  }
}

/** @returns what takes it back */
function tell(graph: Graph, overlay: Node, backing: ImageRef | null): () => void {
  const before = overlay.driver.backing!.stored;
  const change = (file: string, format: string): void => {
    const wasReadOnly = overlay.readOnly;
    if (wasReadOnly) setReadOnly(graph, overlay, false);
    try {
      overlay.driver.backing!.change(file, format);
    } finally {
      if (wasReadOnly) setReadOnly(graph, overlay, true);
    }
  };
  change(backing?.file ?? '', backing?.format ?? '');
  return () => change(before?.file ?? '', before?.format ?? '');
}

/** Whoever used the filter uses what is below it again, and it goes, as soon as no other job uses it. */
export function removeCommitFilter(graph: Graph, filter: Node): void {
  graph.change((change) => moveUsers(change, filter, filter.driver.shown!));
  dropFilter(graph, filter);
}

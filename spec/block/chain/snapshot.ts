/**
 * A node becomes the backing file of another, which takes its place everywhere: blockdev-snapshot. CHAINS.md, REF-030 to
 * REF-033.
 */
import { uses } from '../change.js';
import { BlockError } from '../errors.js';
import type { Graph } from '../graph.js';
import { Node } from '../node.js';
import { CONSISTENT_READ, permissionsOf } from '../permissions.js';
import { bitmapsOfSizeWith, followSize } from '../resize.js';

/**
 * @throws BlockError REF-E-OVERLAY-IN-USE, REF-E-OVERLAY-BACKED, REF-E-OVERLAY-FILTER,
 * REF-E-OVERLAY-PLAIN, REF-E-OVERLAY-ALLOCATION, in this order
 */
export function checkOverlay(overlay: Node): void {
  if ((permissionsOf(overlay).needs & CONSISTENT_READ) !== 0) throw new BlockError('REF-E-OVERLAY-IN-USE');
  if (overlay.backing !== null) throw new BlockError('REF-E-OVERLAY-BACKED');
  if (overlay.driver.backing !== undefined) return;
  if (overlay.driver.isFilter === true) throw new BlockError('REF-E-OVERLAY-FILTER');
  overlay.driver.refuseBacking?.(overlay.name);
  throw new BlockError('REF-E-OVERLAY-PLAIN');
}

/**
 * Puts `overlay` over `node`: whoever used `node` uses `overlay`, but for what lies below the overlay itself, and
 * jobs, which go on with the node.
 * @returns what takes it back, as long as nothing that came after it is left
 * @throws BlockError REF-E-CYCLE, REF-E-CONFLICT, REF-E-NODE-READ-ONLY; BitmapError BMP-E-TOO-LARGE; nothing has changed then
 */
export function append(graph: Graph, node: Node, overlay: Node): { done: () => void; revert: () => void } {
  const { done, revert } = graph.attempt((change) => {
    const users = node.parents.filter(({ parent }) =>
      parent instanceof Node ? !uses(overlay, parent) : parent.kind !== 'job',
    );
    change.adopt(overlay, node, 'backing', 'backing');
    for (const edge of users) change.move(edge, overlay);
  });
  // REF-010: the overlay may be of another size than the node, and so is what stands on it now.
  const saved = [...bitmapsOfSizeWith(overlay)].map((bitmap) => ({ bitmap, content: bitmap.save() }));
  const takeBack = (): void => {
    revert();
    for (const { bitmap, content } of saved) {
      bitmap.resize(content.size);
      bitmap.restore(content);
    }
  };
  try {
    followSize(overlay);
  } catch (refusal) {
    takeBack();
    throw refusal;
  }
  return { done, revert: takeBack };
}

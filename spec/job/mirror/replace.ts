/** Which node may take the place of another. MIRROR.md, JOB-073. */
import type { Node } from '../../block/node.js';

/** What reads the same as `node` whatever is written: itself, and what it shows. JOB-061 */
export function canReplace(node: Node, other: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined; ) {
    if (at === other) return true;
    at = at.driver.isFilter === true ? at.driver.shown : undefined;
  }
  return false;
}

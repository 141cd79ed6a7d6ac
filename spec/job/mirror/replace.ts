/** One node takes the place of another for those who use it. MIRROR.md, JOB-062 and JOB-073. */
import { type GraphChange, uses } from '../../block/change.js';
import { Node } from '../../block/node.js';

/** Whoever uses `from` uses `to`, but for jobs, which stay, and for what lies below `to` or is `to`. */
export function moveUsers(change: GraphChange, from: Node, to: Node): void {
  const users = from.parents.filter(({ parent }) =>
    parent instanceof Node ? !uses(to, parent) : parent.kind !== 'job',
  );
  for (const edge of users) change.move(edge, to);
}

/** What reads the same as `node` whatever is written: itself, and what it shows. JOB-061 */
export function canReplace(node: Node, other: Node): boolean {
  for (let at: Node | undefined = node; at !== undefined; ) {
    if (at === other) return true;
    at = at.driver.isFilter === true ? at.driver.shown : undefined;
  }
  return false;
}

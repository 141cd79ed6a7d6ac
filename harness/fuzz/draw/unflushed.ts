/** What of images would be lost in a crash. */
import type { Step } from '../../case/case.js';

/** The nodes to which something was written that was not flushed: when the program is killed now, that may be lost. */
export function unflushed(steps: readonly Step[]): ReadonlySet<string> {
  const unsafe = new Set<string>();
  for (const { action } of steps) {
    if (action.verb === 'restart') unsafe.clear();
    if (action.verb !== 'io' || action.request.op === 'read') continue;
    if (action.request.op === 'flush') unsafe.delete(action.node);
    else unsafe.add(action.node);
  }
  return unsafe;
}

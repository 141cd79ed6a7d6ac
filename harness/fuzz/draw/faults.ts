/** Nodes that have requests fail. */
import type { Node } from '../../../spec/block/node.js';

/** Whether it is a `blkdebug` with a rule by which requests fail; what is below it is not looked at. */
export function hasFaults({ driver }: Node): boolean {
  return 'inject-error.0.event' in driver.describe();
}

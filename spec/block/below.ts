/** What is below a node in its chain: backing files, and filters, which show what they stand on. CHAINS.md. */
import type { Node } from './node.js';

/** `node`, or what it shows if it is a filter, and so on. */
export function skipFilters(node: Node): Node {
  for (let at = node; ; ) {
    const { isFilter, shown } = at.driver;
    if (isFilter !== true || shown === undefined) return at;
    at = shown;
  }
}

/** As {@link skipFilters}, but only filters that nobody knows of. JOB-063 */
export function skipImplicit(node: Node): Node {
  for (let at = node; ; at = at.driver.shown!) if (!at.isImplicit || at.driver.shown === undefined) return at;
}

/** What is below a node: what it shows, or its backing file. */
export function nextBelow(node: Node): Node | null {
  return node.driver.shown ?? node.backing;
}

/** Whether `node` is `other`, or has it below: as what it shows, or as a backing file. */
export function hasInChain(node: Node, other: Node): boolean {
  for (let at: Node | null = node; at !== null; at = nextBelow(at)) if (at === other) return true;
  return false;
}

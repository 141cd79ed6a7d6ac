/** Who needs a chain to stay as it is freezes its links: nobody changes them then. CHAINS.md, REF-044. */
import type { Edge } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Node } from '../node.js';
import { linkBelow } from './walk.js';

/**
 * Freezes `first` and every link below it, down to the one to `bottom`, which is in that chain.
 * @returns what thaws them
 * @throws BlockError REF-E-FROZEN-CHAIN, REF-E-NEVER-FROZEN; nothing is frozen then
 */
export function freeze(first: Edge, bottom: Node): () => void {
  const links = [first];
  for (let at = first; at.child !== bottom; links.push(at)) at = linkBelow(at.child)!;
  for (const { isFrozen, name, parent, child } of links) {
    if (isFrozen)
      throw new BlockError('REF-E-FROZEN-CHAIN', {
        role: name,
        parent: (parent as Node).name,
        child: child.name,
      });
    if (child.neverFrozen) throw new BlockError('REF-E-NEVER-FROZEN', { role: name, child: child.name });
  }
  for (const link of links) link.isFrozen = true;
  return () => {
    for (const link of links) link.isFrozen = false;
  };
}

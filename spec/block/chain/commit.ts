/**
 * Moves what the layers of a chain have down into a base, so that the base reads as the top does. IMG-003 and
 * IMG-004. Sizes are bytes.
 */
import { copy } from '../copy/copy.js';
import { BlockError } from '../errors.js';
import type { Node } from '../node.js';
import { flush } from '../request.js';
import { grow } from './grow.js';

/**
 * Yields after each piece how many bytes of `top` are done. `base` is a writable node of the chain below `top`; it is made
 * longer if it is shorter. When it ends everything is on disk. @throws CannotGrow, CopyError, StorageError
 */
export function* commit(top: Node, base: Node): Generator<number, void, undefined> {
  grow(base, top.size);
  yield* copy({ from: top, to: base, above: base });
  flush(base);
}

/** Whether {@link makeEmpty} can do it. */
export function canBeEmptied(node: Node): boolean {
  return node.driver.empty !== undefined && node.backing !== null;
}

/** Everything is read from below again. What is read must be the same there: no bitmap sees it. IMG-004 @throws StorageError */
export function makeEmpty(node: Node): void {
  if (!canBeEmptied(node)) throw new BlockError('REF-E-NO-EMPTY', { node: node.name });
  node.driver.empty!();
}

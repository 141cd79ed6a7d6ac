/** What can be asked about the bytes of a node. NBD.md, NBD-020 to NBD-022. Offsets and lengths are bytes. */
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { Node } from '../block/node.js';
import { RequestError } from '../block/request-error.js';
import { layerOf, statusPieces } from '../block/status.js';
import { STATE_HOLE, STATE_ZERO } from './constants.js';
import type { Extent, MetaContext } from './export.js';

/** NBD-020: where bytes are stored, and where zeros are read, in the whole chain. */
export function baseAllocation(node: () => Node): MetaContext {
  return {
    name: 'base:allocation',
    *extents(offset, length): Generator<Extent> {
      checkEnd(node(), offset, length);
      for (const piece of statusPieces(node(), offset, length)) {
        const flags = (piece.isData ? 0 : STATE_HOLE) | (piece.isZero ? STATE_ZERO : 0);
        yield { length: piece.length, flags };
      }
    },
  };
}

/** NBD-021: 1 for what the node itself says, 2 for what is below it, and so on; 0 for what nobody says. */
export function allocationDepth(node: () => Node): MetaContext {
  return {
    name: 'qemu:allocation-depth',
    *extents(offset, length): Generator<Extent> {
      checkEnd(node(), offset, length);
      const end = offset + length;
      for (let at = offset; at < end; ) {
        const found = layerOf(node(), at, end - at);
        yield { length: found.length, flags: found.depth === null ? 0 : found.depth + 1 };
        at += found.length;
      }
    },
  };
}

/** NBD-030: what the node has no more cannot be told of. @throws RequestError */
function checkEnd(node: Node, offset: number, length: number): void {
  if (offset + length <= node.size) return;
  throw new RequestError('EIO', `${offset}+${length} is past the end of the node`);
}

/** NBD-022: 1 for what is dirty. */
export function dirtyBitmap(bitmap: DirtyBitmap): MetaContext {
  return {
    name: `qemu:dirty-bitmap:${bitmap.name}`,
    *extents(offset, length): Generator<Extent> {
      const end = offset + length;
      for (let at = offset; at < end; ) {
        const isDirty = at < bitmap.size && bitmap.nextDirty(at, at + 1) >= 0;
        const inside = Math.min(end, bitmap.size);
        const next =
          at >= inside ? -1 : isDirty ? bitmap.nextClean(at, inside) : bitmap.nextDirty(at, inside);
        const stop = next < 0 ? (at >= inside || !isDirty ? end : inside) : next;
        yield { length: stop - at, flags: isDirty ? 1 : 0 };
        at = stop;
      }
    },
  };
}

/**
 * A guest's request as an export lets it in: who may write, and where the disk ends. NODES.md, REF-005. Offsets and
 * lengths are bytes.
 */
import { StorageError } from '../storage/storage.js';
import type { Edge } from './edge.js';
import type { Passing } from './held/route.js';
import { endsWithinBlock } from './limits/limits.js';
import type { Node } from './node.js';
import { permissionsOf, RESIZE, WRITE } from './permissions.js';
import { discard, flush, read, write, zero } from './request.js';
import { type Errno, RequestError } from './request-error.js';

export type GuestRequest =
  | {
      readonly op: 'read';
      readonly offset: number;
      readonly length: number;
      /** `length` bytes to read to; default: new ones */
      readonly into?: Uint8Array;
    }
  | { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly op: 'zero' | 'discard'; readonly offset: number; readonly length: number }
  | { readonly op: 'flush' };

/** Which way it takes. A flush takes none where anything could hold it. */
export function passingOf(request: GuestRequest): Passing {
  if (request.op === 'flush') return { op: 'discard', offset: 0, length: 0 };
  const { op, offset } = request;
  return { op, offset, length: op === 'write' ? request.bytes.length : request.length };
}

/** The bytes read, or an empty array; or why not. */
export function guestRequest(node: Node, request: GuestRequest): Uint8Array | Errno {
  try {
    return perform(node, request);
  } catch (error) {
    return errnoOf(error);
  }
}

/** What a guest gets for an error of a driver or of the storage. @throws what is neither */
export function errnoOf(error: unknown): Errno {
  if (error instanceof RequestError) return error.errno;
  if (!(error instanceof StorageError)) throw error;
  return error.errno === 'ENOSPC' ? 'ENOSPC' : 'EIO';
}

function perform(node: Node, request: GuestRequest): Uint8Array | Errno {
  if (request.op === 'flush') {
    flush(node);
    return new Uint8Array(0);
  }
  const { op, offset } = request;
  const length = op === 'write' ? request.bytes.length : request.length;
  if (op !== 'read' && !isWritable(node)) return 'EPERM';
  // BMP-040
  if (offset > node.size || length > node.size - offset)
    return op === 'write' || op === 'zero' ? 'ENOSPC' : 'EINVAL';
  const bytes = request.op === 'read' ? (request.into ?? new Uint8Array(length)) : new Uint8Array(0);
  if (op === 'read') read(node, offset, bytes);
  else if (op === 'write') write(node, offset, request.bytes);
  else if (op === 'zero') zero(node, offset, length);
  else discard(node, offset, length);
  return bytes;
}

/**
 * A node may be written if it and everything below it that it writes to may, and nobody else who uses it minds: a
 * backing file is only read. `above` is the use through which the writes come.
 */
function isWritable(node: Node, above?: Edge): boolean {
  const others = node.parents.filter((edge) => edge !== above);
  if (node.readOnly || others.some(({ permissions }) => (permissions.shares & WRITE) === 0)) return false;
  // REF-096
  if (endsWithinBlock(node) && (permissionsOf(node).needs & RESIZE) === 0) return false;
  const written = node.children.filter(({ role }) => role !== 'backing');
  return written.every((edge) => isWritable(edge.child, edge));
}

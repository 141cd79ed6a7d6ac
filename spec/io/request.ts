/**
 * IMG-022. A request of qemu-io to a node: what is checked before the node sees it, and with which words it is refused. Offsets and
 * lengths are bytes; nothing is allocated for a request that lies outside of the node.
 */
import type { Node } from '../block/node.js';
import { discard, flush, read, write, zero } from '../block/request.js';
import { RequestError as Failed } from '../block/request-error.js';
import { Refusal } from '../refusal.js';
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';

/** Why a request fails, as the C library words it. */
export class RequestError extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'RequestError';
  }
}

export const UNSUPPORTED = 'Operation not supported';
const IO_ERROR = 'Input/output error';

/** @throws RequestError if the range is not inside the node; an empty one may be at its end */
export function checkRange(node: Node, offset: bigint, length: bigint): void {
  if (offset > node.size || length > BigInt(node.size) - offset) throw new RequestError(IO_ERROR);
}

/** A request in a range that was checked. @throws RequestError */
export const request = {
  read: (node: Node, offset: number, into: Uint8Array) => failing(() => read(node, offset, into)),
  write: (node: Node, offset: number, bytes: Uint8Array) => failing(() => write(node, offset, bytes)),
  zero: (node: Node, offset: number, length: number) => failing(() => zero(node, offset, length)),
  discard: (node: Node, offset: number, length: number) => failing(() => discard(node, offset, length)),
  flush: (node: Node) => failing(() => flush(node)),
};

function failing(act: () => void): void {
  try {
    act();
  } catch (error) {
    if (error instanceof StorageError || error instanceof Failed)
      throw new RequestError(reasonOf(error.errno));
    // What an image refuses in the middle of a request, its guest sees as an error of the medium.
    if (error instanceof Refusal) throw new RequestError(IO_ERROR);
    throw error;
  }
}

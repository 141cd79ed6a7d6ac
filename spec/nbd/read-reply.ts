/** READ: data, and, in structured replies, holes. NBD.md, NBD-016. */
import { errnoOf } from '../block/guest.js';
import type { Errno } from '../block/request-error.js';
import * as nbd from './constants.js';
import type { Extent, MetaContext } from './export.js';
import type { Chosen } from './handshake.js';
import { u32, u64 } from './output.js';
import type { NbdRequest, Replies } from './reply.js';

export function readReply(chosen: Chosen, request: NbdRequest, replies: Replies): void {
  const offset = Number(request.offset);
  const { length } = request;
  if (!replies.isStructured) {
    const failed = replies.simpleData(length, (into) => read(chosen, offset, into));
    if (failed !== null) replies.error(failed, 'reading failed');
    return;
  }
  if (length === 0) {
    const failed = read(chosen, offset, new Uint8Array(0));
    if (failed !== null) replies.error(failed, `reading failed at ${offset}`);
    else replies.chunk(nbd.REPLY_NONE, true, []);
    return;
  }
  let pieces: readonly Extent[] = [{ length, flags: 0 }];
  try {
    if ((request.flags & nbd.CMD_FLAG_DF) === 0) pieces = piecesOf(chosen, offset, length);
  } catch (error) {
    replies.error(errnoOf(error), `reading failed at ${offset}`);
    return;
  }
  let at = offset;
  for (const [index, piece] of pieces.entries()) {
    const isLast = index === pieces.length - 1;
    if ((piece.flags & nbd.STATE_ZERO) !== 0) {
      replies.chunk(nbd.REPLY_OFFSET_HOLE, isLast, [u64(at), u32(piece.length)]);
    } else {
      const failed = replies.chunkData(isLast, at, piece.length, (into) => read(chosen, at, into));
      if (failed !== null) {
        replies.error(failed, `reading failed at ${at}`);
        return;
      }
    }
    at += piece.length;
  }
}

function read(chosen: Chosen, offset: number, into: Uint8Array): Errno | null {
  const result = chosen.export.request({ op: 'read', offset, length: into.length, into });
  return typeof result === 'string' ? result : null;
}

/** Holes and data by turns. */
function piecesOf(chosen: Chosen, offset: number, length: number): readonly Extent[] {
  const allocation = chosen.export.contexts.find(({ name }) => name === 'base:allocation') as MetaContext;
  return joined(allocation.extents(offset, length), nbd.STATE_ZERO);
}

/** The extents, neighbours that `mask` cannot tell apart as one. */
export function joined(extents: Iterable<Extent>, mask: number, most = Number.POSITIVE_INFINITY): Extent[] {
  const result: { length: number; flags: number }[] = [];
  for (const extent of extents) {
    const flags = extent.flags & mask;
    const last = result.at(-1);
    if (last !== undefined && last.flags === flags) last.length += extent.length;
    else if (result.length === most) break;
    else result.push({ length: extent.length, flags });
  }
  return result;
}

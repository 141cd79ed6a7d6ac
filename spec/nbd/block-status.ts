/** BLOCK_STATUS: what the chosen contexts say of a range. NBD.md, NBD-017. */
import { errnoOf } from '../block/guest.js';
import * as nbd from './constants.js';
import type { Extent } from './export.js';
import type { Chosen } from './handshake.js';
import { type Field, u32 } from './output.js';
import { joined } from './read-reply.js';
import type { NbdRequest, Replies } from './reply.js';

/** NBD-017: of one context in one reply; a client that wants more asks again. */
const MOST_EXTENTS = 131072;

export function blockStatus(chosen: Chosen, request: NbdRequest, replies: Replies): void {
  const most = (request.flags & nbd.CMD_FLAG_REQ_ONE) !== 0 ? 1 : MOST_EXTENTS;
  for (const [index, { id, context }] of chosen.contexts.entries()) {
    let extents: Extent[];
    try {
      extents = joined(context.extents(Number(request.offset), request.length), 0xffffffff, most);
    } catch (error) {
      replies.error(errnoOf(error), `the status of ${context.name} cannot be known`);
      return;
    }
    const fields: Field[] = [u32(id)];
    for (const { length, flags } of extents) fields.push(u32(length), u32(flags));
    replies.chunk(nbd.REPLY_BLOCK_STATUS, index === chosen.contexts.length - 1, fields);
  }
}

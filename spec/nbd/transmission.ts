/**
 * Requests and their replies, after the handshake. NBD.md, NBD-011 to NBD-019. Each request is answered before the next is
 * read: a client may send many without waiting, and gets their replies in order.
 */

import type { Passing } from '../block/held/route.js';
import type { Errno } from '../block/request-error.js';
import { blockStatus } from './block-status.js';
import { Disconnect, type Wants } from './connection.js';
import * as nbd from './constants.js';
import type { Chosen } from './handshake.js';
import { Fields } from './input.js';
import type { Output } from './output.js';
import { readReply } from './read-reply.js';
import { type NbdRequest, Replies } from './reply.js';

/** Which flags a command may have, besides FUA, which all may. NBD-012 */
const FLAGS: ReadonlyMap<number, number> = new Map([
  [nbd.CMD_READ, nbd.CMD_FLAG_DF],
  [nbd.CMD_WRITE, 0],
  [nbd.CMD_FLUSH, 0],
  [nbd.CMD_TRIM, 0],
  [nbd.CMD_CACHE, 0],
  [nbd.CMD_WRITE_ZEROES, nbd.CMD_FLAG_NO_HOLE | nbd.CMD_FLAG_FAST_ZERO],
  [nbd.CMD_BLOCK_STATUS, nbd.CMD_FLAG_REQ_ONE],
]);

const CHANGES: ReadonlySet<number> = new Set([nbd.CMD_WRITE, nbd.CMD_TRIM, nbd.CMD_WRITE_ZEROES]);

/** Until the client says that it goes. @throws Disconnect */
export function* transmission(chosen: Chosen, output: Output): Wants<void> {
  for (;;) {
    const request = parseRequest(yield 28);
    if (request.command === nbd.CMD_DISC) return;
    const replies = new Replies(output, chosen.hasStructuredReplies, request);
    let payload: Uint8Array | null = null;
    if (request.command === nbd.CMD_WRITE && request.length > 0) {
      if (request.length > nbd.LONGEST_PAYLOAD) {
        // Nobody reads that much to find the next request behind it.
        replies.error('EINVAL', `${request.length} bytes are more than ${nbd.LONGEST_PAYLOAD}`);
        return;
      }
      payload = yield request.length;
    }
    const refusal = checkRequest(chosen, request);
    if (refusal !== null) {
      replies.error(...refusal);
      continue;
    }
    const ticket = chosen.export.submit(
      passingOf(request),
      () => serve(chosen, request, payload ?? new Uint8Array(0), replies),
      () => replies.error('EIO', 'the request was given up'),
    );
    if (!ticket.isOver) yield ticket; // NBD-029
  }
}

/** NBD-011 */
function parseRequest(bytes: Uint8Array): NbdRequest {
  const fields = new Fields(bytes);
  // What follows cannot be found any more.
  if (fields.u32() !== nbd.REQUEST_MAGIC) throw new Disconnect();
  const [flags, command] = [fields.u16(), fields.u16()];
  return { flags, command, cookie: fields.u64(), offset: fields.u64(), length: fields.u32() };
}

const OPS: ReadonlyMap<number, Passing['op']> = new Map([
  [nbd.CMD_READ, 'read'],
  [nbd.CMD_WRITE, 'write'],
  [nbd.CMD_WRITE_ZEROES, 'zero'],
  [nbd.CMD_TRIM, 'discard'],
]);

/** Which way it takes; what reads and changes nothing takes none. */
function passingOf({ command, offset, length }: NbdRequest): Passing {
  const op = OPS.get(command);
  return op === undefined ? { op: 'discard', offset: 0, length: 0 } : { op, offset: Number(offset), length };
}

function serve(chosen: Chosen, request: NbdRequest, payload: Uint8Array, replies: Replies): void {
  const { command, length } = request;
  const offset = Number(request.offset);
  const one = chosen.export;
  if (hasRange(command) && offset + length > one.nodeSize) {
    replies.error('EIO', `${offset}+${length} is past the end of the node, ${one.nodeSize}`);
    return;
  }
  let failed: Errno | null;
  switch (command) {
    case nbd.CMD_READ:
      readReply(chosen, request, replies);
      return;
    case nbd.CMD_BLOCK_STATUS:
      blockStatus(chosen, request, replies);
      return;
    case nbd.CMD_WRITE:
      failed = errnoOf(one.request({ op: 'write', offset, bytes: payload }));
      break;
    case nbd.CMD_TRIM:
      failed = errnoOf(one.request({ op: 'discard', offset, length }));
      break;
    case nbd.CMD_WRITE_ZEROES:
      failed = errnoOf(one.request({ op: 'zero', offset, length }));
      break;
    case nbd.CMD_CACHE:
      failed = null; // NBD-018: everything is as near as it can be
      break;
    default:
      failed = errnoOf(one.request({ op: 'flush' }));
  }
  // NBD-013
  if (failed === null && CHANGES.has(command) && (request.flags & nbd.CMD_FLAG_FUA) !== 0) {
    failed = errnoOf(one.request({ op: 'flush' }));
  }
  if (failed === null) replies.done();
  else replies.error(failed, 'the request failed');
}

/** NBD-030: whether the node has to be as long as the range. What contexts tell is up to each of them. */
function hasRange(command: number): boolean {
  return command !== nbd.CMD_FLUSH && command !== nbd.CMD_BLOCK_STATUS;
}

/** What is wrong with a request before anything is done. NBD-012 */
function checkRequest(chosen: Chosen, request: NbdRequest): [nbd.NbdErrno, string] | null {
  const { command, flags, offset, length } = request;
  const { export: one, hasStructuredReplies } = chosen;
  const allowed = FLAGS.get(command);
  if (allowed === undefined) return ['EINVAL', `request type ${command} is not known`];
  const unstructured = hasStructuredReplies ? 0 : nbd.CMD_FLAG_DF;
  if ((flags & ~(allowed | nbd.CMD_FLAG_FUA)) !== 0 || (flags & unstructured) !== 0) {
    return ['EINVAL', `request type ${command} cannot have the flags 0x${flags.toString(16)}`];
  }
  if (command === nbd.CMD_BLOCK_STATUS && chosen.contexts.length === 0) {
    return ['EINVAL', 'no context was chosen'];
  }
  if (command === nbd.CMD_READ && length > nbd.LONGEST_PAYLOAD) {
    return ['EINVAL', `${length} bytes are more than ${nbd.LONGEST_PAYLOAD}`];
  }
  if (CHANGES.has(command) && !one.isWritable) return ['EPERM', 'the export is read-only'];
  if (offset + BigInt(length) > BigInt(one.size)) {
    const noRoom = command === nbd.CMD_WRITE || command === nbd.CMD_WRITE_ZEROES;
    return [noRoom ? 'ENOSPC' : 'EINVAL', `${offset}+${length} is past the end, ${one.size}`];
  }
  if (command === nbd.CMD_BLOCK_STATUS && length === 0) return ['EINVAL', 'a status is of at least one byte'];
  return null;
}

function errnoOf(result: Uint8Array | Errno): Errno | null {
  return typeof result === 'string' ? result : null;
}

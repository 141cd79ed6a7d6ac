/** What a connection sees of an export. NBD.md, NBD-010. Offsets and lengths are bytes. */
import type { GuestRequest } from '../block/guest.js';
import type { Ticket } from '../block/held/held-requests.js';
import type { Passing } from '../block/held/route.js';
import type { Errno } from '../block/request-error.js';
import * as nbd from './constants.js';

/** One extent of a context: how long, and what the context says of it. */
export interface Extent {
  readonly length: number;
  readonly flags: number;
}

/** Something that can be asked about every byte of an export. */
export interface MetaContext {
  /** base:allocation, qemu:allocation-depth, qemu:dirty-bitmap:NAME */
  readonly name: string;
  /** Extents from `offset` on, inside of the range; neighbours may be alike. */
  extents(offset: number, length: number): Iterable<Extent>;
}

export interface NbdExport {
  readonly name: string;
  readonly description: string | null;
  /** bytes; it stays */
  readonly size: number;
  /** bytes that the node has by now. NBD-030 */
  readonly nodeSize: number;
  /** what its node takes without making something else of it: whole blocks of `align` bytes, and `most` at once. REF-096 */
  readonly blockSizes: { readonly align: number; readonly most: number };
  readonly isWritable: boolean;
  /** in the order in which they are numbered and listed */
  readonly contexts: readonly MetaContext[];
  request(request: GuestRequest): Uint8Array | Errno;
  /** Does `go` now, or once no breakpoint holds the request any more; or `givenUp`. NBD-029 */
  submit(passing: Passing, go: () => void, givenUp: () => void): Ticket;
  /** a connection uses it, or does so no more */
  connected(close: () => void): void;
  disconnected(close: () => void): void;
}

/** The exports that there are, as connections find them. */
export interface NbdServer {
  /** oldest first */
  readonly exports: readonly NbdExport[];
  /** there is one connection at most: nobody can have several */
  readonly isForOne: boolean;
}

/** What one can ask of an export. NBD-010, NBD-040 */
export function transmissionFlags(
  { isForOne }: NbdServer,
  one: NbdExport,
  hasStructuredReplies: boolean,
): number {
  const always = nbd.EXPORT_HAS_FLAGS | nbd.EXPORT_SEND_FLUSH | nbd.EXPORT_SEND_FUA | nbd.EXPORT_SEND_CACHE;
  const written = one.isWritable
    ? nbd.EXPORT_SEND_TRIM | nbd.EXPORT_SEND_WRITE_ZEROES | nbd.EXPORT_SEND_FAST_ZERO
    : nbd.EXPORT_READ_ONLY;
  const structured = hasStructuredReplies ? nbd.EXPORT_SEND_DF : 0;
  return always | written | structured | (isForOne ? 0 : nbd.EXPORT_CAN_MULTI_CONN);
}

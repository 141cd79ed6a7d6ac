/**
 * What a block driver does. Requests have been checked against the node's size before they come here; offsets and
 * lengths are bytes. One driver a file beside this one.
 */
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import type { JsonObject } from '../../json/value.js';
import type { Edge } from '../edge.js';
import type { Leg, Passing } from '../held/route.js';
import type { Limits } from '../limits/limits.js';
import type { Node } from '../node.js';
import type { OpenedWith } from '../options.js';
import type { Permissions } from '../permissions.js';
import type { DriverStatus } from '../status.js';

/** What a driver that keeps dirty bitmaps with its image does for the bitmaps of its node. */
export interface BitmapStore {
  /** @throws Refusal if a bitmap of this name could not be stored */
  checkNew(name: string): void;
  /** From now on the bitmap, which is on the node, is stored. @throws Refusal, StorageError */
  persist(bitmap: DirtyBitmap): void;
  /** @throws Refusal if the stored copy of a bitmap cannot be given up */
  checkRemove(): void;
  /** The stored copy goes; the bitmap stays on the node. */
  unpersist(bitmap: DirtyBitmap): void;
  /** A command has changed the bitmap, and cannot be undone any more. */
  changed(bitmap: DirtyBitmap): void;
  /** `after` is what the stored bitmap `before` is from now on. What cannot be written now is written later. */
  replaced(before: DirtyBitmap, after: DirtyBitmap): void;
}

/** What a node is to be after blockdev-reopen, as far as it is its driver's matter. */
export interface ReopenRequest {
  readonly readOnly: boolean;
  readonly specific: OpenedWith['specific'];
}

/** A reopening that is prepared: `commit` or `abort` follows. */
export interface PreparedReopen {
  /** when all nodes of the command are prepared: the node is as long as it will be; `abort` takes that back, too */
  resize?(): void;
  /** when all nodes of the command are prepared, and the nodes below are reopened; can fail only if a storage does */
  commit?(): void;
  /** takes back what preparing did */
  abort?(): void;
}

/** What an image says is below it. */
export interface StoredBacking {
  /** as it is stored */
  readonly file: string;
  /** as it is opened */
  readonly full: string;
  readonly format: string;
}

/** What a driver does for images that can have a backing file. */
export interface BackingKeeper {
  /** what the image says; null if nothing */
  readonly stored: StoredBacking | null;
  /** Makes the image say something else; an empty name: nothing. @throws Refusal, StorageError */
  change(file: string, format: string): void;
}

/** What happens to a request, for a driver below that is to do something about it. REF-086 */
export type DebugEvent =
  | 'none'
  | 'pwritev'
  | 'pwritev_zero'
  | 'pwritev_done'
  | 'pwritev_rmw_head'
  | 'pwritev_rmw_after_head'
  | 'pwritev_rmw_tail'
  | 'pwritev_rmw_after_tail'
  | 'read_aio'
  | 'write_aio';

/** What a driver that keeps what was there in the beginning shows of it. Offsets and lengths are bytes. */
export interface Snapshot {
  /** @throws RequestError EINVAL where there is nothing of it, or no more */
  readSnapshot(offset: number, into: Uint8Array): void;
  statusOfSnapshot(offset: number, length: number): DriverStatus;
  /** This part will not be read any more. */
  discardSnapshot(offset: number, length: number): void;
  /** which requests reading it makes */
  routeOfSnapshot(offset: number, length: number): Iterable<Leg>;
}

export interface Driver {
  readonly name: string;
  /** Told what all users of the node need and share now, also when a change is taken back. @throws BlockError REF-E-LOCKED-SHARED */
  permitted?(own: Permissions): void;
  /** its node shows the filtered child as it is: what is looked for on the node is looked for below, too */
  readonly isFilter?: boolean;
  /** of a filter: the child */
  readonly shown?: Node;
  /** bytes, not rounded to sectors */
  length(): number;
  /** how many clusters the disk has, and how many of them are the image's own; absent or null where that is not kept */
  clusters?(): { readonly total: number; readonly allocated: number } | null;
  /** bytes of a cluster, or null: granularity follows it (BMP-004) */
  readonly clusterSize: number | null;
  /** bytes that it takes on the disk by itself, without its children; absent where there are none to count */
  allocated?(): number | undefined;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, bytes: Uint8Array): void;
  zero(offset: number, length: number): void;
  discard(offset: number, length: number): void;
  /** zeros can be written so that no room is taken for them */
  readonly unmapsZeros?: boolean;
  /** it has no way to write zeros but as data: nobody looks for them (REF-016) */
  readonly cannotZero?: boolean;
  /** absent: it takes any request. REF-096 */
  readonly limits?: Limits;
  /** it is put over a node by a job, and takes over nothing of what that asks for. REF-096 */
  readonly forgetsLimits?: boolean;
  /** whether a discard does anything here; if not, it marks nothing (BMP-007) */
  readonly canDiscard: boolean;
  /** What is known of the beginning of a range inside of the disk. Absent: all of it is stored bytes. */
  status?(offset: number, length: number): DriverStatus;
  flush(): void;
  /** present if the driver marks the bitmaps of its node itself, because some are to be stored before a write */
  record?(offset: number, length: number): void;
  /** present if the image can give up what it has, so that all of it is read from below. IMG-004 */
  empty?(): void;
  /** told of its node, once */
  attach?(node: Node): void;
  /** present if it wants to know what happens to requests */
  debugEvent?(event: DebugEvent): void;
  /** whether breakpoints can be set on its node. REF-089 */
  readonly canBreak?: boolean;
  /** Which requests it will make for this one, in their order; absent: none. REF-090 @throws RequestError if it will refuse */
  route?(passing: Passing): Iterable<Leg>;
  /** present in filters, and in images that can have a backing file: has the range as its own, as it reads now (REF-081) */
  copyUp?(offset: number, length: number): void;
  /** present if it keeps what was there in the beginning */
  readonly snapshot?: Snapshot;
  /** present if it can store bitmaps */
  readonly store?: BitmapStore;
  /** present if this image can have a backing file */
  readonly backing?: BackingKeeper | undefined;
  /** present if it could have one, had it been made for that: what it lacks. @throws Refusal */
  refuseBacking?(node: string): never;
  /** Options that blockdev-reopen can change. */
  readonly mutable?: ReadonlySet<string>;
  /** Stores what is in memory only, before the nodes below become read-only. @throws StorageError */
  settle?(): void;
  /** Present if it can be reopened: gets ready for it. @throws Refusal, StorageError; nothing has changed then */
  reopen?(request: ReopenRequest): PreparedReopen;
  /** Whether the file below may be replaced while it is open. @throws Refusal if not */
  checkFile?(): void;
  /** Lets go of what it has open; the node is gone after that. */
  close(): void;
  /** Refuses or does it, further down included. @throws BlockError */
  truncate(size: number): void;
  /** Whether this node's size follows that of the node that `edge` uses. */
  follows(edge: Edge): boolean;
  /** what it needs of a child, if that is not what follows from the `use` of it (REF-025): `byUse`, for users who need `own` */
  childPermissions?(edge: Edge, own: Permissions, byUse: Permissions): Permissions;
  /** what it counts itself (REF-112), with its name as `driver` */
  statistics?(): JsonObject;
  /** its file name alone says what it is, without a format */
  readonly isProtocol?: boolean;
  /** its file name is that of its child, whatever that is */
  readonly isNamedAsChild?: boolean;
  filename(): string;
  /** the options that make this node again, for a parent's `json:` file name */
  describe(): JsonObject;
  /** whether query-* shows a dirty flag for it */
  readonly hasDirtyFlag: boolean;
}

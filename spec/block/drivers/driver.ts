/**
 * What a block driver does. Requests have been checked against the node's size before they come here; offsets and
 * lengths are bytes. One driver a file beside this one.
 */
import type { JsonObject } from '../../json/value.js';
import type { Edge } from '../node.js';

export interface Driver {
  readonly name: string;
  /** bytes, not rounded to sectors */
  length(): number;
  /** bytes of a cluster, or null: granularity follows it (BMP-004) */
  readonly clusterSize: number | null;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, bytes: Uint8Array): void;
  zero(offset: number, length: number): void;
  discard(offset: number, length: number): void;
  /** whether a discard does anything here; if not, it marks nothing (BMP-007) */
  readonly canDiscard: boolean;
  flush(): void;
  /** Lets go of what it has open; the node is gone after that. */
  close(): void;
  /** Refuses or does it, further down included. @throws BlockError */
  truncate(size: number): void;
  /** Whether others may resize the node that `edge` uses. */
  sharesResize(edge: Edge): boolean;
  filename(): string;
  /** the options that make this node again, for a parent's `json:` file name */
  describe(): JsonObject;
  /** whether query-* shows a dirty flag for it */
  readonly hasDirtyFlag: boolean;
}

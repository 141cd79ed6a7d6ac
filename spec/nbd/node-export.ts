/** An export of a node: it holds the node, and the bitmaps that it shows. NBD.md, NBD-023 to NBD-027. */
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { Edge, Holder } from '../block/edge.js';
import { type GuestRequest, guestRequest } from '../block/guest.js';
import type { HeldRequests, Ticket } from '../block/held/held-requests.js';
import type { Passing } from '../block/held/route.js';
import { alignOf, pieceOf } from '../block/limits/limits.js';
import { ALL, CONSISTENT_READ, type Permissions, RESIZE, WRITE } from '../block/permissions.js';
import type { Errno } from '../block/request-error.js';
import { allocationDepth, baseAllocation, dirtyBitmap } from './contexts.js';
import type { MetaContext, NbdExport } from './export.js';

export interface ExportOptions {
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly isWritable: boolean;
  /** every write is on disk when it is answered */
  readonly isWritethrough: boolean;
  readonly showsDepth: boolean;
  /** id of the iothread that its node is moved to. REF-171 */
  readonly iothread: string | null;
  /** its node stays in the iothread that it is in. REF-173 */
  readonly isFixed: boolean;
}

export class NodeExport implements NbdExport, Holder {
  readonly kind = 'export';
  readonly id: string;
  readonly name: string;
  readonly description: string | null;
  readonly isWritable: boolean;
  readonly iothread: string | null;
  readonly isFixed: boolean;
  /** the iothread that its node came to by it, or is kept in; undefined: it has nothing to do with that. REF-173 */
  place: string | null | undefined;
  bitmaps: readonly DirtyBitmap[] = [];
  contexts: readonly MetaContext[] = [];
  readonly #showsDepth: boolean;
  readonly #choose: () => readonly DirtyBitmap[];
  readonly #isWritethrough: boolean;
  readonly #requests: HeldRequests;
  /** how to end each connection that uses it */
  readonly #connections = new Set<() => void>();
  /** set by whoever makes the export hold its node */
  edge!: Edge;
  /** as it was when the export was made: NBD-030 */
  size = 0;

  /** @param choose finds the bitmaps, once the node is held */
  constructor(options: ExportOptions, requests: HeldRequests, choose: () => readonly DirtyBitmap[]) {
    const { id, name, description, isWritable, isWritethrough, showsDepth } = options;
    this.id = id;
    this.name = name;
    this.description = description;
    this.isWritable = isWritable;
    this.#isWritethrough = isWritethrough;
    this.iothread = options.iothread;
    this.isFixed = options.isFixed;
    this.#showsDepth = showsDepth;
    this.#choose = choose;
    this.#requests = requests;
  }

  /** The node is held: what can be asked about it is there. @throws what choosing bitmaps throws */
  show(): void {
    this.bitmaps = this.#choose();
    this.size = this.edge.child.size;
    const node = () => this.edge.child;
    this.contexts = [
      baseAllocation(node),
      ...(this.#showsDepth ? [allocationDepth(node)] : []),
      ...this.bitmaps.map(dirtyBitmap),
    ];
  }

  /** NBD-024: nobody may change the size while somebody reads it as it was. */
  get permissions(): Permissions {
    const needs = CONSISTENT_READ | (this.isWritable ? WRITE : 0);
    return { needs, shares: ALL & ~RESIZE };
  }

  describe(): string {
    return 'an unnamed block device';
  }

  blocks(): null {
    return null;
  }

  get nodeSize(): number {
    return this.edge.child.size;
  }

  get blockSizes(): { readonly align: number; readonly most: number } {
    const { child } = this.edge;
    return { align: alignOf(child), most: pieceOf(child) };
  }

  request(request: GuestRequest): Uint8Array | Errno {
    const result = guestRequest(this.edge.child, request);
    const isDone = typeof result !== 'string';
    if (!this.#isWritethrough || !isDone || request.op === 'read' || request.op === 'flush') return result;
    return guestRequest(this.edge.child, { op: 'flush' });
  }

  submit(passing: Passing, go: () => void, givenUp: () => void): Ticket {
    return this.#requests.submit({ edge: () => this.edge, passing, go, givenUp });
  }

  get isUsed(): boolean {
    return this.#connections.size > 0;
  }

  connected(close: () => void): void {
    this.#connections.add(close);
  }

  disconnected(close: () => void): void {
    this.#connections.delete(close);
  }

  /** Whoever is to know that it has gone. */
  whenGone: () => void = () => {};

  /** Ends every connection, and what its clients still wait for. REF-094 */
  close(): void {
    for (const close of [...this.#connections]) close();
    this.#requests.cancelBy(this.edge);
  }
}

/**
 * `copy-on-read`: what is read from the backing files of its child is copied up into the child. FILTERS.md, REF-081 and REF-082.
 * Offsets and lengths are bytes.
 */
import { writeJson } from '../../json/write.js';
import { freeze } from '../chain/frozen.js';
import { hasInChain, imageOf } from '../chain/walk.js';
import type { Edge } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Leg, Passing } from '../held/route.js';
import type { Node } from '../node.js';
import { type Permissions, WRITE_UNCHANGED } from '../permissions.js';
import { copyUp, read } from '../request.js';
import { isAllocatedAbove, statusOf } from '../status.js';
import type { Driver } from './driver.js';
import { FilterDriver } from './filter.js';

/** @param bottom what lies below this node is not copied up, and all down to it stays as it is; null: everything is */
export function openCopyOnRead(file: Edge, bottom: Node | null): Driver {
  if (bottom !== null && !hasInChain(file.child, bottom))
    throw new BlockError('REF-E-BOTTOM-CHAIN', { node: bottom.name, file: file.child.name });
  return new CopyOnReadDriver(file, bottom, bottom === null ? () => {} : freeze(file, bottom));
}

/** It writes what is there already, whoever uses it. REF-082 */
export function demandOfCopyOnRead(_file: Edge, _own: Permissions, byUse: Permissions): Permissions {
  return { needs: byUse.needs | WRITE_UNCHANGED, shares: byUse.shares | WRITE_UNCHANGED };
}

/** Whether it is such a filter, and one that has nothing to copy. */
export function isIdleCopyOnRead(driver: Driver): boolean {
  return driver instanceof CopyOnReadDriver && driver.isIdle;
}

class CopyOnReadDriver extends FilterDriver {
  readonly name = 'copy-on-read';
  readonly #bottom: Node | null;
  readonly #thaw: () => void;

  constructor(file: Edge, bottom: Node | null, thaw: () => void) {
    super(file);
    this.#bottom = bottom;
    this.#thaw = thaw;
  }

  /** Its child is all that could be copied from. */
  get isIdle(): boolean {
    return this.#bottom !== null && this.#bottom === imageOf(this.file.child);
  }

  override read(offset: number, into: Uint8Array): void {
    const { child } = this.file;
    for (const piece of this.#toCopy(offset, into.length)) copyUp(child, piece.offset, piece.length);
    read(child, offset, into);
  }

  override *route(passing: Passing): Iterable<Leg> {
    const { op, offset, length } = passing;
    const node = this.file.child;
    if (op === 'read') for (const piece of this.#toCopy(offset, length)) yield { op: 'copy', ...piece, node };
    yield* super.route(passing);
  }

  /** What of a range is to be copied up: it is, before the next piece is asked for. */
  *#toCopy(offset: number, size: number): Generator<{ offset: number; length: number }> {
    const { child } = this.file;
    if (imageOf(child).driver.copyUp === undefined) return;
    const base = this.#bottom?.backing ?? null;
    const end = Math.min(offset + size, child.size);
    for (let at = offset; at < end; ) {
      const own = statusOf(child, at, end - at);
      if (own.isAllocated) at += own.length;
      else {
        const above = isAllocatedAbove(child, base, at, own.length);
        // Without a bottom even what nobody has is copied: zeros.
        if (above.isAllocated || this.#bottom === null) yield { offset: at, length: above.length };
        at += above.length;
      }
    }
  }

  override close(): void {
    this.#thaw();
  }

  override filename(): string {
    return `json:${writeJson(this.describe())}`;
  }
}

/**
 * `snapshot-access`: what the child had when it began to copy before writes. It can be read, and given up piece by piece; it cannot be
 * written. FLEECING.md, REF-122 and REF-125.
 */
import { type JsonObject, jsonObject } from '../../json/value.js';
import type { Edge } from '../edge.js';
import { BlockError } from '../errors.js';
import type { Leg, Passing } from '../held/route.js';
import { ALL, type Permissions } from '../permissions.js';
import { RequestError } from '../request-error.js';
import type { DriverStatus } from '../status.js';
import type { Driver, Snapshot } from './driver.js';

export function openSnapshotAccess(file: Edge): Driver {
  return new SnapshotAccessDriver(file);
}

class SnapshotAccessDriver implements Driver {
  readonly name = 'snapshot-access';
  readonly clusterSize = null;
  readonly canDiscard = true;
  readonly hasDirtyFlag = false;
  readonly isNamedAsChild = true;
  readonly #file: Edge;

  constructor(file: Edge) {
    this.#file = file;
  }

  /** A child may be anything when it is opened; what has no snapshot refuses each request. */
  get #snapshot(): Snapshot {
    const { snapshot } = this.#file.child.driver;
    if (snapshot === undefined)
      throw new RequestError('ENOTSUP', `${this.#file.child.name} keeps no snapshot`);
    return snapshot;
  }

  length(): number {
    return this.#file.child.size;
  }

  read(offset: number, into: Uint8Array): void {
    this.#snapshot.readSnapshot(offset, into);
  }

  write(): never {
    throw new RequestError('ENOTSUP', 'a snapshot is not written');
  }

  zero(): never {
    throw new RequestError('ENOTSUP', 'a snapshot is not written');
  }

  discard(offset: number, length: number): void {
    this.#snapshot.discardSnapshot(offset, length);
  }

  status(offset: number, length: number): DriverStatus {
    return this.#snapshot.statusOfSnapshot(offset, length);
  }

  *route({ op, offset, length }: Passing): Iterable<Leg> {
    if (op === 'read') yield* this.#snapshot.routeOfSnapshot(offset, length);
  }

  flush(): void {
    // There is nothing that it has written.
  }

  truncate(): never {
    throw new BlockError('REF-E-NO-RESIZE');
  }

  follows(): boolean {
    return true;
  }

  /** Whoever copies before writes keeps what is read here: it needs nothing of it. REF-124 */
  childPermissions(): Permissions {
    return { needs: 0, shares: ALL };
  }

  close(): void {
    // The child is closed by whoever holds it.
  }

  filename(): string {
    return this.#file.child.filename;
  }

  describe(): JsonObject {
    return jsonObject({ driver: this.name, file: this.#file.child.shownOptions });
  }
}

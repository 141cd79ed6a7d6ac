/**
 * What stands between a node and whoever uses it as a disk, QEMU's BlockBackend: a drive that has a name, and what a
 * device has even without one. It stays when its node goes, as a drive does without a medium. DEVICES.md, REF-100.
 */

import type { GraphChange } from '../change.js';
import type { Edge, Holder } from '../edge.js';
import type { Node } from '../node.js';
import { ALL, CONSISTENT_READ, type Permissions } from '../permissions.js';
import { Counters } from './counters.js';
import type { Device } from './device.js';

/** What a drive asks of its node before a device is attached to it. */
const UNATTACHED: Permissions = { needs: CONSISTENT_READ, shares: ALL };
/** What a drive asks of its node once a device has let go of it. */
export const NOTHING: Permissions = { needs: 0, shares: ALL };

export class Backend implements Holder {
  readonly kind = 'device';
  /** of a drive: the name that commands know it by as `device` */
  deviceName: string | undefined;
  /** the device that it is attached to */
  device: Device | null = null;
  /** exports of what is in it, made by its name: they keep it when its device goes */
  readonly shown = new Set<object>();
  readonly counters = new Counters();
  #edge: Edge | null = null;
  #permissions: Permissions = UNATTACHED;
  /** whether the medium that was there last, or the drive as it was made, could be written */
  #wasWritable: boolean;
  readonly #ejected: (() => void)[] = [];

  constructor(name: string | undefined, writable = false) {
    this.deviceName = name;
    this.#wasWritable = writable;
  }

  get shownName(): string | undefined {
    return this.deviceName ?? this.device?.qdev;
  }

  describe(): string {
    const name = this.shownName;
    return name === undefined ? 'an unnamed block device' : `block device '${name}'`;
  }

  blocks(): null {
    return null;
  }

  /** Its node, which is its medium; null if it is empty. */
  get node(): Node | null {
    return this.#edge?.child ?? null;
  }

  /** The use of its node. */
  get edge(): Edge | null {
    return this.#edge;
  }

  /** Whether a device that could write may: it looks at the medium that is there, else at the last one. REF-103 */
  get isWritable(): boolean {
    return this.node === null ? this.#wasWritable : !this.node.readOnly;
  }

  /** The medium comes. */
  insert(change: GraphChange, node: Node): void {
    this.#edge = change.hold(this, node, 'root', this.#permissions);
    change.undone(() => {
      this.#edge = null;
    });
  }

  /** The medium goes; nothing if there is none. */
  remove(change: GraphChange): void {
    const edge = this.#edge;
    if (edge === null) return;
    const wasWritable = this.#wasWritable;
    this.#wasWritable = this.isWritable;
    change.drop(edge);
    this.#edge = null;
    change.undone(() => {
      this.#edge = edge;
      this.#wasWritable = wasWritable;
    });
  }

  /** What is to be done when the medium that is there now is taken out. */
  whenEjected(action: () => void): void {
    this.#ejected.push(action);
  }

  /** The medium is being taken out: tells those who wanted to know. */
  tellEjected(): void {
    for (const action of this.#ejected.splice(0)) action();
  }

  /** Needs these permissions too, besides what it needs already. */
  needMore(change: GraphChange, permissions: number): void {
    const { needs, shares } = this.#permissions;
    this.need(change, { needs: needs | permissions, shares });
  }

  /** Needs something else of its node from now on, and of every one that comes. */
  need(change: GraphChange, permissions: Permissions): void {
    const before = this.#permissions;
    this.#permissions = permissions;
    if (this.#edge !== null) change.need(this.#edge, permissions);
    change.undone(() => {
      this.#permissions = before;
    });
  }
}

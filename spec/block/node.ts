/**
 * A node of the block graph: one driver, its children, its users, and its dirty bitmaps. NODES.md, REF-001 to REF-004;
 * GRAPH.md. Sizes are bytes.
 */
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { JsonObject } from '../json/value.js';
import { skipImplicit } from './chain/walk.js';
import type { Driver } from './drivers/driver.js';
import type { Edge, Role } from './edge.js';
import type { OpenedWith } from './options.js';

/** A disk is a whole number of these (bytes); a file that is not is read as if zeros followed. */
export const SECTOR = 512;

/** What makes a node, whatever its driver. */
export interface NodeOptions {
  readonly name: string;
  readonly readOnly: boolean;
  /** read-only after all, where its file cannot be written (REF-035) */
  readonly autoReadOnly: boolean;
  /** whether a discard reaches the driver */
  readonly discard: 'ignore' | 'unmap';
  /** leaves everything to other users, if only the node is read-only */
  readonly forceShare: boolean;
  readonly detectZeroes: 'off' | 'on' | 'unmap';
  readonly cacheDirect: boolean;
  readonly cacheNoFlush: boolean;
}

export class Node {
  readonly name: string;
  /** changed by blockdev-reopen only */
  options: NodeOptions;
  /** what {@link options} came from: REF-036 */
  openedWith: OpenedWith;
  /** the node that it was made for, as long as that one uses it: it is reopened with it (REF-036) */
  madeFor: Node | null = null;
  #driver: Driver | null = null;
  /** oldest first */
  readonly children: Edge[] = [];
  /** who uses this node, newest first */
  readonly parents: Edge[] = [];
  /** newest first (BMP-032), anonymous ones included */
  readonly bitmaps: DirtyBitmap[] = [];
  /** the monitor holds a reference: made by blockdev-add itself, not as somebody's child */
  monitorOwned = false;
  /** only looked at, without what its image says is below it: its file name says nothing of that */
  isLookedAt = false;
  /** id of the iothread that it was moved to by command. REF-171 */
  iothread: string | null = null;
  /** where it is in lists: set once, when it is named */
  place: number | null = null;
  /** a filter that a job put there without a name: file names, and who asks for a disk, are not told of it. REF-046, JOB-063 */
  isImplicit = false;
  /** a filter that has to be able to go at any time: a link to it cannot be frozen. REF-044 */
  neverFrozen = false;
  /** why no operation may be begun on it, whatever its users say */
  forbidden: string | null = null;
  /** how many commands hold a reference for as long as they run */
  pinned = 0;

  /** what is to be done when it has closed, and all below it that nobody else holds */
  whenGone: () => void = () => {};

  /** where the furthest write ended so far, zero writes included, bytes; REF-112 */
  writtenUpTo = 0;

  /** A node that is not open yet: it may have children, and gets its driver by {@link install}. */
  constructor(options: NodeOptions, openedWith: OpenedWith) {
    this.name = options.name;
    this.options = options;
    this.openedWith = openedWith;
  }

  /** The driver is open, and all children are there. */
  install(driver: Driver): void {
    this.#driver = driver;
    driver.attach?.(this);
  }

  get driver(): Driver {
    if (this.#driver === null) throw new Error(`${this.name} is not open`);
    return this.#driver;
  }

  get isOpen(): boolean {
    return this.#driver !== null;
  }

  describe(): string {
    return `node '${this.name}'`;
  }

  /** The name of the device that uses it, if there is one. */
  get deviceName(): string | undefined {
    for (const { parent } of this.parents) {
      if (!(parent instanceof Node) && parent.deviceName !== undefined) return parent.deviceName;
    }
    return undefined;
  }

  /** What people know it by: the name of its device, or its own. */
  get deviceOrName(): string {
    return this.deviceName ?? this.name;
  }

  /** Whether a device, a drive or an export uses it: what has a use of its own, and is no job. */
  get hasDevice(): boolean {
    return this.parents.some(({ use, name }) => use === 'root' && name === 'root');
  }

  /** Whether only devices, drives and exports use it: no node, and no job. */
  get isRoot(): boolean {
    return this.parents.every(({ use, name }) => use === 'root' && name === 'root');
  }

  /** The use of a child in this role, if there is one. */
  edge(role: Role): Edge | undefined {
    return this.children.find((edge) => edge.role === role);
  }

  /** What is read where this image has nothing of its own. */
  get backing(): Node | null {
    return this.edge('backing')?.child ?? null;
  }

  get readOnly(): boolean {
    return this.options.readOnly;
  }

  /** Bytes, a whole number of sectors. */
  get size(): number {
    // REF-004
    return Math.ceil(this.driver.length() / SECTOR) * SECTOR;
  }

  /** The bitmap of that name; anonymous ones have none. */
  bitmap(name: string): DirtyBitmap | undefined {
    return this.bitmaps.find((bitmap) => bitmap.name === name);
  }

  addBitmap(bitmap: DirtyBitmap): void {
    this.bitmaps.unshift(bitmap);
  }

  removeBitmap(bitmap: DirtyBitmap): void {
    this.bitmaps.splice(this.bitmaps.indexOf(bitmap), 1);
  }

  /** The file name a person would recognise, or `json:{…}` where options matter. Filters without a name pass on what is below. REF-046 */
  get filename(): string {
    return skipImplicit(this).driver.filename();
  }

  /** Its options as file names of nodes above show them: filters that jobs put there without a name do not show. REF-046 */
  get shownOptions(): JsonObject {
    return skipImplicit(this).driver.describe();
  }

  /** The end of the node: called when the last reference to it is gone, children are let go of after it. */
  close(): void {
    this.#driver?.close();
    this.bitmaps.length = 0;
  }
}

/**
 * A node of the block graph: one driver, its children, its users, and its dirty bitmaps. NODES.md, REF-001 to REF-004.
 * Sizes are bytes.
 */
import type { DirtyBitmap } from '../bitmap/dirty-bitmap.js';
import type { Driver } from './drivers/driver.js';

/** A disk is a whole number of these (bytes); a file that is not is read as if zeros followed. */
export const SECTOR = 512;

/** What makes a node, whatever its driver. */
export interface NodeOptions {
  readonly name: string;
  readonly readOnly: boolean;
  /** whether a discard reaches the driver */
  readonly discard: 'ignore' | 'unmap';
  /** leaves everything to other users, if only the node is read-only */
  readonly forceShare: boolean;
  readonly detectZeroes: 'off' | 'on' | 'unmap';
  readonly cacheDirect: boolean;
  readonly cacheNoFlush: boolean;
}

/** As what a node is used. */
export type Role = 'file' | 'image' | 'backing' | 'bitmap';

/** One use of `child` by `parent`. */
export interface Edge {
  readonly parent: Node;
  readonly child: Node;
  readonly role: Role;
}

export class Node {
  readonly name: string;
  readonly options: NodeOptions;
  readonly driver: Driver;
  readonly children: Edge[] = [];
  /** who uses this node */
  readonly parents: Edge[] = [];
  /** newest first (BMP-032), anonymous ones included */
  readonly bitmaps: DirtyBitmap[] = [];
  /** the monitor holds a reference: made by blockdev-add itself, not as somebody's child */
  monitorOwned = false;

  /** The node, as a user of `children` already. */
  constructor(
    options: NodeOptions,
    driver: Driver,
    children: readonly (readonly [child: Node, role: Role])[] = [],
  ) {
    this.name = options.name;
    this.options = options;
    this.driver = driver;
    for (const [child, role] of children) this.adopt(child, role);
    driver.attach?.(this);
  }

  /** Takes a child. */
  adopt(child: Node, role: Role): void {
    const edge = { parent: this, child, role };
    this.children.push(edge);
    child.parents.push(edge);
  }

  /** Lets go of a child; whoever calls sees to its release. */
  drop(child: Node): void {
    const edge = this.children.find((one) => one.child === child)!;
    this.children.splice(this.children.indexOf(edge), 1);
    child.parents.splice(child.parents.indexOf(edge), 1);
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

  /** The file name a person would recognise, or `json:{…}` where options matter. */
  get filename(): string {
    return this.driver.filename();
  }

  /** Lets go of the children. Called when the last reference to this node is gone. */
  close(): void {
    try {
      this.driver.close();
    } finally {
      for (const { child } of [...this.children]) this.drop(child);
      this.bitmaps.length = 0;
    }
  }
}

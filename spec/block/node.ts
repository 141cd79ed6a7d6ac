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

/** One use of `child` by `parent`. */
export interface Edge {
  readonly parent: Node;
  readonly child: Node;
  readonly role: 'file';
}

export class Node {
  readonly name: string;
  readonly options: NodeOptions;
  readonly driver: Driver;
  readonly children: readonly Edge[];
  /** who uses this node */
  readonly parents: Edge[] = [];
  /** newest first (BMP-032), anonymous ones included */
  readonly bitmaps: DirtyBitmap[] = [];
  /** the monitor holds a reference: made by blockdev-add itself, not as somebody's child */
  monitorOwned = false;

  /** The node, as a user of `children` already. */
  constructor(options: NodeOptions, driver: Driver, children: readonly Node[] = []) {
    this.name = options.name;
    this.options = options;
    this.driver = driver;
    this.children = children.map((child) => ({ parent: this, child, role: 'file' }));
    for (const edge of this.children) edge.child.parents.push(edge);
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
    this.driver.close();
    for (const edge of this.children) {
      edge.child.parents.splice(edge.child.parents.indexOf(edge), 1);
    }
    this.bitmaps.length = 0;
  }
}

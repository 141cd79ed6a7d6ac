/** All nodes by name, and how they come and go. NODES.md, REF-001 to REF-003; GRAPH.md, REF-020 and REF-021. */
import { checkBlockers } from './blockers.js';
import { GraphChange } from './change.js';
import type { Holder } from './edge.js';
import { BlockError } from './errors.js';
import { HeldRequests } from './held/held-requests.js';
import type { Node } from './node.js';

/** Characters. */
const LONGEST_NAME = 31;

/** What has a name that commands take as `device`. DEVICES.md, REF-100 */
interface Drive {
  readonly node: Node | null;
}

export class Graph {
  /** by name; no node has the name of one */
  readonly drives = new Map<string, Drive>();
  readonly requests = new HeldRequests();
  readonly #nodes = new Map<string, Node>();
  /** newest first; null when a node has come or gone since it was asked for */
  #sorted: readonly Node[] | null = null;
  readonly #ages = new WeakMap<Holder, number>();
  #generated = 0;
  /** names of nodes whose drivers are being opened */
  readonly #opening = new Set<string>();
  #placed = 0;
  #came = 0;

  /** Newest first: the order in which QEMU lists them. */
  get nodes(): readonly Node[] {
    this.#sorted ??= [...this.#nodes.values()].sort((a, b) => b.place! - a.place!);
    return this.#sorted;
  }

  find(name: string): Node | undefined {
    return this.#nodes.get(name);
  }

  /** What is in the drive of that name, or the node of that name. */
  findAny(name: string): Node | undefined {
    const drive = this.drives.get(name);
    return drive === undefined ? this.find(name) : (drive.node ?? undefined);
  }

  /** The node in the drive `device`; if there is no such drive, the node `name`. @throws BlockError REF-E-NO-SUCH, REF-E-NO-MEDIUM */
  lookup(device: string | undefined, name: string | undefined): Node {
    // REF-100
    const drive = device === undefined ? undefined : this.drives.get(device);
    if (drive !== undefined) {
      if (drive.node === null) throw new BlockError('REF-E-NO-MEDIUM', { device: device! });
      return drive.node;
    }
    const node = name === undefined ? undefined : this.#nodes.get(name);
    if (node === undefined) throw new BlockError('REF-E-NO-SUCH', { device: device ?? '', node: name ?? '' });
    return node;
  }

  /** @throws BlockError REF-E-NAME-INVALID, REF-E-NAME-DEVICE, REF-E-NAME-LONG, REF-E-NAME-TAKEN */
  checkName(name: string): void {
    // REF-002
    if (!/^[A-Za-z][A-Za-z0-9._-]*$/.test(name)) throw new BlockError('REF-E-NAME-INVALID', { node: name });
    if (this.drives.has(name)) throw new BlockError('REF-E-NAME-DEVICE', { node: name });
    if (name.length > LONGEST_NAME) throw new BlockError('REF-E-NAME-LONG');
    if (this.#nodes.has(name) || this.#opening.has(name))
      throw new BlockError('REF-E-NAME-TAKEN', { node: name });
  }

  /** The name is taken while `open` runs, by what that opens. REF-014 */
  named<T>(name: string, open: () => T): T {
    this.#opening.add(name);
    try {
      return open();
    } finally {
      this.#opening.delete(name);
    }
  }

  /** A name nobody can ask for: `#` is not allowed in a given one. */
  generateName(): string {
    this.#generated += 1;
    return `#block${String(this.#generated).padStart(3, '0')}`;
  }

  /** Its place in lists, if it has none yet: children that are opened later come before it. REF-012 */
  place(node: Node): void {
    this.#placed += 1;
    node.place ??= this.#placed;
  }

  /** Its place among those that hold nodes, oldest first; one that is not known yet comes now. REF-020 */
  ageOf(holder: Holder): number {
    const known = this.#ages.get(holder);
    if (known !== undefined) return known;
    this.#came += 1;
    this.#ages.set(holder, this.#came);
    return this.#came;
  }

  add(node: Node): void {
    this.place(node);
    this.#nodes.set(node.name, node);
    this.#sorted = null;
  }

  /**
   * Changes edges as `edit` does: all of it, or nothing of it. Nodes that nobody holds after it go. REF-021
   * @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY, REF-E-CYCLE; whatever `edit` throws
   */
  change<T>(edit: (change: GraphChange) => T): T {
    const { result, done } = this.attempt(edit);
    done();
    return result;
  }

  /**
   * As {@link change}, but not for good yet: until `done` nodes that nobody holds any more stay, and `revert` takes it all back,
   * once every later change has been taken back.
   */
  attempt<T>(edit: (change: GraphChange) => T): { result: T; done: () => void; revert: () => void } {
    const change = new GraphChange((holder) => this.ageOf(holder));
    const done = (): void => {
      for (const node of change.left) this.release(node);
    };
    const revert = (): void => {
      change.revert();
      done();
    };
    try {
      const result = edit(change);
      change.check();
      return { result, done, revert };
    } catch (refusal) {
      revert();
      throw refusal;
    }
  }

  /** The reference by which `node` was held is gone: without any other the node closes, and its children with it. */
  release(node: Node): void {
    // REF-003
    if (node.monitorOwned || node.pinned > 0 || node.parents.length > 0) return;
    if (node.isOpen && this.#nodes.get(node.name) !== node) return; // it went with a parent before
    if (node.isOpen) this.#nodes.delete(node.name);
    this.#sorted = null;
    this.requests.gone(node);
    try {
      node.close();
    } finally {
      this.change((change) => {
        for (const edge of [...node.children].reverse()) change.drop(edge);
      });
      node.whenGone();
    }
  }

  /** blockdev-del. @throws BlockError REF-E-NO-NODE, REF-E-HAS-DEVICE, REF-E-BUSY, REF-E-NOT-MONITOR, REF-E-IN-USE */
  remove(name: string): void {
    const node = this.#nodes.get(name);
    if (node === undefined) throw new BlockError('REF-E-NO-NODE', { node: name });
    // REF-003
    if (node.hasDevice) throw new BlockError('REF-E-HAS-DEVICE', { node: name });
    checkBlockers(node, 'drive-del');
    if (!node.monitorOwned) throw new BlockError('REF-E-NOT-MONITOR', { node: name });
    if (node.parents.length > 0) throw new BlockError('REF-E-IN-USE', { node: name });
    node.monitorOwned = false;
    this.release(node);
  }
}

/**
 * Changes to the graph: all of them, or none. Edges come, go and move; then permissions are worked out anew, and if they
 * conflict everything is as before. GRAPH.md, REF-021.
 */
import { type Demand, Edge, type Holder, type Role, type Use } from './edge.js';
import { BlockError } from './errors.js';
import { Node, type NodeOptions } from './node.js';
import { type Permissions, refreshPermissions } from './permissions.js';

/** What the parts of one change are made of. */
export class GraphChange {
  readonly #undo: (() => void)[] = [];
  readonly #touched = new Set<Node>();
  readonly #becomesReadOnly = new Set<Node>();
  /** it may leave a node with more to be done to it than before */
  #adds = false;
  readonly #comes: (holder: Holder) => void;
  /** who may be without a user after it */
  readonly left = new Set<Node>();

  /** @param comes is told of who holds a node */
  constructor(comes: (holder: Holder) => void) {
    this.#comes = comes;
  }

  /** `parent` uses `child`, which error texts call `name`. @throws BlockError REF-E-CYCLE */
  adopt(
    parent: Node,
    child: Node,
    role: Role,
    use: Use,
    { name = role, demand }: { readonly name?: string; readonly demand?: Demand | undefined } = {},
  ): Edge {
    if (uses(child, parent)) {
      throw new BlockError('REF-E-CYCLE', { child: child.name, role: name, parent: parent.name });
    }
    const edge = new Edge(parent, child, { role, name, use, demand });
    this.#join(edge);
    return edge;
  }

  /** Something that is no node uses `child`. */
  hold(holder: Holder, child: Node, name: string, permissions: Permissions): Edge {
    this.#comes(holder);
    const edge = new Edge(holder, child, { role: null, name, use: 'root' }, permissions);
    this.#join(edge);
    return edge;
  }

  /** The use is over. */
  drop(edge: Edge): void {
    const at = edge.parent instanceof Node ? edge.parent.children.indexOf(edge) : -1;
    const above = edge.child.parents.indexOf(edge);
    edge.child.parents.splice(above, 1);
    if (edge.parent instanceof Node) edge.parent.children.splice(at, 1);
    this.left.add(edge.child);
    this.#touched.add(edge.child);
    this.#undo.push(() => {
      edge.child.parents.splice(above, 0, edge);
      if (edge.parent instanceof Node) edge.parent.children.splice(at, 0, edge);
    });
  }

  /** The same use, of another node. @throws BlockError REF-E-FROZEN-LINK, REF-E-CYCLE */
  move(edge: Edge, child: Node): void {
    const { parent, child: before } = edge;
    if (edge.isFrozen) throw new BlockError('REF-E-FROZEN-LINK', { role: edge.name, child: before.name });
    if (parent instanceof Node && uses(child, parent)) {
      throw new BlockError('REF-E-CYCLE', { child: child.name, role: edge.name, parent: parent.name });
    }
    const above = before.parents.indexOf(edge);
    const { parentName } = edge;
    before.parents.splice(above, 1);
    edge.child = child;
    edge.parentName = nameOf(edge);
    child.parents.unshift(edge);
    this.left.add(before);
    this.#adds = true;
    for (const node of [before, child]) this.#touched.add(node);
    this.#undo.push(() => {
      child.parents.splice(child.parents.indexOf(edge), 1);
      edge.child = before;
      edge.parentName = parentName;
      before.parents.splice(above, 0, edge);
    });
  }

  /** A user that is no node needs something else of its node, and leaves something else to others. */
  need(edge: Edge, permissions: Permissions): void {
    this.#adds = true;
    const before = edge.permissions;
    edge.permissions = permissions;
    this.#touched.add(edge.child);
    this.#undo.push(() => {
      edge.permissions = before;
    });
  }

  /** What is to be done besides, if the change fails. */
  undone(undo: () => void): void {
    this.#undo.push(undo);
  }

  /** Anything else that takes part in it: done now, undone if the change fails. */
  also(touched: Node, redo: () => void, undo: () => void): void {
    redo();
    this.#adds = true;
    this.#touched.add(touched);
    this.#undo.push(undo);
  }

  /** What the node is like from now on. */
  setOptions(node: Node, options: NodeOptions): void {
    const before = node.options;
    if (options.readOnly && !before.readOnly) this.#becomesReadOnly.add(node);
    this.also(
      node,
      () => {
        node.options = options;
      },
      () => {
        node.options = before;
      },
    );
  }

  /** What `node` needs of its children may have changed. */
  touch(node: Node): void {
    this.#adds = true;
    this.#touched.add(node);
  }

  /** @throws BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY, REF-E-NODE-NOT-WRITABLE, REF-E-ENDS-WITHIN-BLOCK */
  check(): void {
    refreshPermissions(this.#touched, this.#becomesReadOnly, this.#adds);
  }

  /** Everything is as it was. */
  revert(): void {
    for (const undo of this.#undo.reverse()) undo();
    refreshPermissions(this.#touched);
  }

  #join(edge: Edge): void {
    this.#adds = true;
    edge.parentName = nameOf(edge);
    if (edge.parent instanceof Node) edge.parent.children.push(edge);
    edge.child.parents.unshift(edge);
    for (const node of edge.parent instanceof Node ? [edge.parent, edge.child] : [edge.child]) {
      this.#touched.add(node);
    }
    this.#undo.push(() => {
      if (edge.parent instanceof Node) edge.parent.children.splice(edge.parent.children.indexOf(edge), 1);
      edge.child.parents.splice(edge.child.parents.indexOf(edge), 1);
      this.left.add(edge.child);
    });
  }
}

function nameOf({ parent }: Edge): string | null {
  return parent instanceof Node ? parent.deviceOrName : null;
}

/** Whether `node` is `other`, or uses it, however far below. */
export function uses(node: Node, other: Node, seen = new Set<Node>()): boolean {
  if (node === other) return true;
  if (seen.has(node)) return false;
  seen.add(node);
  return node.children.some(({ child }) => uses(child, other, seen));
}

/** What is below what: chains of images, with filters between them. CHAINS.md, REF-043. */
import type { Edge } from '../edge.js';
import type { Node } from '../node.js';

/** The use of what a node shows, or of its backing file. */
export function linkBelow(node: Node): Edge | undefined {
  const { shown } = node.driver;
  return shown === undefined ? node.edge('backing') : node.children.find(({ child }) => child === shown);
}

/** What a node shows, or its backing file. */
export function below(node: Node): Node | null {
  return linkBelow(node)?.child ?? null;
}

/** `node`, or what it shows if it is a filter, and so on: an image. */
export function imageOf(node: Node): Node {
  for (let at = node; ; at = at.driver.shown) if (at.driver.shown === undefined) return at;
}

/** As {@link imageOf}, but only past filters that jobs put there without a name. REF-046 */
export function skipImplicit(node: Node): Node {
  for (let at = node; ; at = at.driver.shown!) if (!at.isImplicit) return at;
}

/** The image below that of `node`. */
export function imageBelow(node: Node): Node | null {
  const { backing } = imageOf(node);
  return backing === null ? null : imageOf(backing);
}

/** `node` and all that is below it, down to but not including `end`. */
export function* chainFrom(node: Node, end: Node | null = null): Generator<Node> {
  for (let at: Node | null = node; at !== null && at !== end; at = below(at)) yield at;
}

export function hasInChain(node: Node, other: Node): boolean {
  return [...chainFrom(node)].includes(other);
}

/** The image of the chain of `top` that stands on the image of `base`; for null the lowest one. Null: there is none. */
export function overlayOf(top: Node, base: Node | null): Node | null {
  const wanted = base === null ? null : imageOf(base);
  for (let image: Node | null = imageOf(top); image !== null; ) {
    const next: Node | null = imageBelow(image);
    if (next === wanted) return image;
    image = next;
  }
  return null;
}

/**
 * Where the content of a range is: in which layer of a chain, as stored bytes or as zeros, and at what place of which
 * file. STATUS.md, REF-060 to REF-064. Offsets and lengths are bytes.
 */
import { imageOf, below as nodeBelow } from './chain/walk.js';
import type { Node } from './node.js';

/** What a driver says of the beginning of a range. */
export interface DriverStatus {
  /** how far it holds: 1 up to what was asked */
  readonly length: number;
  /**
   * `data`: bytes are stored. `zero`: it reads as zeros. `below`: this layer has nothing here. `child`: as the node of
   * `at` has it. `unknown`: nothing can be said.
   */
  readonly content: 'data' | 'zero' | 'below' | 'child' | 'unknown';
  /** the place, if there is one; without `node` it is in the node itself */
  readonly at?: { readonly node?: Node; readonly offset: number } | undefined;
}

/** What is known of the beginning of a range of a node. */
export interface Status {
  readonly length: number;
  /** the node itself says what is read, not its backing file */
  readonly isAllocated: boolean;
  /** bytes are stored for it */
  readonly isData: boolean;
  /** it reads as zeros */
  readonly isZero: boolean;
  /** the file that holds it, and where */
  readonly at: { readonly node: Node; readonly offset: number } | null;
}

/** A status, and the layer it is of. */
export interface ChainStatus extends Status {
  /** 0: the node asked; 1: its backing file; … */
  readonly depth: number;
}

/**
 * Of `node` alone. The range is inside of the node, and not empty. A driver that says nothing of itself has everything as
 * data. REF-060
 */
export function statusOf(node: Node, offset: number, length: number): Status {
  const found = node.driver.status?.(offset, length) ?? ({ length, content: 'data' } as DriverStatus);
  const at = found.at === undefined ? null : { node: found.at.node ?? node, offset: found.at.offset };
  switch (found.content) {
    case 'child':
      return statusOf(at!.node, at!.offset, found.length);
    case 'below':
      return below(node, offset, found.length);
    default: {
      const isZero = found.content === 'zero';
      const isData = found.content === 'data';
      return { length: found.length, isAllocated: isZero || isData, isData, isZero, at };
    }
  }
}

/** REF-061: where neither the layer nor a backing file has anything there are zeros. */
function below(node: Node, offset: number, length: number): Status {
  const end = node.backing?.size ?? 0;
  const isZero = offset >= end;
  const known = isZero ? length : Math.min(length, end - offset);
  return { length: known, isAllocated: false, isData: false, isZero, at: null };
}

/** Of the first layer from `node` down that says what is read. REF-062 */
export function statusInChain(node: Node, offset: number, length: number): ChainStatus {
  let known = length;
  for (let layer = node, depth = 0; ; depth++) {
    const found = statusOf(layer, offset, known);
    known = found.length;
    if (found.isZero || found.isData) return { ...found, depth };
    const next = nodeBelow(layer);
    if (next === null) return { ...found, depth };
    layer = next;
  }
}

/**
 * Whether any layer from `top` down to, but not including, `base` says what is read at the beginning of the range; and for
 * how far that answer is the same. REF-063
 * @param base a node of the chain, or null for all of it
 */
export function isAllocatedAbove(
  top: Node,
  base: Node | null,
  offset: number,
  length: number,
): { readonly isAllocated: boolean; readonly length: number } {
  let known = length;
  const end = base === null ? null : imageOf(base);
  for (
    let layer: Node | null = top;
    layer !== null && imageOf(layer) !== end;
    layer = imageOf(layer).backing
  ) {
    // A layer that ends before has nothing to say, but what is below it does not show either.
    if (offset >= layer.size) return { isAllocated: true, length: known };
    const found = statusOf(layer, offset, Math.min(known, layer.size - offset));
    if (found.isAllocated) return { isAllocated: true, length: found.length };
    known = found.length;
  }
  return { isAllocated: false, length: known };
}

/**
 * Which layer says what is read at the beginning of a range, filters counted, from 0 for the node itself; null: none does. A
 * layer that ends before it says that there are zeros. NBD-021
 */
export function layerOf(
  node: Node,
  offset: number,
  length: number,
): { readonly depth: number | null; readonly length: number } {
  let known = length;
  let depth = 0;
  for (let layer: Node | null = node; layer !== null; layer = nodeBelow(layer), depth++) {
    if (offset >= layer.size) return { depth, length: known };
    const found = statusOf(layer, offset, Math.min(known, layer.size - offset));
    known = found.length;
    if (found.isAllocated) return { depth, length: known };
  }
  return { depth: null, length: known };
}

/** The pieces of a range of a node, each as long as its status allows. */
export function* statusPieces(
  node: Node,
  offset: number,
  length: number,
): Generator<ChainStatus & { readonly offset: number }> {
  for (let at = offset; at < offset + length; ) {
    const found = statusInChain(node, at, offset + length - at);
    yield { ...found, offset: at };
    at += found.length;
  }
}

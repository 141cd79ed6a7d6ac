/** What a node asks of the requests that reach its driver: whole blocks, and no more at once than it takes. FILTERS.md, REF-096. */
import type { Node } from '../node.js';

/** Bytes each; where nothing is said, anything goes. */
export interface Limits {
  /** a power of two: requests that are not made of whole blocks are widened to them */
  readonly align?: number;
  /** of data, read or written at once */
  readonly maxTransfer?: number;
  /** zeros in smaller pieces than this are written as data */
  readonly optWriteZero?: number;
  readonly maxWriteZero?: number;
  /** where discards are cut */
  readonly optDiscard?: number;
  readonly maxDiscard?: number;
}

const NONE: Limits = {};

/** What the node's own driver asks for. */
export function limitsOf({ driver }: Node): Limits {
  return driver.limits ?? NONE;
}

/** The block of the node: whole ones of it reach its driver. */
export function alignOf(node: Node): number {
  return limitsOf(node).align ?? 1;
}

/** The largest piece of data that reaches the driver, whole blocks; its own limit, else the least of those that it passes data to. */
export function pieceOf(node: Node): number {
  if (node.driver.forgetsLimits === true) return Number.POSITIVE_INFINITY;
  const most = mostOf(node);
  if (most === Number.POSITIVE_INFINITY) return most;
  const align = alignOf(node);
  return Math.max(align, down(most, align));
}

function mostOf(node: Node): number {
  const own = limitsOf(node).maxTransfer;
  if (own !== undefined) return own;
  let most = Number.POSITIVE_INFINITY;
  for (const { use, child } of node.children) if (use !== 'metadata') most = Math.min(most, mostOf(child));
  return most;
}

/** What a node that says nothing itself cuts discards at is what those below it do. */
export function optDiscardOf(node: Node): number {
  const own = limitsOf(node).optDiscard;
  if (own !== undefined) return own;
  let most = 0;
  for (const { use, child } of node.children)
    if (use !== 'metadata') most = Math.max(most, optDiscardOf(child));
  return most;
}

/** Whether only whole blocks may be written, and the node does not end with one. REF-096 */
export function endsWithinBlock(node: Node): boolean {
  return node.isOpen && node.driver.limits?.align !== undefined && node.size % alignOf(node) !== 0;
}

export function down(offset: number, align: number): number {
  return offset - (offset % align);
}

export function up(offset: number, align: number): number {
  return Math.ceil(offset / align) * align;
}

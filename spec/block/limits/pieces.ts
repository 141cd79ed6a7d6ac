/** Requests of whole blocks, in the pieces that a driver takes. FILTERS.md, REF-096. Offsets and lengths are bytes. */
import type { Node } from '../node.js';
import { isDone } from '../request-error.js';
import { alignOf, down, limitsOf, optDiscardOf, pieceOf, up } from './limits.js';

/** What lies behind the end of a node whose last block is not whole reads as zeros. @throws RequestError */
export function readPieces(node: Node, offset: number, into: Uint8Array): void {
  const most = pieceOf(node);
  const inside = alignOf(node) === 1 ? into.length : Math.max(0, Math.min(into.length, node.size - offset));
  if (inside <= most) node.driver.read(offset, into.subarray(0, inside));
  else
    for (let at = 0; at < inside; at += most)
      node.driver.read(offset + at, into.subarray(at, Math.min(inside, at + most)));
  into.fill(0, inside);
}

/** A piece that fails is the last one. @throws RequestError */
export function writePieces(node: Node, offset: number, bytes: Uint8Array): void {
  const most = pieceOf(node);
  if (bytes.length <= most) node.driver.write(offset, bytes);
  else
    for (let at = 0; at < bytes.length; at += most)
      node.driver.write(offset + at, bytes.subarray(at, at + most));
}

/** Bytes that are written at a time where zeros have to be written one by one. */
const MOST_ZEROS = 2 ** 24;

/** What the driver does not take as zeros is written as data. REF-007 @throws RequestError */
export function zeroPieces(node: Node, offset: number, length: number): void {
  const { driver } = node;
  const { optWriteZero = 0, maxWriteZero = Number.POSITIVE_INFINITY } = limitsOf(node);
  const block = Math.max(optWriteZero, alignOf(node));
  const mostData = Math.min(pieceOf(node), MOST_ZEROS);
  const end = offset + length;
  for (let at = offset; at < end; ) {
    const head = at % block;
    let piece = end - at;
    if (head > 0) piece = Math.min(piece, mostData, block - head);
    else if (piece > block) piece = down(end, block) - at;
    piece = Math.min(piece, maxWriteZero);
    if (!isDone(() => driver.zero(at, piece))) {
      piece = Math.min(piece, mostData);
      driver.write(at, new Uint8Array(piece));
    }
    at += piece;
  }
}

/** What is no whole block stays, and what cannot be given up. REF-007 @throws RequestError */
export function discardPieces(node: Node, offset: number, length: number): void {
  const align = alignOf(node);
  const block = Math.max(optDiscardOf(node), align);
  const { maxDiscard = Number.POSITIVE_INFINITY } = limitsOf(node);
  const end = down(offset + length, align);
  for (let at = up(offset, align); at < end; ) {
    const head = at % block;
    let piece = end - at;
    if (head > 0) piece = Math.min(piece, block - head);
    else if (piece > block) piece = down(end, block) - at;
    piece = Math.min(piece, maxDiscard);
    const start = at;
    isDone(() => node.driver.discard(start, piece));
    at += piece;
  }
}

/**
 * Copies the content of a range from one node to another: as much as has content, in pieces, so that whoever asks for it can
 * stop between them. STATUS.md, REF-065 and REF-066; IMG-015. Offsets and lengths are bytes.
 */
import type { Node } from '../node.js';
import { read, write, zero } from '../request.js';
import { isAllocatedAbove, type Status, statusInChain, statusOf } from '../status.js';

/** Bytes of data that one piece has at most. */
export const PIECE = 2 ** 20;
/** Bytes of zeros that one piece has at most: they cost little, but not nothing everywhere. */
const ZEROS_PIECE = 2 ** 30;

export interface Copy {
  readonly from: Node;
  readonly to: Node;
  /** of the target, where the beginning of the source goes; default 0 */
  readonly at?: number;
  /** bytes of the source; default all */
  readonly length?: number;
  /** a run of zeros of so many bytes (a power of two), so aligned, is no data; 0: zeros are not looked for. Default 0 */
  readonly sparse?: number;
  /** also what is known to be zeros is written as data, so that room is taken for it; default false */
  readonly asData?: boolean;
  /** from here on, in the target, what is not written reads as zeros, so zeros need not be written; default: nowhere */
  readonly zeroFrom?: number;
  /**
   * only what the source does not have from here is copied: null for its whole chain (the default), a node of the chain,
   * or `layer`: what the source has itself
   */
  readonly above?: Node | 'layer' | null;
  /** what becomes of an error while reading `length` bytes for `offset` of the target: thrown, or zeros are taken in their place */
  readonly onReadError?: (error: unknown, offset: number, length: number) => void;
}

/** Which side failed, and where, in bytes of the target; `cause` is what it said. */
export class CopyError extends Error {
  readonly side: 'reading' | 'writing';
  readonly offset: number;
  constructor(side: 'reading' | 'writing', offset: number, cause: unknown) {
    super(`error while ${side} at byte ${offset}`, { cause });
    this.name = 'CopyError';
    this.side = side;
    this.offset = offset;
  }
}

/** Yields after each piece how many bytes of the source are done. @throws CopyError */
export function* copy(options: Copy): Generator<number, void, undefined> {
  const { from, length = from.size } = options;
  const buffer = new Uint8Array(Math.min(PIECE, length));
  for (let offset = 0; offset < length; ) {
    const piece = pieceAt(options, offset, length - offset);
    offset += copyPiece(options, piece, offset, buffer);
    yield offset;
  }
}

type Piece = { readonly content: 'data' | 'zero' | 'nothing'; readonly length: number };

function pieceAt(
  { from, at = 0, above = null, zeroFrom = Infinity, asData = false }: Copy,
  offset: number,
  length: number,
): Piece {
  if (above !== null) {
    const found =
      above === 'layer' ? ownStatus(from, offset, length) : isAllocatedAbove(from, above, offset, length);
    if (!found.isAllocated) return { content: 'nothing', length: found.length };
    length = found.length;
  }
  const status: Status =
    above === 'layer' ? statusOf(from, offset, length) : statusInChain(from, offset, length);
  if (!status.isZero || asData) return { content: 'data', length: status.length };
  const toWrite = zeroFrom - (at + offset);
  return toWrite <= 0
    ? { content: 'nothing', length: status.length }
    : { content: 'zero', length: Math.min(status.length, toWrite) };
}

/** What is zero because nobody has anything is the layer's own, too: what is put below the target may have something. */
function ownStatus(node: Node, offset: number, length: number) {
  const { isAllocated, isZero, length: known } = statusOf(node, offset, length);
  return { isAllocated: isAllocated || isZero, length: known };
}

/** How far it came. */
function copyPiece(options: Copy, { content, length }: Piece, offset: number, buffer: Uint8Array): number {
  const { from, to, at = 0, onReadError } = options;
  if (content === 'nothing') return length;
  if (content === 'zero') {
    const part = Math.min(length, ZEROS_PIECE);
    writing(at + offset, () => zero(to, at + offset, part));
    return part;
  }
  const part = buffer.subarray(0, Math.min(length, PIECE));
  try {
    read(from, offset, part);
  } catch (error) {
    if (onReadError === undefined) throw new CopyError('reading', at + offset, error);
    onReadError(error, at + offset, part.length);
    part.fill(0);
  }
  writeData(options, offset, part);
  return part.length;
}

/** Runs of zeros are left out, or written as such. REF-066 */
function writeData(
  { to, at = 0, sparse = 0, zeroFrom = Infinity }: Copy,
  offset: number,
  bytes: Uint8Array,
): void {
  for (let start = 0; start < bytes.length; ) {
    const { isData, end } = runAt(bytes, start, offset, sparse);
    const [from, length] = [at + offset + start, end - start];
    if (isData) {
      const data = bytes.subarray(start, end);
      writing(from, () => write(to, from, data));
    } else if (from < zeroFrom) writing(from, () => zero(to, from, Math.min(length, zeroFrom - from)));
    start = end;
  }
}

/** Aligned blocks from `start` on that all have data, or all have none. */
function runAt(bytes: Uint8Array, start: number, offset: number, sparse: number) {
  if (sparse === 0) return { isData: true, end: bytes.length };
  const endOf = (at: number): number => Math.min(bytes.length, at + sparse - ((offset + at) % sparse));
  let end = endOf(start);
  const isData = hasData(bytes, start, end);
  while (end < bytes.length && hasData(bytes, end, endOf(end)) === isData) end = endOf(end);
  return { isData, end };
}

function hasData(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] !== 0) return true;
  return false;
}

function writing(offset: number, write: () => void): void {
  try {
    write();
  } catch (error) {
    throw new CopyError('writing', offset, error);
  }
}

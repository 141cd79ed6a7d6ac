/** IMG-026. `alloc` and `map`: which parts the image holds itself, and which are its backing file's. */
import type { Node } from '../block/node.js';
import { statusOf } from '../block/status.js';
import { sizeArgument } from './arguments.js';
import { IoFailure, type NodeCommand } from './command.js';
import type { Disk } from './disk.js';
import { RequestError } from './request.js';
import { amount } from './text.js';

/** Bytes that alloc looks at when nothing is said. */
const SECTOR = 512n;

export const ALLOC: NodeCommand = {
  name: 'alloc',
  alias: 'a',
  words: [1, 2],
  usage: 'offset [count]',
  summary: 'says how much of a range the image holds itself',
  run(disk, call) {
    const offset = sizeArgument(call, call.words[0]!);
    const count = call.words[1] === undefined ? SECTOR : sizeArgument(call, call.words[1]);
    const { node } = disk;
    const start = Math.min(Number(offset), node.size);
    const end = Number(offset) + Number(count) < node.size ? start + Number(count) : node.size;
    let allocated = 0;
    for (const piece of pieces(node, start, end)) if (piece.isAllocated) allocated += piece.length;
    call.world.print(`${allocated}/${end - start} bytes allocated at offset ${amount(Number(offset))}\n`);
  },
};

export const MAP: NodeCommand = {
  name: 'map',
  words: [0, 0],
  usage: '',
  summary: 'lists the parts that the image holds itself, and those that it does not',
  run(disk, call) {
    const node = nodeOf(disk);
    for (const { offset, length, isAllocated } of pieces(node, 0, node.size)) {
      const holds = isAllocated ? '    allocated' : 'not allocated';
      const where = `${amount(offset)} (0x${offset.toString(16)})`;
      call.world.print(`${amount(length)} (0x${length.toString(16)}) bytes ${holds} at offset ${where}\n`);
    }
  },
};

/** @throws IoFailure if there is no medium */
function nodeOf(disk: Disk): Node {
  try {
    return disk.node;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    throw new IoFailure('report', `Failed to query image length: ${error.message}`);
  }
}

interface Piece {
  readonly offset: number;
  readonly length: number;
  readonly isAllocated: boolean;
}

/** The range in as few pieces as possible. */
function* pieces(node: Node, start: number, end: number): Generator<Piece> {
  let piece = pieceAt(node, start, end);
  while (piece.length > 0) {
    const next = pieceAt(node, piece.offset + piece.length, end);
    if (next.length > 0 && next.isAllocated === piece.isAllocated) {
      piece = { ...piece, length: piece.length + next.length };
    } else {
      yield piece;
      piece = next;
    }
  }
}

function pieceAt(node: Node, offset: number, end: number): Piece {
  if (offset >= end) return { offset, length: 0, isAllocated: false };
  const { length, isAllocated } = statusOf(node, offset, end - offset);
  return { offset, length, isAllocated };
}

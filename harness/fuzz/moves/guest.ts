/** What guests do: writes, zero writes, discards and reads, at the edges; and the size of their disks. */
import { chainFrom, imageOf } from '../../../spec/block/chain/walk.js';
import type { Node } from '../../../spec/block/node.js';
import type { IoRequest } from '../../target/target.js';
import { CLUSTER, newSize, rangeOf } from '../draw/edges.js';
import { hasFaults } from '../draw/faults.js';
import type { Sketch } from '../draw/sketch.js';
import type { Move } from './move.js';
import { someDisk } from './names.js';

/** A range of a disk, near the edges of what tracks it. */
export function someRange(sketch: Sketch, node: Node): Range {
  return rangeOf(
    sketch.draw,
    node.size,
    node.bitmaps.map(({ granularity }) => granularity),
  );
}

/** A request that changes something. */
export function drawChange(sketch: Sketch, node: Node): IoRequest {
  const { draw } = sketch;
  const place = someRange(sketch, node);
  // A request of nothing changes nothing.
  const range = draw.chance(0.03) ? { ...place, length: 0 } : place;
  const whole = draw.chance(0.5) ? clustersOf(range, node.size) : null;
  switch (draw.weighted([6, 2, 2])) {
    case 0:
      return { op: 'write', ...range, pattern: draw.int(1, 255), ...(draw.chance(0.1) ? { fua: true } : {}) };
    case 1:
      return { op: 'zero', ...range, ...(draw.chance(0.5) ? { unmap: true } : {}) };
    default:
      return { op: 'discard', ...(whole ?? range) };
  }
}

/** The clusters that a range touches, cut at the end of the disk. */
function clustersOf({ offset, length }: Range, size: number): Range {
  const start = Math.floor(offset / CLUSTER) * CLUSTER;
  return { offset: start, length: Math.min(size, Math.ceil((offset + length) / CLUSTER) * CLUSTER) - start };
}

function inClusters(request: IoRequest, size: number): IoRequest {
  return request.op === 'flush' || request.op === 'read'
    ? request
    : { ...request, ...clustersOf(request, size) };
}

/** Whether reading what is below the image can fail. */
function canFailBelow(node: Node): boolean {
  const backing = imageOf(node).backing ?? null;
  return backing !== null && [...chainFrom(backing)].some(hasFaults);
}

interface Range {
  readonly offset: number;
  readonly length: number;
}

/**
 * Plays such a request. What a discard of parts of clusters leaves there is for the format to choose, and so is what one of
 * any clusters leaves over a backing file: where that is so, zeros are written after it, and what it marks is looked at before.
 */
export function playChange(sketch: Sketch, name: string): void {
  const node = sketch.node(name);
  if (node === undefined || node.size === 0) return;
  const drawn = drawChange(sketch, node);
  // What is read for a part of a cluster is for the format to choose, which counts where that can fail.
  const request = canFailBelow(node) ? inClusters(drawn, node.size) : drawn;
  const isOpen = request.op === 'discard' && leavesChoice(sketch, node, request);
  if (!isOpen) {
    sketch.io(name, request);
    return;
  }
  const zeros: IoRequest = { op: 'zero', offset: request.offset, length: request.length };
  if (sketch.goesAround({ verb: 'io', node: name, request: zeros }) || sketch.io(name, request)?.ok !== true)
    return;
  if (sketch.draw.chance(0.3) && node.bitmaps.length > 0) sketch.observe(name);
  sketch.io(name, zeros);
}

/** Whether what a discard of this range leaves is for the format to choose. */
export function leavesChoice({ format }: Sketch, node: Node, { offset, length }: Range): boolean {
  if (format === 'raw') return false;
  const isWhole = offset % CLUSTER === 0 && (offset + length) % CLUSTER === 0;
  return !isWhole || (imageOf(node).backing ?? null) !== null;
}

/** Reads a node whole, as runs of equal bytes: what the model has there is what is expected. */
export function readWhole(sketch: Sketch, node: string, most = 24): void {
  const found = sketch.node(node);
  if (found === undefined) return;
  for (const run of runsOf(sketch, node, found.size).slice(0, most)) {
    sketch.io(node, { op: 'read', ...run });
  }
}

interface Run {
  readonly offset: number;
  readonly length: number;
  readonly pattern: number;
}

const PIECE = 2 ** 20;
const PAGE = 4096;

function runsOf(sketch: Sketch, node: string, size: number): Run[] {
  const runs: Run[] = [];
  for (let at = 0; at < Math.min(size, 16 * PIECE); at += PIECE) {
    const length = Math.min(PIECE, size - at);
    const bytes = sketch.run.machine.io(node, { op: 'read', offset: at, length });
    if (typeof bytes === 'string') return runs;
    for (let from = 0; from < bytes.length; ) {
      const end = endOfRun(bytes, from);
      runs.push({ offset: at + from, length: end - from, pattern: bytes[from]! });
      from = end;
    }
  }
  return runs;
}

/** Where bytes begin that are not as the one at `from`. */
function endOfRun(bytes: Uint8Array, from: number): number {
  let end = from + 1;
  // They are all alike where they are what they are when they are moved by one; long runs are compared by pages.
  for (; end + PAGE <= bytes.length; end += PAGE) {
    if (Buffer.compare(bytes.subarray(end - 1, end + PAGE - 1), bytes.subarray(end, end + PAGE)) !== 0) break;
  }
  while (end < bytes.length && bytes[end] === bytes[from]) end++;
  return end;
}

/** A resize of a node that nothing known keeps from it. */
export function playResize(sketch: Sketch, node: Node): void {
  sketch.qmp('block_resize', { 'node-name': node.name, size: newSize(sketch.draw, node.size) });
}

export const GUEST_MOVES: readonly Move[] = [
  {
    name: 'change',
    weight: 12,
    make(sketch) {
      const node = someDisk(sketch);
      if (node !== undefined) playChange(sketch, node.name);
    },
  },
  {
    name: 'read',
    weight: 2,
    make(sketch) {
      const node = someDisk(sketch);
      if (node === undefined || node.size === 0) return;
      const { offset, length } = someRange(sketch, node);
      const bytes = sketch.run.machine.io(node.name, { op: 'read', offset, length: 1 });
      const pattern = typeof bytes === 'string' ? 0 : bytes[0]!;
      sketch.io(node.name, { op: 'read', offset, length, pattern });
    },
  },
  {
    name: 'flush',
    weight: 0.3,
    make(sketch) {
      const node = someDisk(sketch);
      if (node !== undefined) sketch.io(node.name, { op: 'flush' });
    },
  },
  {
    name: 'resize',
    weight: 1.5,
    make(sketch) {
      const node = someDisk(sketch);
      if (node !== undefined) playResize(sketch, node);
    },
  },
];

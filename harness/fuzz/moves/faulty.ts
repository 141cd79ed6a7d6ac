/** Nodes through which requests fail: blkdebug over another node. */
import type { Json } from '../../../spec/json/value.js';
import { CLUSTER } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';

const SECTOR = 512;

/** What fails: a rule of blkdebug, without its place. */
export interface Fault {
  /** every request if it is not said */
  readonly iotype?: 'read' | 'write';
  readonly isOnce: boolean;
  readonly errno: number;
}

/** The name of a new node over `image`, in which requests for one of its first `size` bytes fail, at the start of a cluster. */
export function openFaulty(sketch: Sketch, image: string, size: number, fault: Fault): string {
  const name = sketch.fresh('faulty');
  sketch.qmp('blockdev-add', {
    driver: 'blkdebug',
    'node-name': name,
    image,
    'inject-error': [ruleOf(sketch, size, fault)],
  });
  return name;
}

/** The rule of such a node. */
export function ruleOf({ draw }: Sketch, size: number, { iotype, isOnce, errno }: Fault): Json {
  const place = Math.floor(draw.int(0, Math.max(0, size - 1)) / CLUSTER) * CLUSTER;
  return members({ event: 'none', iotype, sector: place / SECTOR, once: isOnce || undefined, errno });
}

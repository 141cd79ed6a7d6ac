/**
 * Which way a request will take below a node, and what will be told to drivers there (REF-086), without making it. FILTERS.md,
 * REF-090. Offsets and lengths are bytes.
 */
import type { DebugEvent } from '../drivers/driver.js';
import type { Node } from '../node.js';

/**
 * A request, without its bytes. `copy`: what is there is copied where it belongs, unless it is there already: to the image itself
 * (REF-081), to the target (REF-121).
 */
export interface Passing {
  readonly op: 'read' | 'write' | 'zero' | 'discard' | 'copy';
  readonly offset: number;
  readonly length: number;
}

/** What a driver makes of a request for a node below. */
export interface Leg extends Passing {
  readonly node: Node;
  /** told to that node's driver before */
  readonly event?: DebugEvent | undefined;
}

/** Which part of it comes to which node, first things first. @throws RequestError where the request will fail */
export function* wayOf(node: Node, passing: Passing): Generator<{ node: Node; passing: Passing }> {
  yield { node, passing };
  for (const leg of node.driver.route?.(passing) ?? []) yield* wayOf(leg.node, leg);
}

/** What happens where, first things first. @throws RequestError where the request will fail */
export function* eventsOf(node: Node, passing: Passing): Generator<{ node: Node; event: DebugEvent }> {
  const { op } = passing;
  if (op === 'write') yield { node, event: 'pwritev' };
  if (op === 'zero') yield { node, event: 'pwritev_zero' };
  for (const leg of node.driver.route?.(passing) ?? []) {
    if (leg.event !== undefined) yield { node: leg.node, event: leg.event };
    yield* eventsOf(leg.node, leg);
  }
  if (op === 'write' || op === 'zero') yield { node, event: 'pwritev_done' };
}

/** What a format tells of the request that it makes to the node of its data. */
export function dataEvent(op: Passing['op']): DebugEvent | undefined {
  if (op === 'read') return 'read_aio';
  return op === 'write' ? 'write_aio' : undefined;
}

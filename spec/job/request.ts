/** A request that a job makes while a breakpoint may hold it. block/FILTERS.md, REF-095. */
import type { Edge } from '../block/edge.js';
import type { HeldRequests } from '../block/held/held-requests.js';
import type { Passing } from '../block/held/route.js';
import type { Work } from './driver.js';

/**
 * Does `act`, at once or as soon as no breakpoint holds the request any more. Until then the job stands where it is: it is neither
 * paused nor ended. At the end of the machine the request is given up, and the job has been cancelled.
 * @param edge the use by which the job makes it
 * @throws what `act` throws
 */
export function* whenLetThrough(requests: HeldRequests, edge: Edge, passing: Passing, act: () => void): Work {
  const failures: unknown[] = [];
  const go = (): void => {
    try {
      act();
    } catch (error) {
      failures.push(error);
    }
  };
  const ticket = requests.submit({ edge: () => edge, passing, go, givenUp: () => {} });
  while (!ticket.isOver) yield { until: () => ticket.isOver, isHeld: true };
  if (failures.length > 0) throw failures[0];
}

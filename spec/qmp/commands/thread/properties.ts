/** What an iothread is told of polling and of its pool of threads, none of which anybody sees. THREADS.md, REF-172. */
import { BlockError } from '../../../block/errors.js';
import { type Infer, int, optional, struct } from '../../types.js';

export const IothreadProperties = struct('IothreadProperties', {
  'aio-max-batch': optional(int, { doc: 'has no meaning here, as all of these' }),
  'poll-grow': optional(int),
  'poll-max-ns': optional(int),
  'poll-shrink': optional(int),
  'thread-pool-max': optional(int, { doc: 'default 64' }),
  'thread-pool-min': optional(int, { doc: 'default 0' }),
});

type Properties = Infer<typeof IothreadProperties>;

const NAMES = [
  'aio-max-batch',
  'poll-grow',
  'poll-max-ns',
  'poll-shrink',
  'thread-pool-max',
  'thread-pool-min',
] as const;

/** The largest number of threads that can be said. */
const MOST_THREADS = 2 ** 31 - 1;

/** REF-172 @throws BlockError REF-E-THREAD-RANGE */
export function checkRanges(given: Properties): void {
  for (const name of NAMES) {
    if ((given[name] ?? 0) < 0) throw new BlockError('REF-E-THREAD-RANGE', { name });
  }
}

/** REF-172 @throws BlockError REF-E-THREAD-POOL */
export function checkPool({ 'thread-pool-min': least = 0, 'thread-pool-max': most = 64 }: Properties): void {
  if (least > most || most > MOST_THREADS || most === 0 || most === 0n)
    throw new BlockError('REF-E-THREAD-POOL');
}

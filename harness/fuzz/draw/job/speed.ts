/** How fast jobs are told to be. */
import type { Action } from '../../../case/case.js';
import { asksFor } from '../../commands.js';

/** Bytes a second: what a history copies takes no time at it. */
const FAST = 2 ** 30;

/** A job that is told to take its time: nobody waits for its end. One that copies nothing by itself is as fast at any speed. */
export function isSlow(action: Action): boolean {
  return asksFor(
    action,
    (_, { speed, sync }) => Number(speed) > 0 && Number(speed) < FAST && sync !== 'none',
  );
}

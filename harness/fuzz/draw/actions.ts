/** Steps of the case language, without the members that are mostly the same. */
import type { Action } from '../../case/case.js';

type Open = Extract<Action, { verb: 'open' }>;

/** A new image for a node; what is not said is as in most cases. */
export function openAction(node: string, size: number, more: Partial<Open> = {}): Open {
  return {
    verb: 'open',
    node,
    size,
    driver: 'format',
    readOnly: false,
    discard: 'unmap',
    policy: undefined,
    backing: undefined,
    device: undefined,
    ...more,
  };
}

/** The image that an earlier `open` of the node made. */
export function openExisting(node: string, more: Partial<Open> = {}): Open {
  return { ...openAction(node, 0, more), size: null };
}

export function imgAction(...words: string[]): Action {
  return { verb: 'img', words };
}

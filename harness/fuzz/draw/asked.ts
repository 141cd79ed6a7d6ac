/** Questions that a generator asks of the model's nodes themselves, beside the requests of histories. */
import { RequestError } from '../../../spec/block/request-error.js';

/** What a look at a node comes to; null where the node refuses it: a fault, or a moment that nobody keeps. */
export function asked<T>(look: () => T): T | null {
  try {
    return look();
  } catch (error) {
    if (error instanceof RequestError) return null;
    throw error;
  }
}

/** What clients ask an export for. */
import type { NodeExport } from '../../../../spec/nbd/node-export.js';
import type { Sketch } from '../../draw/sketch.js';

const DEPTH = 'qemu:allocation-depth';

/**
 * The contexts that it shows and that have one right answer: which layer has what an image without a backing file knows of
 * nothing for is for its format to say, and which parts of clusters are stored is, too.
 */
export function contextsOf(
  { format }: Sketch,
  { contexts }: NodeExport,
  isAllocationKnown: boolean,
): string[] {
  return contexts
    .map(({ name }) => name)
    .filter((name) => isAllocationKnown || !/allocation/.test(name))
    .filter((name) => format === 'raw' || name !== DEPTH);
}

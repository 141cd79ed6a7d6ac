/** What all targets' observations have in common: their limits, their order, and the answer for a missing node. */
import type { BitmapObservation, Reply } from './target.js';

/**
 * The dirty areas of bitmaps on larger disks (bytes) are null on every target: they are read with requests of less
 * than 4 GiB each, and a case that needs a larger disk has the count and the sha256.
 */
export const LARGEST_MAPPED_DISK = 2 ** 40;

export interface Area {
  readonly offset: number;
  readonly length: number;
}

/** Ascending areas with neighbours joined. */
export function joinAreas(areas: Iterable<Area>): Area[] {
  const joined: { offset: number; length: number }[] = [];
  for (const { offset, length } of areas) {
    const last = joined.at(-1);
    if (last !== undefined && last.offset + last.length === offset) last.length += length;
    else joined.push({ offset, length });
  }
  return joined;
}

/** By name, in the order of code units. */
export function sortBitmaps(bitmaps: BitmapObservation[]): BitmapObservation[] {
  return bitmaps.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** The reply to an observation of a node that does not exist: the same words on every target. */
export function noSuchNode(node: string): Reply {
  const desc = `Cannot find device='' nor node-name='${node}'`;
  return { error: { class: 'GenericError', desc, id: 'REF-E-NO-SUCH' } };
}

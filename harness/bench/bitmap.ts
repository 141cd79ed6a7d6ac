/** Bitmaps of large disks: memory, and the speed of what is done to all bits, against plain loops and against QEMU. */

import type { DirtyBitmap } from '../../spec/bitmap/dirty-bitmap.js';
import { merge } from '../../spec/bitmap/merge.js';
import { PAGE_BITS } from '../../spec/bitmap/page.js';
import { sha256 } from '../../spec/bitmap/serialise.js';
import { nodeSha256 } from '../../spec/host/sha256.js';
import { alternate, type Measure, repeating } from './alternate.js';
import { type Bench, type BenchContext, type Comparison, comparison, type Section } from './bench.js';
import { hashSection } from './hash.js';
import { memorySection } from './memory.js';
import { countPlain, mergePlain, sha256Plain, type Walked, walkPlain } from './plain.js';
import {
  bitsOf,
  type Fill,
  type Geometry,
  LARGER,
  makeBitmap,
  makePlain,
  SCATTERED,
  SMALLER,
  scattered,
} from './subject.js';

export const bitmapBench: Bench = {
  name: 'bitmap',
  summary: 'memory and speed of bitmaps of large disks, against plain loops and QEMU',
  async *run(context) {
    const geometries = context.quick ? [SMALLER] : [SMALLER, LARGER];
    yield await memorySection(geometries, context);
    for (const geometry of geometries) yield await speedSection(geometry, context);
    if (context.qemus.length > 0) yield await hashSection(geometries, context);
  },
};

async function speedSection(geometry: Geometry, context: BenchContext): Promise<Section> {
  const rows: Comparison[] = [];
  for (const fill of ['sparse', 'full'] as const) rows.push(...(await rowsOf(geometry, fill, context)));
  const pages = Math.ceil(bitsOf(geometry) / PAGE_BITS);
  const touched = new Set(scattered(geometry).map((bit) => Math.floor(bit / PAGE_BITS))).size;
  return {
    title: `bitmap: ${geometry.name}, the specification's bitmap against plain loops over the same bytes`,
    sides: ['plain loop', 'bitmap'],
    rows,
    measured:
      `one operation on the whole bitmap; sparse: ${SCATTERED} granules here and there are dirty, full: all. ` +
      'The plain loop has the bits in one array and looks at every byte; its hash is one call of Node.',
    why:
      `merging and finding what is dirty skip the pages of 64 KiB that are not there (sparse: the granules lie in ` +
      `${touched} of ${pages}) and take the others 32 bits at a time; a merge also counts what it sets, so that the ` +
      'count is known at any time; the hash is one SHA-256 over all bytes, zeros included, on both sides, and what ' +
      'differs is how much of them has to come from memory (in the plain array too, zeros that were never written ' +
      'are one page of the system).',
  };
}

/** An operation on the whole bitmap, and the same on plain bytes; they must give the same. */
interface Operation {
  readonly name: string;
  readonly plain: () => unknown;
  readonly bitmap: () => unknown;
}

async function rowsOf(geometry: Geometry, fill: Fill, context: BenchContext): Promise<Comparison[]> {
  const rows: Comparison[] = [];
  const pairs = context.quick ? 3 : 5;
  for (const { name, plain, bitmap } of operations(geometry, fill)) {
    const [expected, found] = [JSON.stringify(plain()), JSON.stringify(bitmap())];
    if (expected !== found) {
      throw new Error(`${name} of ${geometry.name}, ${fill}: ${found}, and of the plain bytes ${expected}`);
    }
    const sides: [Measure, Measure] = [repeating(plain), repeating(bitmap)];
    const measured = await alternate(...sides, { warmUps: 1, pairs }, context.signal);
    rows.push(comparison(`${name}, ${fill}`, measured));
  }
  return rows;
}

function operations(geometry: Geometry, fill: Fill): Operation[] {
  const bitmap = makeBitmap(geometry, fill);
  const bytes = makePlain(geometry, fill);
  const { granularity, size } = geometry;
  // What is merged into; after the first time every further merge finds its own bits there.
  const target = makeBitmap(geometry, 'sparse');
  const plainTarget = makePlain(geometry, 'sparse');
  return [
    {
      name: 'merge',
      plain: () => {
        mergePlain(plainTarget, bytes);
        return plainTarget.length * 8;
      },
      bitmap: () => {
        merge(target, bitmap);
        return size / granularity;
      },
    },
    { name: 'count', plain: () => countPlain(bytes) * granularity, bitmap: () => bitmap.count },
    { name: 'next-dirty', plain: () => walkPlain(bytes), bitmap: () => walk(bitmap) },
    { name: 'sha256', plain: () => sha256Plain(bytes), bitmap: () => sha256(bitmap, nodeSha256) },
  ];
}

/** Goes from dirty area to dirty area, as {@link walkPlain}. */
function walk(bitmap: DirtyBitmap): Walked {
  let areas = 0;
  let bits = 0;
  for (const { length } of bitmap.dirtyAreas()) {
    areas++;
    bits += length / bitmap.granularity;
  }
  return { areas, bits };
}

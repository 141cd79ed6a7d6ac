/** What a bitmap takes in memory, as the process sees it, against its bits. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Interrupted } from '../case/run/guard.js';
import { type Bar, type BenchContext, type Comparison, comparison, type Section } from './bench.js';
import type { Pair } from './stats.js';
import { bitsOf, type Fill, type Geometry, makeBitmap } from './subject.js';

const AT_MOST: Bar = { at: 'most', value: 1.05 };
const TIMES = 3;

export async function memorySection(
  geometries: readonly Geometry[],
  context: BenchContext,
): Promise<Section> {
  const collect = collector();
  const rows: Comparison[] = [];
  for (const geometry of geometries) {
    for (const fill of ['sparse', 'full'] as const) {
      rows.push(...(await rowsOf(geometry, fill, collect, context)));
    }
  }
  return {
    title: 'bitmap: memory of a bitmap against its bits',
    sides: ['memory', 'bits'],
    rows,
    measured:
      'how much the heap and the memory outside of it (process.memoryUsage) grow by one bitmap, between two ' +
      'collections; "as accounted" is what the class itself says (memoryBytes).',
    why:
      'bits live in pages of 64 KiB, and a page that was never dirty is not there; a page costs about 250 bytes ' +
      'beside its bits, which is the 0.4 % above 1.00 of a full bitmap. Scattered granules make a page each, until ' +
      'every page is there.',
  };
}

async function rowsOf(
  geometry: Geometry,
  fill: Fill,
  collect: () => void,
  context: BenchContext,
): Promise<Comparison[]> {
  const bits = bitsOf(geometry) / 8;
  const seen: Pair[] = [];
  const accounted: Pair[] = [];
  for (let i = 0; i < TIMES; i++) {
    await nextTurn();
    if (context.signal.aborted) throw new Interrupted();
    const one = measure(geometry, fill, collect);
    seen.push({ first: one.seen, second: bits });
    accounted.push({ first: one.accounted, second: bits });
  }
  return [
    comparison(`${geometry.name}, ${fill}`, seen, { unit: 'bytes', bar: AT_MOST }),
    comparison('  as accounted', accounted, { unit: 'bytes', bar: AT_MOST }),
  ];
}

/** A function of its own, so that nothing of one bitmap is still on the stack when the next is measured. */
function measure(geometry: Geometry, fill: Fill, collect: () => void): { seen: number; accounted: number } {
  const before = used(collect);
  const bitmap = makeBitmap(geometry, fill);
  const seen = used(collect) - before;
  return { seen, accounted: bitmap.bits.memoryBytes };
}

/** Bytes in use; array buffers are a part of what V8 calls external. */
export function used(collect: () => void): number {
  // The second finds what the finalisers of the first let go.
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** V8's garbage collector, to be called by hand, without an option of Node. */
export function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

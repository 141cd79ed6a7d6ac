/**
 * Zeros over what is not zero. A tool that leaves zeros out has done all it should where there is nothing below them, or in the image
 * that they are copied into: so what shows that is made on purpose.
 */
import { CLUSTER } from '../../draw/edges.js';
import type { Sketch } from '../../draw/sketch.js';
import { contentOf, type Image, type Run } from './images.js';
import { kindOf } from './kind.js';
import { ioAction } from './look.js';

/** Bytes. */
interface Range {
  readonly offset: number;
  readonly length: number;
}

/** As requests of the tool have it. */
export function rangeWords({ offset, length }: Range): string {
  return `${offset} ${length}`;
}

/** Whole clusters at about this place; null if the disk has none. */
export function clustersOf({ offset, length }: Range, size: number): Range | null {
  const clusters = Math.floor(size / CLUSTER);
  if (clusters === 0) return null;
  const first = Math.min(clusters - 1, Math.floor(offset / CLUSTER));
  const end = Math.min(clusters, Math.ceil((offset + length) / CLUSTER));
  return { offset: first * CLUSTER, length: Math.max(1, end - first) * CLUSTER };
}

/** An overlay gets zeros where the image below shows something. */
export function playZerosOver(sketch: Sketch, top: Image, below: Image): void {
  const range = drawRange(sketch, below, top.size, ({ pattern }) => pattern !== 0);
  if (range !== null) sketch.play(ioAction(top, `write -z ${rangeWords(range)}`));
}

/** What is to be copied into gets something where the source shows zeros. */
export function playDataUnder(sketch: Sketch, target: Image, source: Image): void {
  const range = drawRange(sketch, source, target.size, ({ pattern }) => pattern === 0);
  if (range === null) return;
  sketch.play(ioAction(target, `write -P ${sketch.draw.int(1, 255)} ${rangeWords(range)}`));
}

/** Longer requests take long and find nothing more. */
const LONGEST = 4 * CLUSTER;

/**
 * The clusters around a place where an image shows such bytes, cut at `size`; null if it does so nowhere. Parts of clusters are seldom,
 * for zeros there are stored like any other bytes; of maps there are none.
 */
function drawRange(
  sketch: Sketch,
  image: Image,
  size: number,
  isWanted: (run: Run) => boolean,
): Range | null {
  const { draw } = sketch;
  const runs = contentOf(sketch.run, image) ?? [];
  const run = draw.any(runs.filter((one) => one.offset < size && isWanted(one)));
  if (run === undefined) return null;
  const end = Math.min(size, run.offset + run.length);
  const offset = draw.chance(0.5) ? run.offset : draw.int(run.offset, end - 1);
  const length = Math.min(end - offset, LONGEST);
  if (kindOf(sketch) !== 'maps' && draw.chance(0.15)) return { offset, length };
  const start = Math.floor(offset / CLUSTER) * CLUSTER;
  return { offset: start, length: Math.min(size, Math.ceil((offset + length) / CLUSTER) * CLUSTER) - start };
}

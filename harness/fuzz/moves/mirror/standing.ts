/**
 * Mirrors that stand at an error of their target. What is written beside one then is copied later; or, if it goes to both, but
 * for what is part of a granule that is to be copied as a whole.
 */
import type { DirtyBitmap } from '../../../../spec/bitmap/dirty-bitmap.js';
import type { Node } from '../../../../spec/block/node.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Draw } from '../../draw/draw.js';
import type { ModelRun } from '../../draw/model-run.js';
import type { Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { guestOf, rest } from './beside.js';

const SECTOR = 512;

/** A mirror that waits for its user, with something left to copy. */
export interface Standing {
  readonly job: BlockJob;
  readonly source: Node;
  /** a bitmap of the source */
  readonly toCopy: DirtyBitmap;
}

/** All mirrors that do. */
export function standingMirrors({ jobs }: ModelRun): Standing[] {
  return jobs.flatMap((job) => {
    if (!(job instanceof BlockJob) || job.driver.type !== 'mirror' || job.ioStatus === 'ok') return [];
    const source = job.uses.find(({ name }) => name === 'source')?.child;
    const toCopy = source?.bitmaps.find(({ name, count }) => name === null && count > 0);
    return source === undefined || toCopy === undefined ? [] : [{ job, source, toCopy }];
  });
}

/** A range of sectors that begins within a granule that is dirty, and mostly ends there. Bytes. */
function drawPart(draw: Draw, toCopy: DirtyBitmap): { offset: number; length: number } {
  const { granularity, size } = toCopy;
  const found = toCopy.nextDirty(draw.int(0, size - 1));
  const dirty = found < 0 ? toCopy.nextDirty(0) : found;
  const start = Math.floor(dirty / granularity) * granularity;
  const end = Math.min(start + granularity, size);
  const offset = start + SECTOR * draw.int(0, Math.ceil((end - start) / SECTOR) - 1);
  const most = (draw.chance(0.3) ? size : end) - offset;
  return { offset, length: Math.min(most, SECTOR * draw.int(1, (2 * granularity) / SECTOR)) };
}

/** What a guest writes beside one of them, if there is one. */
export function playPart(sketch: Sketch): void {
  const { draw } = sketch;
  const found = draw.any(standingMirrors(sketch.run));
  if (found === undefined) return;
  const range = drawPart(draw, found.toCopy);
  const isZero = draw.chance(0.2);
  sketch.io(
    guestOf(found.source).name,
    isZero ? { op: 'zero', ...range } : { op: 'write', ...range, pattern: draw.int(1, 255) },
  );
  rest(sketch);
}

export const STANDING_MOVES: readonly Move[] = [
  { name: 'write part of what a mirror has yet to copy', weight: 5, make: playPart },
  {
    name: 'let a mirror go on',
    weight: 2,
    make(sketch) {
      const found = sketch.draw.any(standingMirrors(sketch.run));
      if (found === undefined) return;
      sketch.qmp('job-resume', { id: found.job.id });
      rest(sketch);
    },
  },
];

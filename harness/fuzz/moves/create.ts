/** Images that blockdev-create makes: files, and images on these; and what it refuses. */
import type { Json } from '../../../spec/json/value.js';
import { CLUSTER } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { isJobThere } from './jobs.js';
import type { Move } from './move.js';
import { BROKEN } from './names.js';
import { images } from './persistence.js';

type Options = { readonly [name: string]: Json | undefined };

const MOST_NODES = 9;

const SIZES = [512, 4096, CLUSTER, 3 * CLUSTER + 512, 2 ** 20] as const;

/** The job to its end; whether it made what it was to make. */
function playJob(sketch: Sketch, options: Options): boolean {
  const { draw } = sketch;
  const id = draw.chance(BROKEN) ? draw.pick(['j0', '', '0']) : sketch.fresh('j');
  if (sketch.qmp('blockdev-create', { 'job-id': id, options: members(options) })?.ok !== true) return false;
  sketch.rest();
  const job = sketch.run.jobs.find((one) => one.id === id);
  if (draw.chance(0.3)) sketch.qmp(draw.pick(['query-jobs', 'query-block-jobs']));
  if (draw.chance(0.85)) {
    sketch.qmp('job-dismiss', { id });
    sketch.rest();
  }
  return job?.error === null;
}

/** Drivers that make no images, and what is none. */
const UNABLE = [
  'raw',
  'null-co',
  'throttle',
  'blkdebug',
  'copy-on-read',
  'copy-before-write',
  'snapshot-access',
  'nosuch',
] as const;

/** What is wrong with its form, or cannot be made. */
function playRefused(sketch: Sketch): void {
  const { draw } = sketch;
  const file = `$${sketch.fresh('made')}`;
  const node = draw.any(sketch.run.nodes)?.name ?? 'nowhere';
  const size = CLUSTER;
  if (!sketch.can('driver:file') || isJobThere(sketch)) return;
  playJob(
    sketch,
    draw.pick<Options>([
      { driver: draw.pick(UNABLE) },
      { driver: draw.pick(UNABLE) },
      { driver: draw.pick(UNABLE), size: draw.chance(0.2) ? size : undefined },
      { driver: 'file', filename: '', size },
      { driver: 'file', filename: file },
      { driver: 'file', filename: file, size: -1 },
      { driver: 'file', filename: file, size, preallocation: 'metadata' },
      { driver: 'file', filename: `$${node}.img`, size },
      { driver: '{format}', file: 'nowhere', size },
    ]),
  );
}

/** A file, with an image of its own on it where the format has one, which is opened as a disk. */
function playCreate(sketch: Sketch): void {
  const { draw } = sketch;
  if (!sketch.can('driver:file') || isJobThere(sketch) || sketch.disks.length >= MOST_NODES) return;
  const filename = `$${sketch.fresh('made')}`;
  const size = draw.chance(0.5) ? (draw.any(sketch.disks)?.size ?? CLUSTER) : draw.pick(SIZES);
  const isRaw = sketch.format === 'raw';
  const made = playJob(sketch, {
    driver: 'file',
    filename,
    size: isRaw ? size : 0,
    preallocation: draw.chance(0.15) ? draw.pick(['off', 'falloc', 'full']) : undefined,
    nocow: draw.chance(0.1) ? draw.chance(0.5) : undefined,
    // Any other is a matter of the file system, and says so on stderr where that has none.
    'extent-size-hint': draw.chance(0.1) ? 0 : undefined,
  });
  if (!made) return;
  const spelledOut = members({ driver: 'file', filename, discard: draw.pick([undefined, 'unmap']) });
  const disk = sketch.fresh('disk');
  // The file of an image holds what its format likes: nobody looks at one with such a name.
  const below = `${disk}-file`;
  const isNamed = draw.chance(0.5);
  if (isNamed) sketch.qmp('blockdev-add', { ...spelledOut, 'node-name': below });
  const file = isNamed ? below : spelledOut;
  const base = isRaw || draw.chance(0.6) ? undefined : someImage(sketch);
  const stored: Options =
    base === undefined ? { size } : { size: sketch.node(base)?.size, ...backedBy(sketch, base) };
  if (!isRaw && !playJob(sketch, { driver: '{format}', file, ...stored })) return;
  sketch.qmp('blockdev-add', {
    driver: isRaw ? 'raw' : '{format}',
    'node-name': disk,
    discard: draw.pick(['unmap', 'unmap', undefined]),
    file,
    backing: base ?? (isRaw || draw.chance(0.7) ? undefined : null),
  });
}

/** An image that an `open` made: its file has the name of its node. */
function someImage(sketch: Sketch): string | undefined {
  return sketch.draw.any(images(sketch).filter((name) => sketch.node(name) !== undefined));
}

/** What an image says is below it; one without the other is refused. */
function backedBy({ draw }: Sketch, base: string): Options {
  return {
    'backing-file': draw.chance(BROKEN) ? undefined : `$${base}.img`,
    'backing-fmt': draw.chance(BROKEN) ? undefined : '{format}',
    'cluster-size': draw.chance(0.2) ? CLUSTER : undefined,
  };
}

export const CREATE_MOVES: readonly Move[] = [
  { name: 'blockdev-create', weight: 1, make: playCreate },
  {
    name: 'blockdev-create of what cannot be made',
    weight: 0.8,
    make(sketch) {
      for (let count = sketch.draw.int(1, 3); count > 0; count--) playRefused(sketch);
    },
  },
];

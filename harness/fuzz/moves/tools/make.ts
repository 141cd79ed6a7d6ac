/** Images that tools make: empty ones, overlays, and copies of what is there. */
import { imgAction } from '../../draw/actions.js';
import { CLUSTER, diskSize } from '../../draw/edges.js';
import type { Answer } from '../../draw/model-run.js';
import type { Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN } from '../names.js';
import { chainBelow, type Image, imagesOf } from './images.js';
import { newFormat, sizeFor } from './kind.js';
import { formatWords, readBack, someImage } from './look.js';
import { madeName } from './server.js';
import { playDataUnder } from './zeros.js';

/** More images than these make histories long, not better. */
const MOST_IMAGES = 7;

/** A name for a new image; now and then that of one that is there, which goes. What belonged to another format would stay. */
function newName(sketch: Sketch, format: string): string {
  const there = imagesOf(sketch).filter((image) => image.format === format);
  if (there.length >= MOST_IMAGES || sketch.draw.chance(BROKEN))
    return sketch.draw.any(there)?.name ?? sketch.fresh('img');
  return sketch.fresh('img');
}

/** An image with nothing in it, of its own. */
export function playCreate(sketch: Sketch): void {
  const { draw } = sketch;
  const format = newFormat(sketch);
  const size =
    format === 'raw' && draw.chance(0.3) ? draw.int(1, 3 * CLUSTER) : sizeFor(sketch, diskSize(draw));
  const name = newName(sketch, format);
  // A file of any length; the tool rounds up.
  if (format === 'raw' && draw.chance(0.4)) sketch.play({ verb: 'create', file: name, size });
  else sketch.play(imgAction('create', '-q', '-f', format, madeName(sketch, name), String(size)));
}

/** An overlay, of the size of what is below it or of another one. */
export function playOverlay(sketch: Sketch): void {
  const { draw } = sketch;
  const below = someImage(sketch);
  const other = draw.chance(0.5) ? diskSize(draw) : near(sketch, below.size);
  const size = draw.chance(0.5) ? [] : [String(sizeFor(sketch, other))];
  const unsafe = draw.chance(0.06) ? ['-u'] : [];
  const format = draw.chance(BROKEN) ? newFormat(sketch) : '{format}';
  const name = madeName(sketch, newName(sketch, format));
  const words = ['-q', '-f', format, ...unsafe, '-b', below.name, '-F', below.format, name];
  sketch.play(imgAction('create', ...words, ...size));
}

/** A size a little off another one. */
export function near({ draw }: Sketch, size: number): number {
  const off = draw.pick([-CLUSTER - 512, -CLUSTER, -512, 512, 4096, CLUSTER, CLUSTER + 512]);
  return Math.max(512, Math.ceil((size + off) / 512) * 512);
}

function playConvert(sketch: Sketch): void {
  const { draw } = sketch;
  const source = someImage(sketch);
  const format = newFormat(sketch);
  const words = ['-O', format, ...sparse(sketch)];
  const sources = draw.chance(0.12) ? [source, someOfFormat(sketch, source)] : [source];
  const below = draw.chance(0.3) ? someBelow(sketch, source) : undefined;
  if (below !== undefined) words.push('-B', below.name, '-F', below.format);
  if (source.bitmaps.length > 0 && draw.chance(0.5)) words.push('--bitmaps');
  const name = newName(sketch, format);
  words.push(...formatWords(sketch, source), ...sources.map((one) => one.name), madeName(sketch, name));
  const answer = sketch.play(imgAction('convert', ...words));
  after(sketch, answer, [source.name, name]);
}

/** Into an image that is there: what it has is written over, also where the source has zeros. */
function playConvertInto(sketch: Sketch): void {
  const { draw } = sketch;
  const source = someImage(sketch);
  const target = draw.chance(0.15) ? someImage(sketch) : someThatHolds(sketch, source);
  if (target === undefined) return;
  if (draw.chance(0.7)) playDataUnder(sketch, target, source);
  const words = ['-n', '-O', target.format, ...sparse(sketch), ...formatWords(sketch, source)];
  const answer = sketch.play(imgAction('convert', ...words, source.name, target.name));
  after(sketch, answer, [source.name, target.name]);
}

/** An image that what another one has fits into. Those below that one cannot be written to while it is read. */
function someThatHolds(sketch: Sketch, source: Image): Image | undefined {
  const images = imagesOf(sketch);
  const below = chainBelow(source, images);
  const others = images.filter(
    (one) => one.name !== source.name && !below.includes(one) && one.size >= source.size,
  );
  return sketch.draw.any(others);
}

/** How many zeros in a row are left out. */
function sparse({ draw }: Sketch): string[] {
  if (draw.chance(0.7)) return [];
  return ['-S', draw.pick(['0', '512', '4k', '64k', '1M', ...(draw.chance(0.1) ? ['513', '-1'] : [])])];
}

/** Sources of one copy are all of one format. */
function someOfFormat(sketch: Sketch, source: Image): Image {
  return sketch.draw.any(imagesOf(sketch).filter(({ format }) => format === source.format)) ?? source;
}

/** An image below this one; now and then any other. */
function someBelow(sketch: Sketch, image: Image): Image | undefined {
  const { draw } = sketch;
  const images = imagesOf(sketch);
  return draw.any(draw.chance(0.15) ? images : chainBelow(image, images));
}

/** Copy and source, sometimes. */
function after(sketch: Sketch, answer: Answer | null, names: readonly string[]): void {
  if (answer?.ok !== true) return;
  const { draw } = sketch;
  if (draw.chance(0.4)) readBack(sketch, names.at(-1)!);
  if (draw.chance(0.2)) sketch.play(imgAction('compare', ...names));
}

export const MAKES: readonly Move[] = [
  { name: 'create', weight: 1, make: playCreate },
  { name: 'overlay', weight: 3, make: playOverlay },
  { name: 'convert', weight: 3, make: playConvert },
  { name: 'convert into', weight: 3, make: playConvertInto },
];

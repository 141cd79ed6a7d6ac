/** What tools do to images that are there: requests, sizes, commits, rebases, bitmaps. */
import { imgAction } from '../../draw/actions.js';
import { granularity, newSize, rangeOf } from '../../draw/edges.js';
import type { Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN } from '../names.js';
import { chainBelow, type Image, imagesOf } from './images.js';
import { kindOf, sizeFor } from './kind.js';
import { formatWords, ioAction, readBack, someImage } from './look.js';
import { clustersOf, playZerosOver, rangeWords } from './zeros.js';

/** Requests of one run of the tool. */
export function playRequests(sketch: Sketch, image = someImage(sketch)): void {
  const { draw } = sketch;
  const commands: string[] = [];
  for (let count = draw.int(1, 4); count > 0; count--) commands.push(...drawRequest(sketch, image));
  if (draw.chance(0.1)) commands.push('flush');
  if (commands.length > 0) sketch.play(ioAction(image, ...commands));
}

function drawRequest(sketch: Sketch, { size, bitmaps, format }: Image): string[] {
  const { draw } = sketch;
  const granules = bitmaps.map((bitmap) => bitmap.granularity);
  const range = rangeOf(draw, draw.chance(BROKEN / 2) ? size + 512 : size, granules);
  const isWhole = kindOf(sketch) === 'maps';
  const { offset, length } = (isWhole ? clustersOf(range, size) : null) ?? range;
  const zeros = isWhole || draw.chance(0.4) ? clustersOf(range, size) : range;
  switch (draw.weighted([7, 2, 1, 0.5, format === 'raw' ? 0.4 : 0])) {
    case 0:
      return [`write -P ${draw.int(1, 255)} ${offset} ${length}`];
    case 1:
      return zeros === null ? [] : [`write -z ${draw.chance(0.5) ? '-u ' : ''}${rangeWords(zeros)}`];
    case 2:
      // What a discard leaves is for the format to choose, so there are zeros afterwards.
      return zeros === null ? [] : [`discard ${rangeWords(zeros)}`, `write -z ${rangeWords(zeros)}`];
    case 3:
      return [`read -P ${draw.int(0, 255)} ${offset} ${length}`];
    default:
      return [`truncate ${draw.int(0, size + 4096)}`];
  }
}

function playResize(sketch: Sketch): void {
  const { draw } = sketch;
  const image = someImage(sketch);
  const size = sizeFor(sketch, newSize(draw, image.size));
  const shrink = draw.chance(size < image.size ? 0.85 : 0.1) ? ['--shrink'] : [];
  const by = size - image.size;
  const text = draw.chance(0.5) ? String(size) : by < 0 ? `-${-by}` : `+${by}`;
  const words = [...shrink, ...formatWords(sketch, image), ...(by < 0 ? ['--'] : []), image.name, text];
  sketch.play(imgAction('resize', '-q', ...words));
  if (draw.chance(0.3)) readBack(sketch, image.name);
}

/** Into the image below, or into one further down; then everything is where it was. */
function playCommit(sketch: Sketch): void {
  const { draw } = sketch;
  const images = imagesOf(sketch);
  const overlays = images.filter(({ backing }) => backing !== null);
  const top = draw.chance(BROKEN) ? someImage(sketch) : draw.any(overlays);
  if (top === undefined) return;
  const below = chainBelow(top, images);
  if (below[0] !== undefined && draw.chance(0.5)) playZerosOver(sketch, top, below[0]);
  const base = draw.chance(0.35) ? draw.any(draw.chance(BROKEN) ? images : below) : undefined;
  const words = [...(draw.chance(0.2) ? ['-d'] : []), ...(base === undefined ? [] : ['-b', base.name])];
  sketch.play(imgAction('commit', '-q', ...words, ...formatWords(sketch, top), top.name));
  if (draw.chance(0.4)) readBack(sketch, top.name);
  const into = base?.name ?? below[0]?.name;
  if (into !== undefined && draw.chance(0.6)) readBack(sketch, into);
}

/** Another backing file, or none; what the image shows stays, but with `-u`. */
function playRebase(sketch: Sketch): void {
  const { draw } = sketch;
  const images = imagesOf(sketch);
  const top = draw.chance(BROKEN) ? someImage(sketch) : draw.any(images.filter(mayHaveBacking));
  if (top === undefined) return;
  const others = images.filter((image) => image !== top && !chainBelow(image, images).includes(top));
  const base = draw.chance(0.2) ? undefined : draw.any(others);
  // Whether zeros that are copied are written as such, only a map shows.
  const unsafe = kindOf(sketch) === 'maps' || draw.chance(0.12) ? ['-u'] : [];
  const below = base === undefined ? ['-b', ''] : ['-b', base.name, '-F', base.format];
  sketch.play(imgAction('rebase', '-q', ...unsafe, ...below, ...formatWords(sketch, top), top.name));
  if (draw.chance(0.7)) readBack(sketch, top.name);
}

function mayHaveBacking({ format, backing }: Image): boolean {
  return format !== 'raw' || backing !== null;
}

const BITMAPS = ['b0', 'b1', 'b2'] as const;
const VERBS = ['--clear', '--enable', '--disable', '--remove'] as const;

/** Several actions on one bitmap, in the order of the command line. */
export function playBitmap(sketch: Sketch): void {
  const { draw } = sketch;
  const images = imagesOf(sketch).filter(({ format }) => format !== 'raw');
  const image = draw.chance(BROKEN) ? someImage(sketch) : (draw.any(images) ?? someImage(sketch));
  if (image.format === 'raw' && !draw.chance(BROKEN)) return;
  const there = image.bitmaps.map(({ name }) => name);
  const free = BITMAPS.filter((name) => !there.includes(name));
  const words: string[] = [];
  const isNew = there.length === 0 || draw.chance(0.35);
  const name = (isNew !== draw.chance(BROKEN) ? draw.any(free) : draw.any(there)) ?? 'b0';
  if (isNew) {
    words.push('--add');
    if (draw.chance(0.7)) words.push('-g', String(granularity(draw, image.size)));
  }
  for (let count = draw.int(isNew ? 0 : 1, 2); count > 0; count--)
    words.push(...drawVerb(sketch, there, name));
  const merged = words.includes('--merge') && draw.chance(0.4) ? drawSource(sketch) : undefined;
  if (merged !== undefined) words.push('-b', merged.name, '-F', merged.format);
  sketch.play(imgAction('bitmap', ...words, ...formatWords(sketch, image), image.name, name));
}

function drawVerb({ draw }: Sketch, there: readonly string[], name: string): string[] {
  if (draw.chance(0.4)) return ['--merge', draw.any(there) ?? (draw.chance(BROKEN) ? name : 'b0')];
  return [draw.pick(VERBS)];
}

/** An image that has bitmaps, for a merge from another file. */
function drawSource(sketch: Sketch): Image | undefined {
  return sketch.draw.any(imagesOf(sketch).filter(({ bitmaps }) => bitmaps.length > 0));
}

export const CHANGES: readonly Move[] = [
  { name: 'requests', weight: 7, make: (sketch) => playRequests(sketch) },
  { name: 'resize', weight: 1.5, make: playResize },
  { name: 'commit', weight: 3, make: playCommit },
  { name: 'rebase', weight: 3, make: playRebase },
  { name: 'bitmap', weight: 4, make: playBitmap },
];

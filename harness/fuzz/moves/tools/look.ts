/** What shows whether anything was lost: everything an image has read back, maps, comparisons, what images say of themselves. */
import type { Action } from '../../../case/case.js';
import { imgAction } from '../../draw/actions.js';
import { CLUSTER } from '../../draw/edges.js';
import type { Sketch } from '../../draw/sketch.js';
import type { Move } from '../move.js';
import { BROKEN } from '../names.js';
import { contentOf, type Image, imageOf, imagesOf } from './images.js';
import { kindOf } from './kind.js';

/** More of them would make command lines that nobody reads. */
const MOST_RUNS = 32;

/** The tool for requests on an image. */
export function ioAction({ name, format }: Pick<Image, 'name' | 'format'>, ...commands: string[]): Action {
  const options = format === '{format}' ? [] : ['-f', format];
  return { verb: 'image-io', image: name, options, commands, by: 'option' };
}

/** Every byte of an image is read, and has to be what the model has there. */
export function readBack(sketch: Sketch, name: string): void {
  const image = imageOf(sketch.run, name);
  const runs = image === null ? null : contentOf(sketch.run, image);
  if (image === null || runs === null || runs.length === 0) return;
  const from = runs.length <= MOST_RUNS ? 0 : sketch.draw.int(0, runs.length - MOST_RUNS);
  const shown = runs.slice(from, from + MOST_RUNS);
  const commands = shown.map(({ offset, length, pattern }) => `read -q -P ${pattern} ${offset} ${length}`);
  sketch.play(ioAction(image, ...commands, 'length'));
}

/** An image to do something with; mostly one that is there. */
export function someImage(sketch: Sketch): Image {
  const { draw } = sketch;
  const images = imagesOf(sketch);
  if (images.length === 0 || draw.chance(BROKEN / 2)) return NOWHERE;
  return draw.pick(images);
}

const NOWHERE: Image = { name: 'img99', format: '{format}', size: 0, backing: null, bitmaps: [] };

/** `-f FORMAT`, mostly. */
export function formatWords({ draw }: Sketch, { format }: Image, option = '-f'): string[] {
  return format === '{format}' && draw.chance(0.15) ? [] : [option, format];
}

function playMap(sketch: Sketch): void {
  const { draw } = sketch;
  const image = someImage(sketch);
  if (kindOf(sketch) !== 'maps') {
    readBack(sketch, image.name);
    return;
  }
  const part = draw.chance(0.2) ? [`--start-offset=${CLUSTER * draw.int(0, 8)}`] : [];
  if (draw.chance(0.2)) part.push(`--max-length=${CLUSTER * draw.int(1, 8)}`);
  const output = draw.chance(0.7) ? ['--output=json'] : [];
  sketch.play(imgAction('map', ...output, ...part, ...formatWords(sketch, image), image.name));
}

function playCompare(sketch: Sketch): void {
  const { draw } = sketch;
  const [one, other] = [someImage(sketch), someImage(sketch)];
  const words = [
    ...(one.size !== other.size && draw.chance(0.4) ? ['-s'] : []),
    ...(draw.chance(0.1) ? ['-q'] : []),
  ];
  words.push(...formatWords(sketch, one), ...formatWords(sketch, other, '-F'), one.name, other.name);
  sketch.play(imgAction('compare', ...words));
}

/** After a crash QBM says that there was one, and has something to repair, where qcow2 has not. */
function isCrashed({ steps }: Sketch): boolean {
  return steps.some(({ action }) => action.verb === 'kill');
}

function playInfo(sketch: Sketch): void {
  const { draw } = sketch;
  const image = someImage(sketch);
  const words = [...formatWords(sketch, image), image.name];
  if (isCrashed(sketch)) readBack(sketch, image.name);
  else if (draw.chance(0.4)) sketch.play(imgAction('check', ...words));
  else sketch.play(imgAction('info', ...(draw.chance(0.2) ? ['--backing-chain'] : []), ...words));
}

export const LOOKS: readonly Move[] = [
  { name: 'read back', weight: 1, make: (sketch) => readBack(sketch, someImage(sketch).name) },
  { name: 'map', weight: 2, make: playMap },
  { name: 'compare', weight: 2, make: playCompare },
  { name: 'info', weight: 1, make: playInfo },
];

/** All images, at the end. */
export function readAllBack(sketch: Sketch): void {
  for (const { name } of imagesOf(sketch)) readBack(sketch, name);
}

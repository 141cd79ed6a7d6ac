/** Between the tools, or beside them, a server has the images: guests write, bitmaps record, and it ends well or badly. */
import type { JsonObject } from '../../../../spec/json/value.js';
import type { Action } from '../../../case/case.js';
import type { ModelRun } from '../../draw/model-run.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { BITMAP_MOVES } from '../bitmaps.js';
import { GUEST_MOVES, readWhole } from '../guest.js';
import type { Move } from '../move.js';
import { bitmapsOf } from '../names.js';
import { playBitmap } from './change.js';
import { type Image, imagesOf } from './images.js';
import { hasServer, kindOf } from './kind.js';

/** What a tool calls a file that a server is to open later: by its whole path. */
export function madeName(sketch: Sketch, name: string): string {
  return hasServer(sketch) ? `$${name}` : name;
}

/** The server opens an image, with what is below it as it is named there. */
function playServe(sketch: Sketch): void {
  const { draw } = sketch;
  if (sketch.disks.length > 0) return;
  const image = draw.any(imagesOf(sketch).filter((one) => isNamed(sketch, one)));
  if (image === undefined) return;
  const answer = sketch.qmp('blockdev-add', optionsOf(sketch, image));
  if (answer?.ok !== true) return;
  const node = sketch.node(image.name);
  if (node === undefined) return;
  if (bitmapsOf(node).length > 0) sketch.observe(node.name);
  if (draw.chance(0.4)) readWhole(sketch, node.name);
}

/** Only files of which a history has said the path have one that a command can name. */
function isNamed({ steps }: Sketch, { name }: Image): boolean {
  return steps.some(
    ({ action }) =>
      (action.verb === 'create' && action.file === name) ||
      (action.verb === 'img' && action.words.includes(`$${name}`)),
  );
}

function optionsOf({ draw }: Sketch, { name, format }: Image): JsonObject {
  return members({
    driver: format,
    'node-name': name,
    discard: 'unmap',
    'read-only': draw.chance(0.1) ? true : undefined,
    file: members({ driver: 'file', filename: `$${name}`, discard: 'unmap' }),
  });
}

/** What a discard leaves of an image over another one is for the format to choose. */
export function isVague(run: ModelRun, action: Action): boolean {
  if (action.verb !== 'io' || action.request.op !== 'discard') return false;
  return run.machine.graph.find(action.node)?.backing != null;
}

/** The images are closed: by commands, by the end of the server, or by its death. */
export function playLeave(sketch: Sketch): void {
  const { draw } = sketch;
  const nodes = sketch.disks.map(({ name }) => name);
  if (nodes.length === 0) return;
  const how = draw.pick(['close', 'restart', 'kill'] as const);
  if (how === 'close') {
    for (const node of nodes) sketch.qmp('blockdev-del', { 'node-name': node });
    return;
  }
  // What was not flushed may be lost.
  if (how === 'kill')
    for (const node of nodes) if (sketch.node(node)?.readOnly === false) sketch.io(node, { op: 'flush' });
  sketch.play({ verb: how });
  // What was not stored back is inconsistent now.
  if (how === 'kill' && draw.chance(0.4)) playBitmap(sketch);
}

/** In most histories tools work on what nobody has open. */
export function mostlyClosed(move: Move): Move {
  return {
    ...move,
    make(sketch) {
      if (sketch.disks.length === 0 || kindOf(sketch) === 'beside') move.make(sketch);
    },
  };
}

function whileServed(move: Move): Move {
  return {
    ...move,
    make(sketch) {
      if (sketch.disks.length > 0) move.make(sketch);
    },
  };
}

export const SERVES: readonly Move[] = [
  {
    name: 'serve',
    weight: 5,
    make(sketch) {
      if (hasServer(sketch)) playServe(sketch);
    },
  },
  { name: 'leave', weight: 6, make: playLeave },
  ...GUEST_MOVES.filter(({ name }) => name === 'change').map(whileServed),
  ...BITMAP_MOVES.map((move) => whileServed({ ...move, weight: move.weight / 3 })),
];

/** At the end the server says what bitmaps images have. */
export function observeImages(sketch: Sketch): void {
  if (!hasServer(sketch)) return;
  for (const image of imagesOf(sketch)) {
    if (image.bitmaps.length === 0 || !isNamed(sketch, image)) continue;
    const answer = sketch.qmp('blockdev-add', optionsOf(sketch, image));
    if (answer?.ok !== true) continue;
    sketch.observe(image.name);
    sketch.qmp('blockdev-del', { 'node-name': image.name });
  }
}

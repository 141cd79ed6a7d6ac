/** QBM images as they are stored: made and used by commands, closed, and then looked at byte for byte. */
import { DIRECTORY } from '../../../target/reference/model.js';
import { diskSize } from '../../draw/edges.js';
import { members, type Sketch } from '../../draw/sketch.js';
import { BITMAP_MOVES } from '../bitmaps.js';
import { GUEST_MOVES } from '../guest.js';
import type { Move } from '../move.js';

const MOST_IMAGES = 3;

/** Names of files that a step may look at; those of bitmaps with odd names are escaped otherwise. */
const PLAIN = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,59}$/;

function imagesIn({ steps }: Sketch): string[] {
  return steps.flatMap(({ action }) => (action.verb === 'create' ? [action.file] : []));
}

/** An image by commands alone, so that it says the same of itself wherever it is made; and its node. */
export function playMake(sketch: Sketch): void {
  const { draw } = sketch;
  const below = draw.chance(0.3) ? draw.any(imagesIn(sketch)) : undefined;
  const name = sketch.fresh('disk');
  const [file, job] = [`${name}-file`, sketch.fresh('j')];
  sketch.play({ verb: 'create', file: name, size: 0 });
  sketch.qmp('blockdev-add', { driver: 'file', filename: `$${name}`, 'node-name': file });
  const options = members({
    driver: '{format}',
    file,
    size: diskSize(draw),
    allocation: below === undefined ? draw.pick([undefined, true, false]) : undefined,
    'backing-file': below,
    'backing-fmt': below === undefined ? undefined : '{format}',
  });
  const answer = sketch.qmp('blockdev-create', { 'job-id': job, options });
  if (answer?.ok === true) {
    sketch.rest();
    sketch.qmp('job-dismiss', { id: job });
    sketch.rest();
  }
  sketch.qmp('blockdev-del', { 'node-name': file });
  playServe(sketch, name);
}

/** Opens an image, with a policy of its own. */
function playServe(sketch: Sketch, name: string): void {
  const { draw } = sketch;
  sketch.qmp('blockdev-add', {
    driver: '{format}',
    'node-name': name,
    policy: draw.pick([undefined, 'writeback', 'writethrough']),
    'read-only': draw.chance(0.1) ? true : undefined,
    discard: 'unmap',
    file: members({ driver: 'file', filename: `$${name}`, discard: 'unmap' }),
  });
}

/** What all the files have. */
export function lookAtFiles(sketch: Sketch): void {
  for (const file of filesIn(sketch)) sketch.play({ verb: 'bytes', file });
}

/** The files of a history, as the model has them. */
export function filesIn({ run }: Sketch): string[] {
  const prefix = `${DIRECTORY}/`;
  const names = run.model.storage.files().map(([path]) => path.slice(prefix.length));
  return names.filter((name) => PLAIN.test(name));
}

/** Images are closed, by a command, an end or a death; mostly they are opened again. */
function playLeave(sketch: Sketch): void {
  const { draw } = sketch;
  const nodes = sketch.disks.map(({ name }) => name);
  const how = draw.pick(['close', 'close', 'restart', 'kill'] as const);
  if (how === 'close') {
    for (const node of nodes) sketch.qmp('blockdev-del', { 'node-name': node });
  } else {
    // What was not flushed may be lost.
    if (how === 'kill')
      for (const node of nodes) if (sketch.node(node)?.readOnly === false) sketch.io(node, { op: 'flush' });
    sketch.play({ verb: how });
  }
  lookAtFiles(sketch);
  for (const name of imagesIn(sketch)) if (draw.chance(0.7)) playServe(sketch, name);
}

export const STORED_MOVES: readonly Move[] = [
  {
    name: 'make',
    weight: 1,
    make(sketch) {
      if (imagesIn(sketch).length < MOST_IMAGES) playMake(sketch);
    },
  },
  { name: 'leave', weight: 2.5, make: playLeave },
  ...BITMAP_MOVES.filter(({ name }) => name !== 'observe'),
  ...GUEST_MOVES.filter(({ name }) => name === 'change' || name === 'resize'),
];

/** At the end all is closed. */
export function endStored(sketch: Sketch): void {
  sketch.play({ verb: sketch.draw.chance(0.7) ? 'restart' : 'kill' });
  lookAtFiles(sketch);
}

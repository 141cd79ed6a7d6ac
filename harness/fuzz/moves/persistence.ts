/** What outlives a process and what does not: restarts, crashes, images that are closed, and tools on these. */
import type { Json } from '../../../spec/json/value.js';
import { DIRECTORY } from '../../target/reference/model.js';
import { imgAction, openExisting } from '../draw/actions.js';
import { granularity } from '../draw/edges.js';
import { members, type Sketch } from '../draw/sketch.js';
import { unflushed } from '../draw/unflushed.js';
import { drawAdd, playCommand } from './bitmaps.js';
import type { Move } from './move.js';
import { BROKEN, bitmapsOf } from './names.js';
import { shown } from './nodes.js';

/** The nodes of images that an `open` made, whether they are open now or not. */
export function images(sketch: Sketch): string[] {
  const names = sketch.steps.flatMap(({ action }) =>
    action.verb === 'open' && action.driver === 'format' ? [action.node] : [],
  );
  return [...new Set(names)];
}

export function closedImages(sketch: Sketch): string[] {
  return images(sketch).filter((name) => sketch.node(name) === undefined);
}

/** Of these, those whose file no node has open under another name. */
export function freeImages(sketch: Sketch): string[] {
  const used = new Set(sketch.run.machine.graph.nodes.map(({ filename }) => filename));
  return closedImages(sketch).filter((name) => !used.has(`${DIRECTORY}/${name}.img`));
}

/** Opens again what was there, mostly writable. */
export function reopenAll(sketch: Sketch): void {
  for (const node of closedImages(sketch)) {
    if (sketch.draw.chance(0.1)) continue;
    sketch.play(openExisting(node, { readOnly: sketch.draw.chance(0.12) }));
  }
}

export function playRestart(sketch: Sketch, how: 'restart' | 'kill'): void {
  if (sketch.run.jobs.length > 0) return;
  const isKill = how === 'kill' && flushAll(sketch);
  // What was added long ago has been stored by some good end, mostly.
  if (isKill && sketch.draw.chance(0.5)) {
    const { args } = drawAdd(sketch);
    playCommand(sketch, { verb: 'add', args: members({ ...args, persistent: true }) });
  }
  const there = namesThere(sketch);
  sketch.play({ verb: isKill ? 'kill' : 'restart' });
  if (sketch.draw.chance(0.25)) playTool(sketch);
  reopenAll(sketch);
  if (isKill) addLost(sketch, there);
  for (const node of [...sketch.disks]) if (bitmapsOf(node).length > 0) sketch.observe(node.name);
}

interface BitmapPlace {
  readonly node: string;
  readonly name: string;
}

function namesThere(sketch: Sketch): BitmapPlace[] {
  return sketch.disks.flatMap((node) => bitmapsOf(node).map(({ name }) => ({ node: node.name, name })));
}

/** Bitmaps that a crash took, for nobody had stored them, are added again, now and then: their names are free. */
function addLost(sketch: Sketch, before: readonly BitmapPlace[]): void {
  const { draw } = sketch;
  for (const { node, name } of before) {
    const found = sketch.node(node);
    const isLost = found !== undefined && found.bitmap(name) === undefined;
    if (!isLost || !draw.chance(0.5)) continue;
    const persistent = draw.pick([true, true, undefined]);
    const args = members({ node, name, granularity: granularity(draw, found.size), persistent });
    playCommand(sketch, { verb: 'add', args });
  }
}

/** What was not flushed may be lost in a crash. Returns whether nothing would be. */
function flushAll(sketch: Sketch): boolean {
  for (const node of unflushed(sketch.steps)) {
    if (sketch.node(node) === undefined) sketch.play(openExisting(node));
    if (sketch.node(node) !== undefined) sketch.io(node, { op: 'flush' });
  }
  return unflushed(sketch.steps).size === 0;
}

/** A tool on an image that nobody has open. */
export function playTool(sketch: Sketch): void {
  const { draw } = sketch;
  const image = draw.any(closedImages(sketch));
  if (image === undefined) return;
  const file = `${image}.img`;
  const format = ['-f', '{format}'];
  // After a crash QBM has something to repair where qcow2 has not.
  const isCrashed = sketch.steps.some(({ action }) => action.verb === 'kill');
  if (!isCrashed && draw.chance(0.3)) sketch.play(imgAction('check', ...format, file));
  else if (sketch.format === 'overlay') {
    const verb = draw.pick(['--add', '--remove', '--clear', '--enable', '--disable']);
    sketch.play(imgAction('bitmap', verb, ...format, file, draw.pick(['b0', 'b1', 'b2', 'b3'])));
  }
}

function playClose(sketch: Sketch): void {
  const node = sketch.draw.any(sketch.disks);
  if (node === undefined) return;
  const answer = sketch.qmp('blockdev-del', { 'node-name': node.name });
  if (answer?.ok !== true || !images(sketch).includes(node.name)) return;
  if (sketch.draw.chance(0.3)) playTool(sketch);
  if (sketch.draw.chance(0.8)) sketch.play(openExisting(node.name, { readOnly: sketch.draw.chance(0.2) }));
}

function playSwitch(sketch: Sketch): void {
  const { draw } = sketch;
  const node = draw.any(sketch.disks.filter(({ driver }) => driver.name === sketch.run.model.formatDriver));
  if (node === undefined) return;
  const backing: Json | undefined =
    node.driver.backing === undefined ? undefined : (shown(sketch, node.backing) ?? null);
  const options = members({
    driver: '{format}',
    'node-name': node.name,
    file: `${node.name}-file`,
    'read-only': draw.chance(BROKEN) ? undefined : !node.readOnly,
    discard: 'unmap',
    backing,
  });
  sketch.qmp('blockdev-reopen', { options: [options] });
}

export const PERSISTENCE_MOVES: readonly Move[] = [
  { name: 'restart', weight: 1, make: (sketch) => playRestart(sketch, 'restart') },
  { name: 'kill', weight: 1, make: (sketch) => playRestart(sketch, 'kill') },
  { name: 'close', weight: 2, make: playClose },
  { name: 'read-only or not', weight: 1.5, make: playSwitch },
  { name: 'open again', weight: 1, make: reopenAll },
];

/** Guests of disks that are mirrored, or could be. */
import { Node } from '../../../../spec/block/node.js';
import type { Job } from '../../../../spec/job/job.js';
import { openAction } from '../../draw/actions.js';
import type { Sketch } from '../../draw/sketch.js';
import { drawChange } from '../guest.js';

/** How often what is written goes to the target, and so its progress, is luck. */
export const LUCK = ['len', 'offset'];

/** Disks that are mirrored, or could be. */
export function sources(sketch: Sketch): readonly Node[] {
  return sketch.disks.filter(({ name }) => name.startsWith('disk'));
}

/** A disk with something on it, over a base if its format has one; none if that has gone. */
export function openDisk(sketch: Sketch, size: number): Node | undefined {
  const name = sketch.fresh('disk');
  sketch.play(openAction(name, size, sketch.format === 'overlay' ? { backing: 'base' } : {}));
  const node = sketch.node(name);
  if (node !== undefined) playWrite(sketch, node);
  return node;
}

/** The node through which guests of a disk write: the filter above it, if there is one. */
export function guestOf(node: Node): Node {
  const above = node.parents.map(({ parent }) => parent);
  const filter = above.find((one): one is Node => one instanceof Node && one.driver.name === 'mirror_top');
  return filter ?? node;
}

/** The job that has this node as its filter. */
function jobOf(sketch: Sketch, filter: Node): Job | undefined {
  const ids = filter.parents.map(({ parent }) => (parent instanceof Node ? undefined : parent.jobId));
  return sketch.run.jobs.find(({ id }) => ids.includes(id));
}

/** A request of a guest of any disk. */
export function playGuest(sketch: Sketch): void {
  const source = sketch.draw.any(sources(sketch));
  if (source === undefined) return;
  const guest = guestOf(source);
  // From the end of its work to its own end a mirror of QEMU answers no request.
  if (guest !== source && jobOf(sketch, guest)?.isOver === true) return;
  playWrite(sketch, guest);
  rest(sketch); // a job that cannot copy it ends, or stands still
}

/** What a discard leaves of an overlay is for its format to choose; a filter lets none through. */
export function playWrite(sketch: Sketch, node: Node): void {
  const request = drawChange(sketch, node);
  const isOpen = request.op === 'discard' && sketch.format === 'overlay' && node.driver.name !== 'mirror_top';
  if (!isOpen) sketch.io(node.name, request);
}

/** What was written last may be copied in any number of pieces. */
export function rest(sketch: Sketch): void {
  sketch.rest(LUCK);
}

/** What users ask of jobs while they wait; it is left out where the answer is luck. */
export function askHowFar(sketch: Sketch, chance: number): void {
  const { draw } = sketch;
  if (draw.chance(chance)) sketch.qmp(draw.pick(['query-jobs', 'query-block-jobs']));
}

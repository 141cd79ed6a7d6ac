/** Whether an image that is to be written is one that another node of this machine keeps for itself. MIRROR.md, JOB-076. */
import { uses } from '../../block/change.js';
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import { permissionsOf, WRITE } from '../../block/permissions.js';
import type { Machine } from '../machine.js';

/** @throws BlockError REF-E-LOCKED */
export function checkNotInUse({ graph, storage }: Machine, image: Node): void {
  const files = graph.nodes.filter(({ driver }) => driver.name === 'file');
  const own = filesOf(image).map(({ filename }) => storage.identity(filename));
  for (const node of files) {
    if (uses(image, node) || !own.includes(storage.identity(node.filename))) continue;
    if ((permissionsOf(node).shares & WRITE) === 0)
      throw new BlockError('REF-E-LOCKED', { permission: 'write' });
  }
}

/** The files that make the image. What is below it is only read. */
function filesOf(image: Node): Node[] {
  if (image.driver.name === 'file') return [image];
  return image.children.filter(({ role }) => role !== 'backing').flatMap(({ child }) => filesOf(child));
}

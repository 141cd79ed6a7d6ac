/** The backing file that an image names, opened later than the image. spec/job/mirror/MIRROR.md, JOB-074. */
import type { Node } from '../../block/node.js';
import { JobError } from '../../job/errors.js';
import { Refusal } from '../../refusal.js';
import { reasonOf } from '../../storage/reason.js';
import { StorageError } from '../../storage/storage.js';
import type { Machine } from '../machine.js';
import { openNode } from '../open/open.js';

/** Nothing happens if the image names none. @throws JobError JOB-E-MIRROR-BACKING */
export function openStoredBacking(machine: Machine, image: Node): void {
  const stored = image.driver.backing?.stored ?? null;
  if (stored === null) return;
  const { graph } = machine;
  const file = { driver: 'file', filename: stored.full } as const;
  const driver = stored.format === 'qbm' ? ('qbm' as const) : ('raw' as const);
  try {
    const below = openNode(machine, { driver, file }, { node: image, role: 'backing', hasLooked: false });
    try {
      graph.change((change) => change.adopt(image, below, 'backing', 'backing'));
    } catch (refusal) {
      graph.release(below);
      throw refusal;
    }
  } catch (refusal) {
    if (refusal instanceof StorageError)
      throw new JobError('JOB-E-MIRROR-BACKING', { reason: reasonOf(refusal.errno) });
    if (!(refusal instanceof Refusal)) throw refusal;
    const { reason = 'Invalid argument' } = refusal.args;
    throw new JobError('JOB-E-MIRROR-BACKING', { reason });
  }
}

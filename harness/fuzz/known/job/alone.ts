/** A known trigger of backups: an overlay comes over what they copy, and their filters are all that holds it. */
import { Node } from '../../../../spec/block/node.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Action } from '../../../case/case.js';
import { commandsOf } from '../../commands.js';
import type { ModelRun } from '../../draw/model-run.js';
import { overlaid } from '../step/overlay.js';

/**
 * Whether an overlay that the monitor does not hold comes over the source of a backup, which may be begun by the same step, and
 * nobody else uses that source.
 */
export function leavesOverlayToBackup(run: ModelRun, action: Action): boolean {
  const begun = new Set<Node>();
  for (const { name, args } of commandsOf(action)) {
    if (/^(blockdev|drive)-backup$/.test(name)) {
      const source = run.machine.graph.findAny(String(args.device));
      if (source !== undefined) begun.add(source);
    }
    const node = name === 'blockdev-snapshot-sync' ? overlaid(run, name, args) : undefined;
    if (node !== undefined && isAlone(run, node, begun.has(node))) return true;
  }
  return false;
}

/** Whether a node has a filter above it, or will have, and nobody uses the uppermost of its filters but its job. */
function isAlone(run: ModelRun, node: Node, isBegun: boolean): boolean {
  // A job goes on using the node itself, whatever comes over that.
  const users = node.parents
    .map(({ parent }) => parent)
    .filter((user) => user instanceof Node || user.kind !== 'job');
  if (users.length === 0) return isBegun;
  return users.every((user) => user instanceof Node && isFilter(run, user) && isAlone(run, user, true));
}

function isFilter({ jobs }: ModelRun, node: Node): boolean {
  return jobs.some(
    (job) =>
      job instanceof BlockJob &&
      job.driver.type === 'backup' &&
      node.driver.name === 'copy-before-write' &&
      job.uses.some(({ child }) => child === node),
  );
}

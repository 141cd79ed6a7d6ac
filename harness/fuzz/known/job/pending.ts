/** Known triggers of mirrors that wait to be finalized: who comes then is not kept from their sources. */
import { uses } from '../../../../spec/block/change.js';
import type { Node } from '../../../../spec/block/node.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import { MirrorDriver } from '../../../../spec/job/mirror/mirror.js';
import type { Action } from '../../../case/case.js';
import { commandsOf } from '../../commands.js';
import type { ModelRun } from '../../draw/model-run.js';
import { STARTS_JOB } from '../together.js';

/** The nodes from which mirrors, and active commits, keep requests until they are finalized: with all that stands on them. */
function sourcesOfPending({ jobs }: ModelRun): readonly Node[] {
  return jobs.flatMap((job) => {
    const isPending = job.driver instanceof MirrorDriver && /^(waiting|pending)$/.test(job.status);
    if (!isPending || !(job instanceof BlockJob)) return [];
    return job.uses.filter(({ name }) => name === 'source').map(({ child }) => child);
  });
}

/** Whether a guest or a job comes to such a source, or to a node that stands on one. */
export function comesToPending(run: ModelRun, action: Action): boolean {
  const sources = sourcesOfPending(run);
  if (sources.length === 0) return false;
  return comingTo(run, action).some((node) => sources.some((source) => uses(node, source)));
}

function comingTo({ machine: { graph, exports } }: ModelRun, action: Action): readonly Node[] {
  if (action.verb === 'nbd') return exports.all.map(({ edge }) => edge.child);
  const names: unknown[] = action.verb === 'io' ? [action.node] : [];
  for (const { name, args } of commandsOf(action))
    if (STARTS_JOB.test(name)) names.push(...Object.values(args));
  return names.flatMap((name) => (typeof name === 'string' ? (graph.findAny(name) ?? []) : []));
}

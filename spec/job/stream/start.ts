/** Starts a stream: the image can be written, then comes the filter, then the job, then what the job uses. STREAM.md, JOB-103. */
import { freeze } from '../../block/chain/frozen.js';
import { setReadOnly } from '../../block/chain/reopen.js';
import { chainFrom, linkBelow, overlayOf } from '../../block/chain/walk.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';
import { ALL, CONSISTENT_READ, WRITE, WRITE_UNCHANGED } from '../../block/permissions.js';
import type { BlockJob, NewChainJob } from '../block-job.js';
import { JobError } from '../errors.js';
import type { Jobs } from '../jobs.js';
import { insertStreamFilter, removeStreamFilter } from './filter.js';
import { baseOf, nextBacking, StreamDriver, type StreamPlan } from './stream.js';

export interface NewStream extends NewChainJob {
  readonly top: Node;
  /** what `top` is to stand on, a node of its chain or null for nothing; or the lowest image that is streamed */
  readonly until: { readonly base: Node | null } | { readonly bottom: Node };
}

/** The job runs when this returns. @throws Refusal; then all is as before, but for the events of a job that was there */
export function startStream(graph: Graph, jobs: Jobs, asked: NewStream): BlockJob {
  const { top } = asked;
  const plan = planOf(asked);
  nextBacking(plan); // what cannot be stored is not begun
  if (plan.wasReadOnly) makeWritable(graph, plan);
  try {
    const filter = insertStreamFilter(graph, top, plan.bottom, asked.filterName);
    try {
      const job = createJob(graph, jobs, { asked, plan, filter });
      job.start();
      return job;
    } catch (refusal) {
      removeStreamFilter(graph, filter);
      throw refusal;
    }
  } catch (refusal) {
    if (plan.wasReadOnly) setReadOnly(graph, top, true);
    throw refusal;
  }
}

/** @throws JobError JOB-E-STREAM-CHAIN */
function planOf({ top, until, backingFile, onError }: NewStream): StreamPlan {
  const rest = { top, backingFile, onError, wasReadOnly: top.readOnly };
  if ('bottom' in until) return { ...rest, bottom: until.bottom, filters: new Set() };
  const { base } = until;
  const bottom = overlayOf(top, base);
  if (bottom === null) throw new JobError('JOB-E-STREAM-CHAIN', { base: base!.name, top: top.name });
  const filters = bottom.backing === null ? [] : chainFrom(bottom.backing, base);
  return { ...rest, bottom, filters: new Set(filters) };
}

/** JOB-103: nobody may have frozen what is streamed. @throws BlockError */
function makeWritable(graph: Graph, { top, bottom, filters }: StreamPlan): void {
  const lowest = [...filters].at(-1) ?? bottom;
  const thaw = top === lowest ? () => {} : freeze(linkBelow(top)!, lowest);
  try {
    setReadOnly(graph, top, false);
  } finally {
    thaw();
  }
}

interface Parts {
  readonly asked: NewStream;
  readonly plan: StreamPlan;
  readonly filter: Node;
}

function createJob(graph: Graph, jobs: Jobs, { asked, plan, filter }: Parts): BlockJob {
  const { top } = plan;
  const job = jobs.createBlockJob(new StreamDriver(graph, plan, filter), {
    id: asked.id ?? filter.deviceName ?? '',
    autoFinalize: asked.autoFinalize,
    autoDismiss: asked.autoDismiss,
  });
  const kept = CONSISTENT_READ | WRITE_UNCHANGED;
  try {
    job.use(filter, 'main node', { needs: 0, shares: ALL });
    job.setSpeed(asked.speed);
    job.useAsBackend(filter, { needs: CONSISTENT_READ, shares: kept | WRITE });
    job.use(top, 'active node', { needs: 0, shares: kept | WRITE });
    for (const node of chainFrom(top, baseOf(plan)))
      if (node !== top) job.use(node, 'intermediate node', { needs: 0, shares: kept });
    return job;
  } catch (refusal) {
    job.discard(); // JOB-048
    throw refusal;
  }
}

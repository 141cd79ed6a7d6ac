/** Starts a commit of images that are not the top of their chain: the job comes first, then the filter. COMMIT.md, JOB-113. */
import { makeFilter, moveUsers } from '../../block/chain/filter.js';
import { freeze } from '../../block/chain/frozen.js';
import { setReadOnly } from '../../block/chain/reopen.js';
import { chainFrom, imageOf, linkBelow } from '../../block/chain/walk.js';
import { CommitTopDriver } from '../../block/drivers/commit-top.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';
import { ALL, CONSISTENT_READ, RESIZE, WRITE, WRITE_UNCHANGED } from '../../block/permissions.js';
import type { BlockJob, NewChainJob } from '../block-job.js';
import { JobError } from '../errors.js';
import type { Jobs } from '../jobs.js';
import { CommitDriver, type CommitPlan } from './commit.js';
import { nextBacking, overlaysOn, removeCommitFilter } from './ending.js';

export interface NewCommit extends NewChainJob {
  /** the top of the chain */
  readonly device: Node;
  readonly top: Node;
  readonly base: Node;
}

/** The job runs when this returns. @throws Refusal; then all is as before, but for the events of a job that was there */
export function startCommit(graph: Graph, jobs: Jobs, asked: NewCommit): BlockJob {
  const { device, top, base, backingFile, onError } = asked;
  if (imageOf(top) === imageOf(base)) throw new JobError('JOB-E-COMMIT-SAME');
  const plan: CommitPlan = { top, base, backingFile, onError, wasReadOnly: base.readOnly };
  for (const overlay of overlaysOn(top)) nextBacking(overlay, plan); // what cannot be stored is not begun
  const driver = new CommitDriver(graph, plan);
  const job = jobs.createBlockJob(driver, {
    id: asked.id ?? device.deviceName ?? '',
    autoFinalize: asked.autoFinalize,
    autoDismiss: asked.autoDismiss,
  });
  try {
    job.use(device, 'main node', { needs: 0, shares: ALL });
    job.setSpeed(asked.speed);
    if (plan.wasReadOnly) setReadOnly(graph, base, false);
    try {
      takeChain(graph, { job, driver, plan, filterName: asked.filterName });
    } catch (refusal) {
      if (plan.wasReadOnly) setReadOnly(graph, base, true);
      throw refusal;
    }
  } catch (refusal) {
    job.discard(); // JOB-048
    throw refusal;
  }
  job.start();
  return job;
}

interface Parts {
  readonly job: BlockJob;
  readonly driver: CommitDriver;
  readonly plan: CommitPlan;
  readonly filterName: string | null;
}

/** JOB-113 @throws BlockError; nothing of it is left then but uses of the job, which is to be discarded */
function takeChain(graph: Graph, { job, driver, plan, filterName }: Parts): void {
  const { top, base } = plan;
  const filter = insertFilter(graph, top, filterName);
  let thaw = (): void => {};
  try {
    let shares = WRITE_UNCHANGED | WRITE;
    for (const node of chainFrom(top, base)) {
      // From here on there are only filters on the base.
      if (imageOf(node) === imageOf(base)) shares |= CONSISTENT_READ;
      job.use(node, 'intermediate node', { needs: 0, shares });
    }
    thaw = freeze(linkBelow(filter)!, base);
    job.use(base, 'base', { needs: 0, shares: ALL });
    const needs = CONSISTENT_READ | WRITE | (base.size < top.size ? RESIZE : 0);
    job.useAsBackend(base, { needs, shares: CONSISTENT_READ | WRITE_UNCHANGED });
    job.useAsBackend(top, { needs: 0, shares: ALL });
    driver.filterIs(filter, thaw);
  } catch (refusal) {
    thaw();
    job.letGo();
    removeCommitFilter(graph, filter);
    throw refusal;
  }
}

function insertFilter(graph: Graph, top: Node, name: string | null): Node {
  const filter = makeFilter(graph, top, {
    name,
    readOnly: true,
    link: 'backing',
    open: (file) => new CommitTopDriver(file),
  });
  filter.neverFrozen = true;
  try {
    graph.change((change) => moveUsers(change, top, filter));
    return filter;
  } catch (refusal) {
    removeCommitFilter(graph, filter);
    throw refusal;
  }
}

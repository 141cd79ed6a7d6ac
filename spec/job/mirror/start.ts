/**
 * Starts a mirror of one node to another, or into its own chain (an active commit): the filter comes, then the job, then
 * what the job uses. MIRROR.md, JOB-061 to JOB-063.
 */
import { defaultGranularity } from '../../bitmap/granularity.js';
import { below, hasInChain, imageOf } from '../../block/chain/walk.js';
import type { Graph } from '../../block/graph.js';
import type { Node } from '../../block/node.js';
import { ALL, CONSISTENT_READ, RESIZE, WRITE, WRITE_UNCHANGED } from '../../block/permissions.js';
import type { BlockJob, ErrorPolicy, NewFilterJob } from '../block-job.js';
import { JobError } from '../errors.js';
import type { Jobs } from '../jobs.js';
import type { Ending } from './ending.js';
import { insertMirrorFilter, type MirrorFilter } from './filter.js';
import { MirrorDriver, type MirrorOptions } from './mirror.js';

export interface NewMirror extends NewFilterJob {
  readonly type: MirrorOptions['type'];
  readonly source: Node;
  /** may be below the source, which makes it an active commit: then nothing else can be read or written between the two */
  readonly target: Node;
  readonly initial: MirrorOptions['initial'];
  readonly zeroTarget: boolean;
  readonly copyMode: MirrorOptions['copyMode'];
  /** bytes, a power of two; absent: the default of the target's bitmaps */
  readonly granularity: number | undefined;
  /** bytes; 0 for the default */
  readonly bufferSize: number;
  readonly onSourceError: ErrorPolicy;
  readonly onTargetError: ErrorPolicy;
  readonly ending: Ending;
}

/** The job runs when this returns. @throws Refusal; then all is as before, but for the events of a job that was there */
export function startMirror(graph: Graph, jobs: Jobs, asked: NewMirror): BlockJob {
  const { source, target, bufferSize, copyMode } = asked;
  const granularity = asked.granularity ?? defaultGranularity(target.driver.clusterSize);
  // JOB-061
  if (bufferSize < 0) throw new JobError('JOB-E-MIRROR-BUFFER');
  if (imageOf(source) === imageOf(target)) throw new JobError('JOB-E-MIRROR-SELF');
  const intoChain = hasInChain(source, target);
  const filter = insertMirrorFilter(graph, source, {
    name: asked.filterName,
    granularity,
    marks: copyMode === 'background',
    intoChain,
  });
  try {
    const job = createJob(graph, jobs, { asked, filter, granularity, intoChain });
    job.start();
    return job;
  } catch (refusal) {
    filter.stop();
    filter.remove();
    throw refusal;
  }
}

interface Parts {
  readonly asked: NewMirror;
  readonly filter: MirrorFilter;
  readonly granularity: number;
  readonly intoChain: boolean;
}

function createJob(graph: Graph, jobs: Jobs, { asked, filter, granularity, intoChain }: Parts): BlockJob {
  const { source, target, id, autoFinalize, autoDismiss, speed } = asked;
  const needsSize = intoChain && target.size < source.size;
  const driver = new MirrorDriver({
    ...asked,
    graph,
    filter,
    granularity,
    growTarget: intoChain,
  });
  const job = jobs.createBlockJob(driver, {
    id: id ?? filter.node.deviceName ?? '',
    autoFinalize,
    autoDismiss,
  });
  try {
    // JOB-062
    job.use(filter.node, 'main node', {
      needs: CONSISTENT_READ,
      shares: CONSISTENT_READ | WRITE_UNCHANGED | WRITE,
    });
    job.setSpeed(speed);
    if (!intoChain && hasInChain(source, imageOf(target))) throw new JobError('JOB-E-MIRROR-CHAIN-FILTER');
    job.useAsBackend(target, {
      needs: needsSize ? WRITE | RESIZE : WRITE,
      shares: WRITE_UNCHANGED | (intoChain ? CONSISTENT_READ | WRITE : 0),
    });
    job.use(source, 'source', { needs: 0, shares: WRITE_UNCHANGED | WRITE | CONSISTENT_READ });
    job.use(target, 'target', { needs: 0, shares: ALL });
    if (intoChain) {
      useBetween(job, source, target);
      filter.freeze(target);
    }
    return job;
  } catch (refusal) {
    job.discard(); // JOB-048
    throw refusal;
  }
}

/** What is between the source and its base will be gone: nobody else begins anything there. */
function useBetween(job: BlockJob, source: Node, target: Node): void {
  let shares = WRITE_UNCHANGED | WRITE;
  for (let node = below(source); node !== target && node !== null; node = below(node)) {
    // From here on there are only filters on the target.
    if (imageOf(node) === imageOf(target)) shares |= CONSISTENT_READ;
    job.use(node, 'intermediate node', { needs: 0, shares });
  }
}

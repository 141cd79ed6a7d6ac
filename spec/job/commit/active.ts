/**
 * Commits what guests write to: a mirror into the chain itself, at whose end they are on the base. COMMIT.md, JOB-120 to JOB-122.
 */

import { setReadOnly } from '../../block/chain/reopen.js';
import type { Graph } from '../../block/graph.js';
import type { BlockJob } from '../block-job.js';
import type { Jobs } from '../jobs.js';
import { startMirror } from '../mirror/start.js';
import type { NewCommit } from './start.js';

/** The job runs when this returns. @throws Refusal; then all is as before, but for the events of a job that was there */
export function startActiveCommit(
  graph: Graph,
  jobs: Jobs,
  { id, device, top, base, onError, ...rest }: Omit<NewCommit, 'backingFile'>,
): BlockJob {
  const wasReadOnly = base.readOnly;
  if (wasReadOnly) setReadOnly(graph, base, false);
  try {
    return startMirror(graph, jobs, {
      ...rest,
      type: 'commit',
      id: id ?? device.deviceName ?? '',
      source: top,
      target: base,
      initial: { base },
      zeroTarget: false,
      copyMode: 'background',
      granularity: undefined,
      bufferSize: 0,
      onSourceError: onError,
      onTargetError: onError,
      ending: { backing: 'as it is', replaces: null },
    });
  } catch (refusal) {
    if (wasReadOnly) setReadOnly(graph, base, true);
    throw refusal;
  }
}

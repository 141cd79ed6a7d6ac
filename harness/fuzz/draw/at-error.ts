/** Backups that are ended where they stand at an error: how far they still copy may depend on what QEMU has in its caches. */
import type { BlockCopy } from '../../../spec/block/copy/block-copy.js';
import type { Node } from '../../../spec/block/node.js';
import { statusInChain } from '../../../spec/block/status.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Action } from '../../case/case.js';
import { asked } from './asked.js';
import type { ModelRun } from './model-run.js';

/**
 * Zeros that go into an image are written without waiting, if the table for them is in QEMU's cache: then everything up to the first cluster
 * of data is copied, with the one after that (JOB-047), and not two clusters.
 */
export function endsBeforeZeros(run: ModelRun, action: Action): boolean {
  if (run.format !== 'overlay' || run.jobs.length === 0) return false;
  const ending = endedBy(run, action);
  return run.jobs.some((job) => {
    if (!(job instanceof BlockJob) || job.driver.type !== 'backup' || job.ioStatus === 'ok') return false;
    if (!ending.has(job.txn)) return false;
    return run.machine.graph.nodes.some((node) => isFilterOf(job, node) && standsAtZeros(node));
  });
}

/** The groups of jobs that are cancelled: one that is named ends all others of its group. */
function endedBy({ jobs }: ModelRun, action: Action): ReadonlySet<unknown> {
  const isRestart = action.verb === 'restart';
  const isCancel = action.verb === 'qmp' && /^(block-)?job-cancel$/.test(action.command);
  if (!isRestart && !isCancel) return new Set();
  const named = isCancel ? (action.arguments?.id ?? action.arguments?.device) : null;
  return new Set(jobs.filter(({ id }) => isRestart || id === named).map(({ txn }) => txn));
}

function isFilterOf({ uses }: BlockJob, node: Node): boolean {
  return !node.monitorOwned && uses.some(({ child }) => child === node || child === node.edge('file')?.child);
}

function standsAtZeros(filter: Node): boolean {
  const { copying } = filter.driver as { readonly copying?: BlockCopy };
  const source = filter.edge('file')?.child;
  const next = copying?.next() ?? null;
  if (next === null || source === undefined) return false;
  return asked(() => statusInChain(source, next.offset, next.length).isZero) !== false;
}

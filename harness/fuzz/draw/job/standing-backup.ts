/** Backups that wait for their user because they could not read their source. */
import type { BlockCopy } from '../../../../spec/block/copy/block-copy.js';
import type { Node } from '../../../../spec/block/node.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Job } from '../../../../spec/job/job.js';
import { canFailToRead } from '../faults.js';

/** The filter of such a backup; null: it is none. */
export function standsAtSource(job: Job): Node | null {
  if (!(job instanceof BlockJob) || job.driver.type !== 'backup' || job.ioStatus === 'ok') return null;
  const filter = job.uses.find(({ name }) => name === 'main node')?.child;
  const source = filter?.edge('file')?.child;
  return filter !== undefined && source !== undefined && canFailToRead(source) ? filter : null;
}

/** What a filter copies, and has yet to copy. */
export function copyingOf({ driver }: Node): BlockCopy | undefined {
  return (driver as { readonly copying?: BlockCopy }).copying;
}

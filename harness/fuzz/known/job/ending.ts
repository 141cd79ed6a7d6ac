/** Known triggers of jobs that end: filters, and images of a chain, that no command has named go with them. */

import type { DirtyBitmap } from '../../../../spec/bitmap/dirty-bitmap.js';
import type { Node } from '../../../../spec/block/node.js';
import { BlockJob } from '../../../../spec/job/block-job.js';
import type { Action } from '../../../case/case.js';
import { commandsOf } from '../../commands.js';
import type { ModelRun } from '../../draw/model-run.js';

/** Verbs by which a job may come to its end: that of a limited one may be near when its speed is set. */
const ENDS = /^(block-)?job-(cancel|complete|finalize|dismiss|resume|set-speed)$/;

const FILTERS = /^(mirror_top|commit_top|copy-before-write|copy-on-read)$/;

/** The jobs that a step may bring to their end: the one that it names, with its group. */
export function endingBy({ jobs }: ModelRun, action: Action): readonly BlockJob[] {
  const named = new Set<unknown>();
  for (const { name, args } of commandsOf(action)) if (ENDS.test(name)) named.add(args.id ?? args.device);
  const groups = new Set(jobs.filter(({ id }) => named.has(id)).map(({ txn }) => txn));
  return jobs.filter((job) => job instanceof BlockJob && groups.has(job.txn)) as BlockJob[];
}

/** The nodes that may go with the jobs that end by this. */
function goingBy(run: ModelRun, action: Action): ReadonlySet<Node> {
  const ending = endingBy(run, action);
  const going = new Set<Node>();
  if (ending.length === 0) return going;
  for (const { driver, uses } of ending) {
    const used = new Set(uses.map(({ child }) => child));
    for (const node of run.machine.graph.nodes) {
      if (node.monitorOwned) continue;
      const isFilter = FILTERS.test(node.driver.name) && node.children.some(({ child }) => used.has(child));
      // A backup takes nothing out of a chain but its filter.
      if (isFilter || (used.has(node) && driver.type !== 'backup')) going.add(node);
    }
  }
  return going;
}

/** Whether a bitmap that somebody uses, and that is no frozen one of a job, is on a node that goes. */
export function endsUnderBitmap(run: ModelRun, action: Action): boolean {
  return [...goingBy(run, action)].some(({ bitmaps }) =>
    bitmaps.some(({ busy, successor }) => busy && successor === null),
  );
}

/** Whether a `copy-before-write` that stays has on a node that goes what it still has to copy. */
export function endsUnderCopy(run: ModelRun, action: Action): boolean {
  const going = goingBy(run, action);
  if (going.size === 0) return false;
  return run.machine.graph.nodes.some((node) => {
    const bitmap = going.has(node) ? undefined : toCopyOf(node);
    return bitmap !== undefined && [...going].some(({ bitmaps }) => bitmaps.includes(bitmap));
  });
}

function toCopyOf({ driver }: Node): DirtyBitmap | undefined {
  return (driver as { readonly copying?: { readonly toCopy: DirtyBitmap } }).copying?.toCopy;
}

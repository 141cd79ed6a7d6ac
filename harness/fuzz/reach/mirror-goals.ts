/** Goals about mirrors. */
import { isAllocatedAbove } from '../../../spec/block/status.js';
import { MirrorDriver } from '../../../spec/job/mirror/mirror.js';
import { asksFor } from '../commands.js';
import { asked } from '../draw/asked.js';
import { canFailToRead } from '../draw/faults.js';
import type { ModelRun } from '../draw/model-run.js';
import { standingMirrors } from '../moves/mirror/standing.js';
import { goal } from './job-goals.js';
import type { Goal } from './reach.js';

export const MIRROR_GOALS: readonly Goal[] = [
  goal('a mirror is ready and paused', (run) => run.jobs.some(({ status }) => status === 'standby')),
  goal('a mirror is pending', (run) => run.jobs.some(({ status }) => status === 'pending')),
  goal('a write beside a mirror that is ready', (run, { verb }) => {
    return verb === 'io' && run.jobs.some(({ status }) => status === 'ready');
  }),
  goal('a mirror is completed', (_, action, answer) => {
    return answer.ok && action.verb === 'qmp' && action.command === 'job-complete';
  }),
  goal('a guest writes part of what a mirror that writes to both has yet to copy', (run, action) => {
    if (action.verb !== 'io' || action.request.op !== 'write') return false;
    const { offset, length } = action.request;
    const end = offset + length;
    return standingMirrors(run).some(({ toCopy }) => {
      if (toCopy.enabled || length === 0 || end > toCopy.size) return false;
      const isPart = offset % toCopy.granularity !== 0 || end % toCopy.granularity !== 0;
      return isPart && toCopy.nextDirty(offset, end) >= 0;
    });
  }),
  goal('a mirror that is paused is completed', (run, action, answer) => {
    return answer.ok && asksFor(action, (name) => /^(block-)?job-complete$/.test(name)) && isAnyPaused(run);
  }),
  goal('what nobody in a chain has anything of is mirrored to a target that has', (run, action, answer) => {
    if (!answer.ok || action.verb !== 'qmp' || action.command !== 'blockdev-mirror') return false;
    const { device, target, sync } = action.arguments ?? {};
    return sync === 'full' && asked(() => hasWhatOtherLacks(run, String(target), String(device))) === true;
  }),
  goal('a mirror stands still because of its target', (run) =>
    run.jobs.some(({ status, isUserPaused }) => status === 'paused' && isUserPaused),
  ),
  goal(
    'a guest writes beside a mirror that stands still because it could not read its source',
    (run, action) => {
      if (action.verb !== 'io' || !/^(write|zero)$/.test(action.request.op)) return false;
      return standingMirrors(run).some(({ source }) => canFailToRead(source));
    },
  ),
];

function isAnyPaused({ jobs }: ModelRun): boolean {
  return jobs.some(({ status, driver }) => {
    return status === 'standby' && driver instanceof MirrorDriver && driver.isCompleting;
  });
}

/** Whether the chain of a node has stored something at a place where that of another one has not. */
function hasWhatOtherLacks({ machine: { graph } }: ModelRun, name: string, other: string): boolean {
  const [node, lacking] = [graph.find(name), graph.find(other)];
  if (node === undefined || lacking === undefined) return false;
  const size = Math.min(node.size, lacking.size);
  for (let at = 0; at < size; ) {
    const here = isAllocatedAbove(node, null, at, size - at);
    const there = isAllocatedAbove(lacking, null, at, size - at);
    if (here.isAllocated && !there.isAllocated) return true;
    at += Math.min(here.length, there.length);
  }
  return false;
}

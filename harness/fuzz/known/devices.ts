/** Devices that go with a drive whose node is held by nobody then but a backup that waits to be finalized: its end ends QEMU. */
import type { Device } from '../../../spec/block/device/device.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';

export function leavesBackup(run: ModelRun, action: Action): boolean {
  return goingBy(run, action).some((device) => isBackedUp(run, device));
}

/** Devices that the command lets go, with those on their bus. */
function goingBy({ machine: { devices } }: ModelRun, action: Action): readonly Device[] {
  if (action.verb !== 'qmp') return [];
  const { command, arguments: args = {} } = action;
  const named = command === 'device_del' ? devices.find(String(args.id)) : undefined;
  if (named?.controller != null) return [named];
  const leaving = devices.all.filter(({ isLeaving }) => command === 'system_reset' && isLeaving);
  return leaving.flatMap((device) => [device, ...device.children]);
}

function isBackedUp({ jobs }: ModelRun, { backend }: Device): boolean {
  const node = backend?.deviceName === undefined ? null : backend.node;
  return jobs.some(
    (job) =>
      job instanceof BlockJob &&
      job.driver.type === 'backup' &&
      /^(waiting|pending)$/.test(job.status) &&
      job.uses.some(({ child }) => child === node),
  );
}

/** Known triggers that are about drives, devices and their media. */

import { uses } from '../../../spec/block/change.js';
import type { Backend } from '../../../spec/block/device/backend.js';
import type { Device } from '../../../spec/block/device/device.js';
import { BlockJob } from '../../../spec/job/block-job.js';
import type { Action } from '../../case/case.js';
import type { ModelRun } from '../draw/model-run.js';
import { QEMU, QEMU_10 } from './programs.js';
import type { Trigger } from './trigger.js';

/** A device goes with a drive whose node is held by nobody then but a backup that waits to be finalized: its end ends QEMU. */
function leavesBackup(run: ModelRun, action: Action): boolean {
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

/** A disk comes, and reads its first sector, through a node from which a mirror keeps requests that waits to be finalized. */
function comesToPendingMirror({ machine: { devices, graph }, jobs }: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || action.command !== 'device_add') return false;
  const { driver, drive } = action.arguments ?? {};
  const name = String(drive);
  const node = (devices.findDrive(name) ?? { node: graph.find(name) }).node ?? undefined;
  if (node === undefined || driver === 'scsi-cd') return false;
  return jobs.some(
    (job) =>
      job instanceof BlockJob &&
      /^(mirror|commit)$/.test(job.driver.type) &&
      /^(waiting|pending)$/.test(job.status) &&
      job.uses.some((edge) => edge.name !== 'target' && uses(node, edge.child)),
  );
}

/** What the command takes a medium out of. */
function mediumOf({ machine: { devices } }: ModelRun, action: Action): Backend | undefined {
  if (action.verb !== 'qmp' || !/^(eject|blockdev-(remove|change)-medium)$/.test(action.command))
    return undefined;
  const { device, id } = action.arguments ?? {};
  if (id === undefined) return devices.findDrive(String(device));
  return (devices.findPart(String(id)) ?? devices.find(String(id)))?.backend ?? undefined;
}

/**
 * A mirror is completed, and takes its source from its drive, while a backup below that has a node that nobody else may have then. One
 * that is cancelled leaves the source where it is.
 */
function leavesBackupAlone({ jobs }: ModelRun, action: Action): boolean {
  if (action.verb !== 'qmp' || !/^(block-)?job-(complete|finalize)$/.test(action.command)) return false;
  const id = action.arguments?.id ?? action.arguments?.device;
  const mirror = jobs.find((job) => job.id === id && job.driver.type === 'mirror');
  if (!(mirror instanceof BlockJob)) return false;
  const source = mirror.uses.find(({ name }) => name === 'source')?.child;
  if (source === undefined || source.monitorOwned) return false;
  return jobs.some(
    (job) =>
      job instanceof BlockJob &&
      job.driver.type === 'backup' &&
      job.uses.some(({ name, child }) => name !== 'target' && uses(source, child)),
  );
}

export const KNOWN_OF_DEVICES: readonly Trigger[] = [
  {
    name: 'mirror that ends over a backup of its backing file',
    shownBy: 'mirror-completes-over-a-backup-of-its-backing-file',
    programs: QEMU,
    before: leavesBackupAlone,
  },
  {
    name: 'disk that comes while a mirror is to be finalized',
    shownBy: 'device-comes-while-its-mirror-is-pending',
    programs: QEMU,
    before: comesToPendingMirror,
  },
  {
    name: 'SCSI device that is refused because of who uses the node of its drive',
    shownBy: 'refused-device-keeps-its-drive',
    programs: QEMU,
    refused: ({ machine }, action, { id }) =>
      id === 'REF-E-BUSY' &&
      action.verb === 'qmp' &&
      action.command === 'device_add' &&
      machine.devices.findDrive(String(action.arguments?.drive)) !== undefined,
  },
  {
    name: 'device that goes with a drive which a backup holds',
    shownBy: 'device-goes-while-its-backup-is-pending',
    programs: QEMU,
    before: leavesBackup,
  },
  {
    name: 'several exports that go with a medium',
    shownBy: 'two-exports-of-one-medium',
    programs: QEMU_10,
    before: (run, action) => (mediumOf(run, action)?.shown.size ?? 0) > 1,
  },
  {
    name: 'export that goes while another medium comes',
    shownBy: 'medium-changed-under-an-export',
    programs: QEMU_10,
    before: (run, action) =>
      action.verb === 'qmp' &&
      action.command === 'blockdev-change-medium' &&
      (mediumOf(run, action)?.shown.size ?? 0) > 0,
  },
  {
    name: 'id of a device that 10.0 does not look at',
    shownBy: 'add-refusals',
    programs: QEMU_10,
    refused: (_, action, { id }) =>
      id === 'REF-E-DRIVE-ID' && action.verb === 'qmp' && action.command === 'device_add',
  },
  {
    name: 'SCSI device that 10.0 does not refuse',
    shownBy: 'medium-in-a-chain',
    programs: QEMU_10,
    refused: (_, action, { id }) =>
      id === 'REF-E-BUSY' && action.verb === 'qmp' && action.command === 'device_add',
  },
];

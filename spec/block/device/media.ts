/**
 * Media and trays: how a node comes into a device that can be without one, and leaves it. A device without a tray, like
 * a drive that no device is attached to, is as one whose tray is always open. DEVICES.md, REF-107 to REF-110.
 */
import { checkBlockers } from '../blockers.js';
import type { Graph } from '../graph.js';
import type { Node } from '../node.js';
import type { Backend } from './backend.js';
import type { Devices } from './devices.js';
import { DeviceError } from './errors.js';

/** A drive or device, as a command names it. */
export interface Named {
  readonly backend: Backend;
  /** as the command names it, for texts */
  readonly name: string;
}

/** blockdev-open-tray. Nothing if there is no tray, or it is open. @throws DeviceError REF-E-NOT-REMOVABLE */
export function openTray(devices: Devices, { backend, name }: Named): void {
  if (!isRemovable(backend)) throw new DeviceError('REF-E-NOT-REMOVABLE', { device: name });
  if (backend.device !== null) devices.moveTray(backend.device, true);
}

/** blockdev-close-tray. Nothing if there is no tray, or it is closed. @throws DeviceError REF-E-NOT-REMOVABLE */
export function closeTray(devices: Devices, { backend, name }: Named): void {
  if (!isRemovable(backend)) throw new DeviceError('REF-E-NOT-REMOVABLE', { device: name });
  if (backend.device !== null) devices.moveTray(backend.device, false);
}

/** blockdev-remove-medium. @throws DeviceError REF-E-NOT-REMOVABLE, REF-E-TRAY-CLOSED; BlockError REF-E-BUSY */
export function removeMedium(graph: Graph, { backend, name }: Named): void {
  if (!isRemovable(backend)) throw new DeviceError('REF-E-NOT-REMOVABLE', { device: name });
  if (!isOpen(backend)) throw new DeviceError('REF-E-TRAY-CLOSED', { device: name });
  if (backend.node === null) return;
  checkBlockers(backend.node, 'eject');
  backend.tellEjected();
  graph.change((change) => backend.remove(change));
}

/** eject: the tray opens, the medium goes. */
export function eject(devices: Devices, graph: Graph, named: Named): void {
  openTray(devices, named);
  removeMedium(graph, named);
}

/** blockdev-insert-medium, once the node is known. @throws DeviceError; BlockError REF-E-CONFLICT, REF-E-NODE-READ-ONLY */
export function insertMedium(graph: Graph, backend: Backend, node: Node): void {
  if (!isRemovable(backend)) throw new DeviceError('REF-E-MEDIUM-FIXED');
  if (!isOpen(backend)) throw new DeviceError('REF-E-TRAY-SHUT');
  if (backend.node !== null) throw new DeviceError('REF-E-MEDIUM-THERE');
  graph.change((change) => backend.insert(change, node));
}

/** Whether a medium can come and go at all. */
export function isRemovable({ device }: Backend): boolean {
  return device?.isRemovable ?? true;
}

/** Whether nothing keeps the medium where it is. */
function isOpen({ device }: Backend): boolean {
  return device?.isTrayOpen ?? true;
}

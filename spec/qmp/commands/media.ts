/** Media and trays by command. DEVICES.md, REF-106 to REF-110. */

import { DeviceError } from '../../block/device/errors.js';
import {
  closeTray,
  eject,
  insertMedium,
  type Named,
  openTray,
  removeMedium,
} from '../../block/device/media.js';
import { nodeNotFound } from '../bitmap-errors.js';
import { commandsOf } from '../command.js';
import { deviceNotFound, oneOfDeviceAndId } from '../device-errors.js';
import { openMedium } from '../drive/medium.js';
import type { Machine } from '../machine.js';
import { bool, empty, enumeration, optional, str, struct } from '../types.js';

const define = commandsOf<Machine>();

const which = {
  device: optional(str, { doc: 'the name of a drive', features: ['deprecated'] }),
  id: optional(str, { doc: 'the id of a device, or its path' }),
};
const id = { type: str, optional: false, doc: 'the id of a device, or its path' } as const;
const force = optional(bool, { doc: 'even if the guest has locked the tray; no guest does here' });

/** REF-106. @throws QmpError REF-E-DEVICE-OR-ID, REF-E-NO-DEVICE; DeviceError REF-E-NOT-DEVICE, REF-E-NO-BACKEND */
export function findBackend(
  machine: Machine,
  { device, id }: { device?: string | undefined; id?: string | undefined },
): Named {
  if ((device === undefined) === (id === undefined)) throw oneOfDeviceAndId();
  const name = (id ?? device)!;
  const { devices } = machine;
  if (id === undefined) {
    const backend = devices.findDrive(name);
    if (backend === undefined) throw deviceNotFound({ device: name });
    return { backend, name };
  }
  devices.checkNotPlace(name);
  const part = devices.findPart(name);
  const whole = devices.find(name);
  if (part === undefined && whole === undefined) throw deviceNotFound({ device: name });
  const backend = part?.backend ?? (whole?.controller ? whole.backend : null);
  if (!backend) throw new DeviceError('REF-E-NO-BACKEND');
  return { backend, name };
}

const ReadOnlyMode = enumeration('BlockdevChangeReadOnlyMode', [
  { name: 'retain', doc: 'as the medium before' },
  { name: 'read-only', doc: 'no' },
  { name: 'read-write', doc: 'yes' },
]);

interface ChangeMedium {
  readonly device?: string | undefined;
  readonly id?: string | undefined;
  readonly filename: string;
  readonly format?: string | undefined;
  readonly 'read-only-mode'?: 'retain' | 'read-only' | 'read-write' | undefined;
}

/** REF-140 */
function changeMedium(machine: Machine, args: ChangeMedium): void {
  // PRECONDITIONS
  const { devices, graph } = machine;
  const named = findBackend(machine, args);
  const mode = args['read-only-mode'] ?? 'retain';
  const readOnly = mode === 'retain' ? !named.backend.isWritable : mode === 'read-only';
  const node = openMedium(machine, { file: args.filename, format: args.format, readOnly });
  // EFFECTS
  try {
    eject(devices, graph, named);
    insertMedium(graph, named.backend, node);
    closeTray(devices, named);
  } finally {
    node.pinned -= 1;
    graph.release(node);
  }
}

export const MEDIA_COMMANDS = [
  define({
    name: 'eject',
    doc: 'Opens the tray and takes the medium out.',
    args: struct('EjectArguments', { ...which, force }),
    returns: empty,
    rules: ['REF-106', 'REF-107', 'REF-108', 'REF-109'],
    execute: (machine, args) => eject(machine.devices, machine.graph, findBackend(machine, args)),
  }),
  define({
    name: 'blockdev-open-tray',
    doc: 'Opens the tray.',
    args: struct('BlockdevOpenTrayArguments', { ...which, force }),
    returns: empty,
    rules: ['REF-106', 'REF-107', 'REF-108'],
    execute: (machine, args) => openTray(machine.devices, findBackend(machine, args)),
  }),
  define({
    name: 'blockdev-close-tray',
    doc: 'Closes the tray.',
    args: struct('BlockdevCloseTrayArguments', which),
    returns: empty,
    rules: ['REF-106', 'REF-107', 'REF-108'],
    execute: (machine, args) => closeTray(machine.devices, findBackend(machine, args)),
  }),
  define({
    name: 'blockdev-remove-medium',
    doc: 'Takes the medium out of an open tray; nothing if there is none.',
    args: struct('BlockdevRemoveMediumArguments', { id }),
    returns: empty,
    rules: ['REF-106', 'REF-109'],
    execute: (machine, args) => removeMedium(machine.graph, findBackend(machine, args)),
  }),
  define({
    name: 'blockdev-insert-medium',
    doc: 'Puts a node into an open, empty tray.',
    args: struct('BlockdevInsertMediumArguments', {
      id,
      'node-name': { type: str, optional: false, doc: 'the node, which no device and no export may use yet' },
    }),
    returns: empty,
    rules: ['REF-106', 'REF-110'],
    execute(machine, args) {
      // PRECONDITIONS
      const { backend } = findBackend(machine, args);
      const node = machine.graph.find(args['node-name']);
      if (node === undefined) throw nodeNotFound({ node: args['node-name'] });
      if (node.hasDevice) throw new DeviceError('REF-E-MEDIUM-IN-USE', { node: node.name });
      // EFFECTS
      insertMedium(machine.graph, backend, node);
    },
  }),
  define({
    name: 'blockdev-change-medium',
    doc: 'Opens the tray, puts an image in the place of the medium, and closes the tray.',
    args: struct('BlockdevChangeMediumArguments', {
      ...which,
      filename: { type: str, optional: false, doc: 'the file of the image' },
      format: optional(str, { doc: 'its format; default: what it looks like' }),
      force,
      'read-only-mode': optional(ReadOnlyMode, { doc: 'whether it may be written; default retain' }),
    }),
    returns: empty,
    rules: ['REF-140'],
    execute: changeMedium,
  }),
];

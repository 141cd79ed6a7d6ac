/** Devices by command: device_add, device_del, system_reset. DEVICES.md, REF-101 to REF-106. */
import type { Device } from '../../block/device/device.js';
import type { DeviceOptions } from '../../block/device/devices.js';
import { DeviceError } from '../../block/device/errors.js';
import { type Json, type JsonObject, JsonReal } from '../../json/value.js';
import { commandsOf } from '../command.js';
import { deviceNotFound } from '../device-errors.js';
import { missing } from '../input-errors.js';
import type { Machine } from '../machine.js';
import { empty, optional, str, struct } from '../types.js';

const define = commandsOf<Machine>();

const DeviceAddArguments = struct('DeviceAddArguments', {
  driver: { type: str, optional: false, doc: 'the kind of device' },
  bus: optional(str, { doc: 'where it is plugged in; default: where it can be' }),
  id: optional(str, { doc: 'how it is called from then on' }),
});

/** REF-101: any scalar is as good as its text, and what is none is as if it was not there. */
function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (value instanceof JsonReal) return value.text;
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
}

function deviceOptions({ driver, bus, id, ...properties }: JsonObject): DeviceOptions {
  const texts = Object.entries(properties)
    .map(([name, value]): [string, string | undefined] => [name, textOf(value)])
    .filter((entry): entry is [string, string] => entry[1] !== undefined);
  return {
    driver: textOf(driver) ?? '',
    bus: textOf(bus),
    id: typeof id === 'string' ? id : undefined,
    properties: new Map(texts),
  };
}

/** REF-106: the device of that id or path. @throws QmpError REF-E-NO-DEVICE; DeviceError REF-E-NOT-DEVICE, REF-E-BUS-FIXED */
function removable(machine: Machine, id: string): Device {
  machine.devices.checkNotPlace(id);
  const device = machine.devices.find(id);
  if (device !== undefined) return device;
  if (machine.devices.findPart(id) !== undefined)
    throw new DeviceError('REF-E-BUS-FIXED', { bus: 'virtio-bus' });
  throw deviceNotFound({ device: id });
}

export const DEVICE_COMMANDS = [
  define({
    name: 'device_add',
    doc: 'Plugs a device in. Further arguments are its properties, among them drive, the node or drive that is its disk.',
    args: DeviceAddArguments,
    unchecked: true,
    returns: empty,
    rules: ['REF-101', 'REF-102', 'REF-103', 'REF-104'],
    execute(machine, args) {
      // REF-101: QEMU looks at the id before anything else
      const options = deviceOptions(args as unknown as JsonObject);
      if (options.driver === '' && textOf((args as unknown as JsonObject).driver) === undefined) {
        machine.devices.checkId(options.id);
        throw missing({ name: 'driver' });
      }
      machine.devices.add(options);
    },
  }),
  define({
    name: 'device_del',
    doc: 'Asks a device to go. One on a controller goes at once; the guest lets go of any other, at the latest at a reset.',
    args: struct('DeviceDelArguments', {
      id: { type: str, optional: false, doc: 'the id of the device, or its path' },
    }),
    returns: empty,
    rules: ['REF-105', 'REF-106'],
    execute: (machine, { id }) => machine.devices.remove(removable(machine, id), id),
  }),
  define({
    name: 'system_reset',
    doc: 'Starts the guest anew. Devices that were asked to go have gone then.',
    args: empty,
    returns: empty,
    rules: ['REF-105'],
    execute: (machine) => machine.devices.reset(),
  }),
];

/** What devices, drives and media are refused with. DEVICES.md; the texts are those of QEMU 7.2. */
import { Refusal, type RefusalArgs } from '../../refusal.js';

/** Text templates by id. */
export const DEVICE_ERRORS = {
  'REF-E-DRIVE-ID': "Parameter 'id' expects an identifier",
  'REF-E-DRIVE-TAKEN': "Duplicate ID '{id}' for drive",
  'REF-E-DRIVE-NODE': "Device name '{id}' conflicts with an existing node name",
  'REF-E-DEVICE-MODEL': "'{driver}' is not a valid device model name",
  'REF-E-DEVICE-TAKEN': "Duplicate device ID '{id}'",
  'REF-E-BUS-NONE': "No '{bus}' bus found for device '{driver}'",
  'REF-E-BUS-NOT-FOUND': "Bus '{bus}' not found",
  'REF-E-BUS-KIND': "Device '{driver}' can't go on {bus} bus",
  'REF-E-BUS-FIXED': "Bus '{bus}' does not support hotplugging",
  'REF-E-BUS-FULL': 'PCI: no slot/function available for {driver}, all in use or reserved',
  'REF-E-PROPERTY': "Property '{driver}.{name}' not found",
  'REF-E-PROPERTY-SWITCH': "Parameter '{name}' expects 'on' or 'off'",
  'REF-E-DRIVE-MISSING': 'drive property not set',
  'REF-E-DRIVE-NOT-FOUND': "Property '{driver}.drive' can't find value '{drive}'",
  'REF-E-DRIVE-IN-USE': "Drive '{drive}' is already in use by another device",
  'REF-E-DRIVE-EMPTY': 'Device needs media, but drive is empty',
  'REF-E-UNPLUGGING': 'Device {id} is already in the process of unplug',
  'REF-E-NOT-DEVICE': '{id} is not a hotpluggable device',
  'REF-E-NO-BACKEND': 'Device does not have a block device backend',
  'REF-E-NOT-REMOVABLE': "Device '{device}' is not removable",
  'REF-E-MEDIUM-FIXED': 'Device is not removable',
  'REF-E-TRAY-CLOSED': "Tray of device '{device}' is not open",
  'REF-E-TRAY-SHUT': 'Tray of the device is not open',
  'REF-E-MEDIUM-THERE': 'There already is a medium in the device',
  'REF-E-MEDIUM-IN-USE': "Node '{node}' is already in use",
} as const;

export type DeviceErrorId = keyof typeof DEVICE_ERRORS;

/** A refusal by a rule of DEVICES.md. */
export class DeviceError extends Refusal {
  constructor(id: DeviceErrorId, args: RefusalArgs = {}) {
    super(id, DEVICE_ERRORS[id], args);
    this.name = 'DeviceError';
  }
}

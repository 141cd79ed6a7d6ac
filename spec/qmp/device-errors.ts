/** What commands on devices are refused with beyond the block part's own errors: whose device is meant. */
import { defineError } from './errors.js';

export const deviceNotFound = defineError('REF-E-NO-DEVICE', 'DeviceNotFound', "Device '{device}' not found");
export const oneOfDeviceAndId = defineError(
  'REF-E-DEVICE-OR-ID',
  'GenericError',
  "Need exactly one of 'device' and 'id'",
);

export const DEVICE_COMMAND_ERRORS = [deviceNotFound, oneOfDeviceAndId] as const;

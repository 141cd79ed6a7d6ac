/** What commands on jobs are refused with beyond the job part's own errors. JOBS.md. */
import { defineError } from './errors.js';

export const blockJobNotFound = defineError(
  'JOB-E-BLOCK-NOT-FOUND',
  'DeviceNotActive',
  "Block job '{id}' not found",
);
export const createUnsupported = defineError(
  'JOB-E-CREATE-UNSUPPORTED',
  'GenericError',
  'Driver does not support blockdev-create',
);

export const JOB_COMMAND_ERRORS = [blockJobNotFound, createUnsupported] as const;

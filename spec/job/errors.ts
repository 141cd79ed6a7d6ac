/** What verbs on jobs are refused with. JOBS.md has the same table; the texts are those of QEMU 7.2. */
import { Refusal, type RefusalArgs } from '../refusal.js';

/** Text templates by id. */
export const JOB_ERRORS = {
  'JOB-E-ID-INVALID': "Invalid job ID '{id}'",
  'JOB-E-ID-TAKEN': "Job ID '{id}' already in use",
  'JOB-E-NOT-FOUND': 'Job not found',
  'JOB-E-VERB': "Job '{id}' in state '{status}' cannot accept command verb '{verb}'",
  'JOB-E-PAUSED': 'Job is already paused',
  'JOB-E-NOT-PAUSED': "Can't resume a job that was not paused",
  'JOB-E-CANCEL-PAUSED': "The block job for device '{id}' is currently paused",
  'JOB-E-NOT-COMPLETABLE': "The active block job '{id}' cannot be completed",
  'JOB-E-SPEED': "Parameter 'speed' expects a non-negative value",
  'JOB-E-CREATE': "Could not create '{file}': {reason}",
  'JOB-E-CREATE-SIZE': 'Could not resize file: {reason}',
  'JOB-E-CREATE-LOCK': 'Failed to get "{permission}" lock',
  'JOB-E-CREATE-SHARED-LOCK': 'Failed to get shared "{permission}" lock',
  'JOB-E-PREALLOCATION': 'Unsupported preallocation mode: {mode}',
  'JOB-E-BACKING-FORMAT': 'Backing format cannot be used without backing file',
  'JOB-E-BACKING-FORMAT-NEEDED': 'A backing file needs its format',
  'JOB-E-CREATE-DATA':
    "A QBM image without 'size' needs a 'data-file' that is there, and has no backing file",
} as const;

export type JobErrorId = keyof typeof JOB_ERRORS;

/** A refusal by a rule of JOBS.md. */
export class JobError extends Refusal {
  constructor(id: JobErrorId, args: RefusalArgs = {}) {
    super(id, JOB_ERRORS[id], args);
    this.name = 'JobError';
  }
}

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
  'JOB-E-PREALLOCATION': 'Unsupported preallocation mode: {mode}',
  'JOB-E-BACKING-FORMAT': 'Backing format cannot be used without backing file',
  'JOB-E-BACKING-FORMAT-NEEDED': 'A backing file needs its format',
  'JOB-E-CREATE-ALLOCATION': "A QBM image with a 'backing-file' needs an allocation bitmap",
  'JOB-E-CREATE-DATA':
    "A QBM image without 'size' needs a 'data-file' that is there, and has neither allocation bitmap nor backing file",
  'JOB-E-BACKUP-BITMAP-NEEDED': "must provide a valid bitmap name for '{sync}' sync mode",
  'JOB-E-BACKUP-INCREMENTAL': "Bitmap sync mode must be 'on-success' when using sync mode 'incremental'",
  'JOB-E-BACKUP-BITMAP-NOT-FOUND': "Bitmap '{name}' could not be found",
  'JOB-E-BACKUP-MODE-NEEDED': 'Bitmap sync mode must be given when providing a bitmap',
  'JOB-E-BACKUP-NONE': "sync mode 'none' does not produce meaningful bitmap outputs",
  'JOB-E-BACKUP-NEVER':
    "Bitmap sync mode 'never' has no meaningful effect when combined with sync mode '{sync}'",
  'JOB-E-BACKUP-NO-BITMAP': 'Cannot specify bitmap sync mode without a bitmap',
  'JOB-E-SAME-NODE': 'Source and target cannot be the same',
  'JOB-E-COMPRESS': 'Compression is not supported for this drive {device}',
  'JOB-E-WORKERS': 'max-workers must be between 1 and 2147483647',
  'JOB-E-CHUNK': 'max-chunk must be zero (which means no limit) or positive',
  'JOB-E-CHUNK-CLUSTER': 'Required max-chunk ({chunk}) is less than backup cluster size ({cluster})',
  'JOB-E-MIRROR-BUFFER': "Invalid parameter 'buf-size'",
  'JOB-E-MIRROR-SELF': "Can't mirror node into itself",
  'JOB-E-MIRROR-CHAIN-FILTER': "Cannot mirror to a filter on top of a node in the source's backing chain",
  'JOB-E-MIRROR-SYNC': "Sync mode '{sync}' not supported",
  'JOB-E-MIRROR-GRANULARITY-RANGE': "Parameter 'granularity' expects a value in range [512B, 64MB]",
  'JOB-E-MIRROR-GRANULARITY-POWER': "Parameter 'granularity' expects a power of 2",
  'JOB-E-MIRROR-REPLACES':
    "Cannot replace '{node}' by a node mirrored from '{source}', because it cannot be guaranteed that doing so would not lead to an abrupt change of visible data",
  'JOB-E-MIRROR-REPLACES-SIZE': 'cannot replace image with a mirror image of different size',
  'JOB-E-MIRROR-REPLACES-GONE': "Node name '{node}' not found",
  'JOB-E-MIRROR-NODE-NAME': 'a node-name must be provided when replacing a named node of the graph',
  'JOB-E-MIRROR-BACKING': '{reason}',
  'JOB-E-MIRROR-GRAPH': 'Operation not permitted',
  'JOB-E-TOGETHER': "'{one}' and '{other}' cannot be specified at the same time",
  'JOB-E-CHAIN-FILE': "Can't find '{file}' in the backing chain",
  'JOB-E-EXCLUSIVE': "'{one}' and '{other}' are mutually exclusive",
  'JOB-E-COMMIT-CHAIN': "'{node}' is not in this backing file chain",
  'JOB-E-COMMIT-TOP': 'Top image file {file} not found',
  'JOB-E-COMMIT-ITSELF': 'cannot commit an image into itself',
  'JOB-E-COMMIT-SAME': 'Invalid files for merge: top and base are the same',
  'JOB-E-COMMIT-ACTIVE-NAME': "'backing-file' specified, but 'top' is the active layer",
  'JOB-E-COMMIT-WRITER-NAME': "'backing-file' specified, but 'top' has a writer on it",
  'JOB-E-STREAM-BASE': "Node '{node}' is not a backing image of '{device}'",
  'JOB-E-STREAM-BOTTOM-FILTER': "Node '{node}' is a filter, use a non-filter node as 'bottom'",
  'JOB-E-STREAM-BOTTOM': "Node '{node}' is not in a chain starting from '{device}'",
  'JOB-E-STREAM-WHOLE': 'backing file specified, but streaming the entire chain',
  'JOB-E-STREAM-CHAIN': "'{base}' is not in the backing chain of '{top}'",
  'JOB-E-TEMPORARY': "A target that is there already stays: 'target-temporary' is for one that is made",
  'JOB-E-SIZES': 'Source and target image have different sizes',
} as const;

export type JobErrorId = keyof typeof JOB_ERRORS;

/** A refusal by a rule of JOBS.md. */
export class JobError extends Refusal {
  constructor(id: JobErrorId, args: RefusalArgs = {}) {
    super(id, JOB_ERRORS[id], args);
    this.name = 'JobError';
  }
}

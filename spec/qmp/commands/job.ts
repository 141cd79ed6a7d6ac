/** What is asked of jobs: the verbs of `job-*` and `block-job-*`, query-jobs, query-block-jobs. spec/job/JOBS.md. */
import { BlockJob } from '../../job/block-job.js';
import type { Job } from '../../job/job.js';
import { JOB_STATUSES } from '../../job/status.js';
import { commandsOf } from '../command.js';
import { blockJobNotFound } from '../job-errors.js';
import type { Machine } from '../machine.js';
import { array, bool, empty, enumeration, type Infer, int, optional, str, struct } from '../types.js';
import { exactNumber } from '../validate.js';

const define = commandsOf<Machine>();

const JobType = enumeration('JobType', ['commit', 'stream', 'mirror', 'backup', 'create']);
const JobStatus = enumeration('JobStatus', JOB_STATUSES);
export const BlockDeviceIoStatus = enumeration('BlockDeviceIoStatus', ['ok', 'failed', 'nospace']);

const JobInfo = struct('JobInfo', {
  id: str,
  type: JobType,
  status: JobStatus,
  'current-progress': { type: int, optional: false, doc: 'in units of the job’s own' },
  'total-progress': { type: int, optional: false, doc: 'in the same units; may still change' },
  error: optional(str, { doc: 'why it failed' }),
});

const BlockJobInfo = struct('BlockJobInfo', {
  type: JobType,
  device: { type: str, optional: false, doc: 'the id of the job' },
  len: { type: int, optional: false, doc: 'bytes, as offset' },
  offset: int,
  busy: bool,
  paused: bool,
  speed: { type: int, optional: false, doc: 'bytes a second; 0 for no limit' },
  'io-status': BlockDeviceIoStatus,
  ready: { type: bool, optional: false, doc: 'may be completed' },
  status: JobStatus,
  'auto-finalize': bool,
  'auto-dismiss': bool,
  error: optional(str, { doc: 'why it failed' }),
});

/** JOB-016 */
function jobInfo(job: Job): Infer<typeof JobInfo> {
  return {
    id: job.id,
    type: job.driver.type,
    status: job.status,
    'current-progress': job.progress.current,
    'total-progress': job.progress.total,
    ...(job.error === null ? {} : { error: job.error }),
  };
}

/** JOB-017 */
function blockJobInfo(job: BlockJob): Infer<typeof BlockJobInfo> {
  return {
    type: job.driver.type,
    device: job.id,
    len: job.progress.total,
    offset: job.progress.current,
    busy: job.isBusy,
    paused: job.isPaused,
    speed: job.speed,
    'io-status': job.ioStatus,
    ready: job.isReady,
    status: job.status,
    'auto-finalize': job.autoFinalize,
    'auto-dismiss': job.autoDismiss,
    ...(job.error === null ? {} : { error: job.error }),
  };
}

/** JOB-017. @throws QmpError JOB-E-BLOCK-NOT-FOUND */
function blockJob(machine: Machine, id: string): BlockJob {
  const job = machine.jobs.findBlockJob(id);
  if (job === undefined) throw blockJobNotFound({ id });
  return job;
}

const ById = struct('JobByIdArguments', { id: { type: str, optional: false, doc: 'of the job' } });
const ByDevice = struct('BlockJobByDeviceArguments', {
  device: { type: str, optional: false, doc: 'the id of the job: it was called so before jobs had ids' },
});

/** A verb on any job. */
function onJob(verb: string, doc: string, rules: readonly string[], apply: (job: Job) => void) {
  return define({
    name: `job-${verb}`,
    doc,
    args: ById,
    returns: empty,
    rules: ['JOB-003', ...rules],
    execute: (machine, { id }) => apply(machine.jobs.lookup(id)),
  });
}

/** The same verb on block jobs only. */
function onBlockJob(verb: string, doc: string, rules: readonly string[], apply: (job: BlockJob) => void) {
  return define({
    name: `block-job-${verb}`,
    doc,
    args: ByDevice,
    returns: empty,
    rules: ['JOB-003', 'JOB-017', ...rules],
    execute: (machine, { device }) => apply(blockJob(machine, device)),
  });
}

/** As {@link onBlockJob}, for the verbs that came later. */
function onBlockJobById(verb: string, doc: string, rules: readonly string[], apply: (job: BlockJob) => void) {
  return define({
    name: `block-job-${verb}`,
    doc,
    args: ById,
    returns: empty,
    rules: ['JOB-003', 'JOB-017', ...rules],
    execute: (machine, { id }) => apply(blockJob(machine, id)),
  });
}

const PAUSE = 'Lets a job stand still at the next point where it can.';
const RESUME = 'Lets a job go on that was paused by command.';
const COMPLETE = 'Asks a job that is ready to end well.';
const FINALIZE = 'Makes the results of a pending job final, and those of its group.';
const DISMISS = 'Forgets a concluded job.';

export const JOB_COMMANDS = [
  onJob('pause', PAUSE, ['JOB-005'], (job) => job.userPause()),
  onJob('resume', RESUME, ['JOB-005'], (job) => job.userResume()),
  onJob('cancel', 'Ends a job without its result.', ['JOB-006'], (job) => job.userCancel(true)),
  onJob('complete', COMPLETE, ['JOB-007'], (job) => job.complete()),
  onJob('finalize', FINALIZE, ['JOB-009'], (job) => job.finalize()),
  onJob('dismiss', DISMISS, ['JOB-011'], (job) => job.dismiss()),
  define({
    name: 'query-jobs',
    doc: 'All jobs, newest first.',
    args: empty,
    returns: array(JobInfo),
    rules: ['JOB-016'],
    execute: (machine) => machine.jobs.all.map(jobInfo),
  }),
  onBlockJob('pause', PAUSE, ['JOB-005'], (job) => job.userPause()),
  onBlockJob('resume', RESUME, ['JOB-005'], (job) => job.userResume()),
  define({
    name: 'block-job-cancel',
    doc: 'Ends a block job; one that is ready may end well, at the point in time that it has reached.',
    args: struct('BlockJobCancelArguments', {
      device: str,
      force: optional(bool, { doc: 'without its result, though it is ready; default false' }),
    }),
    returns: empty,
    rules: ['JOB-003', 'JOB-006', 'JOB-017'],
    execute: (machine, { device, force }) => blockJob(machine, device).blockCancel(force ?? false),
  }),
  onBlockJob('complete', COMPLETE, ['JOB-007'], (job) => job.complete()),
  onBlockJobById('finalize', FINALIZE, ['JOB-009'], (job) => job.finalize()),
  onBlockJobById('dismiss', DISMISS, ['JOB-011'], (job) => job.dismiss()),
  define({
    name: 'block-job-set-speed',
    doc: 'Limits how fast a block job works.',
    args: struct('BlockJobSetSpeedArguments', {
      device: str,
      speed: { type: int, optional: false, doc: 'bytes a second; 0 for no limit' },
    }),
    returns: empty,
    rules: ['JOB-003', 'JOB-017', 'JOB-018'],
    execute: (machine, { device, speed }) => blockJob(machine, device).setSpeed(exactNumber(speed, 'speed')),
  }),
  define({
    name: 'query-block-jobs',
    doc: 'All block jobs, newest first.',
    args: empty,
    returns: array(BlockJobInfo),
    rules: ['JOB-017'],
    execute: (machine) => machine.jobs.all.filter((job) => job instanceof BlockJob).map(blockJobInfo),
  }),
];

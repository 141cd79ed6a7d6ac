/** The states of a job, how it goes from one to another, and which verb is accepted in which. JOBS.md, JOB-002 and JOB-003. */

/** In the order of QEMU's `JobStatus`. */
export const JOB_STATUSES = [
  'undefined',
  'created',
  'running',
  'paused',
  'ready',
  'standby',
  'waiting',
  'pending',
  'aborting',
  'concluded',
  'null',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** JOB-002: the states that may follow each one. */
export const TRANSITIONS: { readonly [from in JobStatus]: readonly JobStatus[] } = {
  undefined: ['created'],
  created: ['running', 'aborting', 'null'],
  running: ['paused', 'ready', 'waiting', 'aborting'],
  paused: ['running'],
  ready: ['standby', 'waiting', 'aborting'],
  standby: ['ready'],
  waiting: ['pending', 'aborting'],
  pending: ['aborting', 'concluded'],
  aborting: ['concluded'],
  concluded: ['null'],
  null: [],
};

/** What a user may ask of a job. */
export type JobVerb = 'cancel' | 'pause' | 'resume' | 'set-speed' | 'complete' | 'finalize' | 'dismiss';

const UNTIL_IT_ENDS: readonly JobStatus[] = ['created', 'running', 'paused', 'ready', 'standby'];

/** JOB-003: the states in which each verb is accepted. */
export const ACCEPTED: { readonly [verb in JobVerb]: readonly JobStatus[] } = {
  cancel: [...UNTIL_IT_ENDS, 'waiting', 'pending'],
  pause: UNTIL_IT_ENDS,
  resume: UNTIL_IT_ENDS,
  'set-speed': UNTIL_IT_ENDS,
  complete: ['ready', 'standby'],
  finalize: ['pending'],
  dismiss: ['concluded'],
};

/** Has ended, well or not: nothing is left of its work but what its group decides. */
export function isOver(status: JobStatus): boolean {
  return !UNTIL_IT_ENDS.includes(status) && status !== 'undefined';
}

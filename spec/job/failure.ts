/** What a job fails with, in words: `error` of query-jobs. JOBS.md, JOB-010. */
import { Refusal } from '../refusal.js';
import { reasonOf } from '../storage/reason.js';
import { StorageError } from '../storage/storage.js';

/** @throws `failure` itself if it is none that a job may have, but a mistake */
export function failureText(failure: unknown): string {
  if (failure instanceof Refusal) return failure.message;
  if (failure instanceof StorageError) return reasonOf(failure.errno);
  throw failure;
}

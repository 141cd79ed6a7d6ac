/** What a job fails with, in words: `error` of query-jobs. JOBS.md, JOB-010. */
import { RequestError } from '../block/request-error.js';
import { Refusal } from '../refusal.js';
import { reasonOf } from '../storage/reason.js';
import { type StorageErrno, StorageError } from '../storage/storage.js';

/** @throws `failure` itself if it is none that a job may have, but a mistake */
export function failureText(failure: unknown): string {
  if (failure instanceof Refusal) return failure.message;
  if (failure instanceof StorageError) return reasonOf(failure.errno);
  throw failure;
}

/** What a request of a job failed with. @throws `cause` itself if it is no failure of a request */
export function requestErrno(cause: unknown): StorageErrno {
  if (cause instanceof RequestError) return cause.origin;
  if (cause instanceof StorageError) return cause.errno;
  throw cause;
}

/** A driver's own refusal of a request, with what the guest gets for it. NODES.md, REF-005. */
import type { StorageErrno } from '../storage/storage.js';

/** The errno that a guest gets instead of an answer: those that NBD has a word for. */
export type Errno = 'EPERM' | 'EIO' | 'ENOMEM' | 'EINVAL' | 'ENOSPC' | 'EOVERFLOW' | 'ENOTSUP' | 'ESHUTDOWN';

export class RequestError extends Error {
  readonly errno: Errno;
  /** what a job gets for it */
  readonly origin: StorageErrno;

  /** @param origin what a job gets for it, where that is something else */
  constructor(errno: Errno, reason: string, origin: StorageErrno = errno) {
    super(reason);
    this.name = 'RequestError';
    this.errno = errno;
    this.origin = origin;
  }
}

/** Whether a driver can do it. @throws whatever else it fails with */
export function isDone(ask: () => void): boolean {
  try {
    ask();
    return true;
  } catch (error) {
    if (!(error instanceof RequestError) || error.errno !== 'ENOTSUP') throw error;
    return false;
  }
}

/** A driver's own refusal of a request, with what the guest gets for it. NODES.md, REF-005. */

/** The errno that a guest gets instead of an answer. */
export type Errno = 'EPERM' | 'EINVAL' | 'ENOSPC' | 'EIO' | 'ENOTSUP';

export class RequestError extends Error {
  readonly errno: Errno;

  constructor(errno: Errno, reason: string) {
    super(reason);
    this.name = 'RequestError';
    this.errno = errno;
  }
}

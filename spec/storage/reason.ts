/** Errors of a storage in words, as the C library has them: they stand in error texts of QEMU. */
import { type LinuxErrno, linuxReason } from './linux-errno.js';
import type { StorageErrno } from './storage.js';

const REASONS: { readonly [errno in Exclude<StorageErrno, LinuxErrno>]: string } = {
  ENOENT: 'No such file or directory',
  EEXIST: 'File exists',
  EISDIR: 'Is a directory',
  ENOTDIR: 'Not a directory',
  ENOTREG: 'Not a regular file',
  EACCES: 'Permission denied',
  ELOOP: 'Too many levels of symbolic links',
  ENAMETOOLONG: 'File name too long',
  EROFS: 'Read-only file system',
  EAGAIN: 'Resource temporarily unavailable',
  EFBIG: 'File too large',
  ENOSPC: 'No space left on device',
  EPERM: 'Operation not permitted',
  EINVAL: 'Invalid argument',
  ENOTSUP: 'Operation not supported',
  ENOMEM: 'Cannot allocate memory',
  EOVERFLOW: 'Value too large for defined data type',
  ESHUTDOWN: 'Cannot send after transport endpoint shutdown',
  EIO: 'Input/output error',
};

/** `ENOENT` → `No such file or directory` */
export function reasonOf(errno: StorageErrno): string {
  return REASONS[errno as keyof typeof REASONS] ?? linuxReason(errno as LinuxErrno);
}

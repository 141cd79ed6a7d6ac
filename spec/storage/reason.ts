/** Errors of a storage in words, as the C library has them: they stand in error texts of QEMU. */
import type { StorageErrno } from './storage.js';

const REASONS: { readonly [errno in StorageErrno]: string } = {
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
  EIO: 'Input/output error',
};

/** `ENOENT` → `No such file or directory` */
export function reasonOf(errno: StorageErrno): string {
  return REASONS[errno];
}

/** What the operating system says, in the words of a storage. */
import { type StorageErrno, StorageError } from '../storage/storage.js';

/** `EIO` stands for every reason a storage has no word for. */
const WORDS: Readonly<Record<string, StorageErrno>> = {
  ENOENT: 'ENOENT',
  EEXIST: 'EEXIST',
  EISDIR: 'EISDIR',
  ENOTDIR: 'ENOTDIR',
  EACCES: 'EACCES',
  EPERM: 'EACCES',
  ETXTBSY: 'EACCES',
  ELOOP: 'ELOOP',
  ENAMETOOLONG: 'ENAMETOOLONG',
  EROFS: 'EROFS',
  EAGAIN: 'EAGAIN',
  EFBIG: 'EFBIG',
  ENOSPC: 'ENOSPC',
  EDQUOT: 'ENOSPC',
  // open() of a socket, and of a FIFO nobody reads
  ENXIO: 'ENOTREG',
  // a NUL byte in the name: there can be no such file
  ERR_INVALID_ARG_VALUE: 'ENOENT',
};

/** Runs `use`; what the operating system refuses comes out as a StorageError that names `file` as the caller did. */
export function translated<T>(file: string, use: () => T): T {
  try {
    return use();
  } catch (error) {
    throw translate(file, error);
  }
}

/** Anything that is no error of the operating system (a mistake of this program) stays what it is. */
export function translate(file: string, error: unknown): unknown {
  if (error instanceof StorageError) return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  const known = WORDS[code];
  if (known === undefined && !('syscall' in (error as object))) return error;
  return new StorageError(known ?? 'EIO', file);
}

/** The name of an error of the operating system (`ENOENT`), if it is one. */
export function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

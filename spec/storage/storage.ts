/**
 * The door to bytes. The specification opens nothing by itself: whoever runs it gives a tree of files, in memory, on a
 * disk, or one that records what reached it. Calls are synchronous (DESIGN C3). Offsets and lengths are bytes. Names
 * are paths with `/`; what a relative one is relative to is the storage's own matter.
 */

import type { LinuxErrno } from './linux-errno.js';

/** Why a storage refuses. `ENOTREG`: neither a file nor a directory (a FIFO, a device, a socket). */
export type StorageErrno =
  | 'ENOENT'
  | 'EEXIST'
  | 'EISDIR'
  | 'ENOTDIR'
  | 'ENOTREG'
  | 'EACCES'
  | 'ELOOP'
  | 'ENAMETOOLONG'
  | 'EROFS'
  | 'EAGAIN'
  | 'EFBIG'
  | 'ENOSPC'
  | 'EPERM'
  | 'EINVAL'
  | 'ENOTSUP'
  | 'ENOMEM'
  | 'EOVERFLOW'
  | 'ESHUTDOWN'
  | 'EIO'
  | LinuxErrno;

/** A refusal of the storage; the file is as it was, unless a write failed half-way (EIO, ENOSPC). */
export class StorageError extends Error {
  readonly errno: StorageErrno;
  readonly file: string;
  constructor(errno: StorageErrno, file: string) {
    super(`${file}: ${errno}`);
    this.name = 'StorageError';
    this.errno = errno;
    this.file = file;
  }
}

/** An open file. Every method may throw a {@link StorageError}; after `close` none may be called. */
export interface StorageFile {
  /** bytes */
  readonly size: number;
  /** bytes that it takes on the disk; absent where nobody knows */
  readonly allocated?: number | undefined;
  /** Fills `into` from `offset`; what lies past the end reads as zeros. */
  read(offset: number, into: Uint8Array): void;
  /** Writes `bytes` at `offset`; a write past the end makes the file longer. */
  write(offset: number, bytes: Uint8Array): void;
  /** Makes the range read as zeros; never makes the file longer. */
  zero(offset: number, length: number): void;
  /** Makes the file exactly `size` bytes long; new bytes are zeros. */
  truncate(size: number): void;
  /**
   * Whether the file has bytes of its own at `offset`, or a hole that reads as zeros; and for how far, at most `length`. Who
   * cannot tell leaves it out, or says that there are bytes. The range is inside of the file.
   */
  extent?(offset: number, length: number): { readonly isHole: boolean; readonly length: number };
  /** When it returns, everything written to this file before survives a loss of power. */
  flush(): void;
  /**
   * Whether other programs must not write the file, from now on and until `close`; absent where there are none, or they
   * cannot be told. @throws EAGAIN if one may write it already; then nothing has changed
   */
  forbidWriting?(isForbidden: boolean): void;
  close(): void;
}

export interface OpenMode {
  /** default false: reading only */
  readonly write?: boolean;
  /**
   * Keeps others out until `close`: refused with EAGAIN while somebody, in this process or another, holds the name
   * otherwise. The lock is on the name, so that it outlasts a rename onto it. Default: no lock.
   */
  readonly lock?: 'exclusive' | 'shared';
}

/** What a name stands for, without following a symbolic link. */
export type FileKind = 'file' | 'directory' | 'symlink' | 'special';

/** Files by name. Every method may throw a {@link StorageError}. */
export interface Storage {
  /** @throws ENOENT, EISDIR, ENOTREG, EACCES, EROFS, EAGAIN, … A FIFO or device is refused without being opened. */
  open(name: string, mode?: OpenMode): StorageFile;
  /** A new, empty file, open for writing. @throws EEXIST */
  create(name: string): StorageFile;
  /** What `name` is, or null if it is not there. */
  kind(name: string): FileKind | null;
  /** Replaces what `to` named before, at once; durable after {@link flushDirectory} of it. */
  rename(from: string, to: string): void;
  remove(name: string): void;
  /** When it returns, creations, renames and removals in the directory of `name` survive a loss of power. */
  flushDirectory(name: string): void;
  /** `name` as seen from the directory of the file `from`: itself when absolute, else beside `from`. */
  resolve(from: string, name: string): string;
  /** A text that is the same for two names of the same file (links followed), for finding a file used twice. */
  identity(name: string): string;
}

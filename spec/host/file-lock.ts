/**
 * Locks on bytes of a real file, by which programs of QEMU tell each other what they do with it: whoever may do something
 * has byte 100 and on, whoever does not let others do it byte 200 and on, one byte for each permission in the order of its
 * bit. All of them are read locks, which go with each other; a conflict is a byte of the other row that somebody has. They
 * belong to an opening of the file, and go with it, also when the program dies. IMG-016. Called through koffi as holes are:
 * where that cannot be, nobody is kept out.
 */
import { closeSync, fstatSync, openSync } from 'node:fs';
import { CONSISTENT_READ, RESIZE, WRITE } from '../block/permissions.js';
import { loadLibrary } from './library.js';

type Fcntl = (fd: number, command: number, type: string, lock: Buffer) => number;

/** From <fcntl.h> of Linux: locks of an opening, not of a process. */
const GET_LOCK = 36;
const SET_LOCK = 37;
const READ_LOCK = 0;
const WRITE_LOCK = 1;
const UNLOCKED = 2;
/** Bytes of a struct flock: type and whence (16 bits each), start at 8, length at 16, the process at 24. */
const FLOCK = 32;

/** Where the rows begin. */
const HELD = 100;
const UNSHARED = 200;

let loaded: Fcntl | null | undefined;

function fcntl(): Fcntl | null {
  if (loaded === undefined) {
    const library = loadLibrary();
    loaded = library === null ? null : (library.library.func('int fcntl(int fd, int command, ...)') as Fcntl);
  }
  return loaded;
}

/** Whether this process can lock files so that QEMU sees it. */
export function knowsLocks(): boolean {
  return fcntl() !== null;
}

/** What this process tells others of a file, while one opening of it for writing lasts. */
export interface FileLock {
  /** whether all others let the size of the file change */
  mayResize(): boolean;
  /** the last of a file gives back its locks */
  release(): void;
}

/** Where there are no such locks nobody is kept out. */
const NONE: FileLock = { mayResize: () => true, release() {} };

/** By device and number of the file: one opening for all of this process, which are no others to each other. */
const locked = new Map<string, { readonly fd: number; users: number }>();

/**
 * Says that the file is read and written here, and that nobody else may change its size meanwhile.
 * @returns null if somebody does not let others write it
 */
export function lockForWriting(fd: number): FileLock | null {
  if (!knowsLocks()) return NONE;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const key = `${dev}:${ino}`;
  const own = locked.get(key) ?? { fd: openAgain(fd), users: 0 };
  if (own.fd < 0) return NONE;
  if (own.users === 0 && !announce(own.fd)) {
    closeSync(own.fd);
    return null;
  }
  own.users += 1;
  locked.set(key, own);
  return {
    mayResize: () => isFree(own.fd, UNSHARED + bitOf(RESIZE)),
    release() {
      own.users -= 1;
      if (own.users > 0) return;
      locked.delete(key);
      closeSync(own.fd);
    },
  };
}

/** Another opening of the same file, whatever it is called by now; -1 where the system has no way to that. */
function openAgain(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, 'r');
  } catch {
    return -1;
  }
}

function announce(fd: number): boolean {
  for (const at of [HELD + bitOf(CONSISTENT_READ), HELD + bitOf(WRITE), UNSHARED + bitOf(RESIZE)])
    request(fd, SET_LOCK, READ_LOCK, at);
  return isFree(fd, UNSHARED + bitOf(WRITE));
}

function isFree(fd: number, at: number): boolean {
  const found = request(fd, GET_LOCK, WRITE_LOCK, at);
  return found === null || found === UNLOCKED;
}

/** The type of lock that the system answers with; null where the file system has no such locks. */
function request(fd: number, command: number, type: number, at: number): number | null {
  const lock = Buffer.alloc(FLOCK);
  lock.writeInt16LE(type, 0);
  lock.writeBigInt64LE(BigInt(at), 8);
  lock.writeBigInt64LE(1n, 16);
  const result = fcntl()?.(fd, command, 'void *', lock) ?? -1;
  return result < 0 ? null : lock.readInt16LE(0);
}

/** 0 for 1, 1 for 2, 2 for 4, … */
function bitOf(permission: number): number {
  return Math.log2(permission);
}

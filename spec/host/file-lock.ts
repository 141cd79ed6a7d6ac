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

/** What this process says of a file: the bytes that tell it, and the one of the other row that nobody may have. */
interface Claim {
  readonly bytes: readonly number[];
  readonly against: number;
}

/** The file is read and written here, and nobody else may change its size. */
const WRITING: Claim = {
  bytes: [HELD + bitOf(CONSISTENT_READ), HELD + bitOf(WRITE), UNSHARED + bitOf(RESIZE)],
  against: UNSHARED + bitOf(WRITE),
};

/** Nobody else may write the file. */
const FORBIDDING: Claim = { bytes: [UNSHARED + bitOf(WRITE)], against: HELD + bitOf(WRITE) };

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

/** What this process tells others of a file, while one opening of it lasts. */
export interface FileLock {
  /** whether all others let the size of the file change */
  mayResize(): boolean;
  /** Says that nobody else may write the file, or no longer so; false if somebody else may, and nothing was said. */
  forbidWriting(isForbidden: boolean): boolean;
  /** the last of a file gives back its locks */
  release(): void;
}

/** Where there are no such locks nobody is kept out. */
const NONE: FileLock = { mayResize: () => true, forbidWriting: () => true, release() {} };

/** By device and number of the file: one opening for all of this process, which are no others to each other. */
const locked = new Map<string, SharedLock>();

/**
 * Who writes says that the file is read and written here, and that nobody else may change its size meanwhile. Who only
 * reads says nothing for the time being.
 * @returns null if it is to be written, and somebody does not let others do that
 */
export function lockFile(fd: number, writes: boolean): FileLock | null {
  if (!knowsLocks()) return NONE;
  const written = writes ? SharedLock.of(fd) : undefined;
  if (written?.begin(WRITING) === false) return null;
  let forbidden: SharedLock | undefined;
  return {
    mayResize: () => written?.isFree(UNSHARED + bitOf(RESIZE)) ?? true,
    forbidWriting(isForbidden) {
      if (isForbidden === (forbidden !== undefined)) return true;
      if (isForbidden) {
        const lock = written ?? SharedLock.of(fd);
        if (lock?.begin(FORBIDDING) === false) return false;
        forbidden = lock;
      } else {
        forbidden?.end(FORBIDDING);
        forbidden = undefined;
      }
      return true;
    },
    release() {
      forbidden?.end(FORBIDDING);
      written?.end(WRITING);
    },
  };
}

/** The locks that this process has on a file. */
class SharedLock {
  readonly #key: string;
  readonly #fd: number;
  /** how many users of this process make each claim */
  readonly #counts = new Map<Claim, number>();

  private constructor(key: string, fd: number) {
    this.#key = key;
    this.#fd = fd;
  }

  /** That of an open file, or undefined where the system has no way to it. */
  static of(fd: number): SharedLock | undefined {
    const { dev, ino } = fstatSync(fd, { bigint: true });
    const key = `${dev}:${ino}`;
    const known = locked.get(key);
    if (known !== undefined) return known;
    const again = openAgain(fd);
    return again < 0 ? undefined : new SharedLock(key, again);
  }

  isFree(at: number): boolean {
    const found = request(this.#fd, GET_LOCK, WRITE_LOCK, at);
    return found === null || found === UNLOCKED;
  }

  /** False if somebody else is against it: then nothing was said. */
  begin(claim: Claim): boolean {
    const count = this.#counts.get(claim) ?? 0;
    if (count === 0) {
      for (const at of claim.bytes) request(this.#fd, SET_LOCK, READ_LOCK, at);
      if (!this.isFree(claim.against)) {
        for (const at of claim.bytes) request(this.#fd, SET_LOCK, UNLOCKED, at);
        this.#close();
        return false;
      }
    }
    this.#counts.set(claim, count + 1);
    locked.set(this.#key, this);
    return true;
  }

  end(claim: Claim): void {
    const count = this.#counts.get(claim)! - 1;
    if (count > 0) this.#counts.set(claim, count);
    else {
      this.#counts.delete(claim);
      for (const at of claim.bytes) request(this.#fd, SET_LOCK, UNLOCKED, at);
    }
    this.#close();
  }

  #close(): void {
    if (this.#counts.size > 0) return;
    locked.delete(this.#key);
    closeSync(this.#fd);
  }
}

/** Another opening of the same file, whatever it is called by now; -1 where the system has no way to that. */
function openAgain(fd: number): number {
  try {
    return openSync(`/proc/self/fd/${fd}`, 'r');
  } catch {
    return -1;
  }
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

/**
 * Holes of real files: where they are, and how they are made. Node has no call for either, the operating system has: lseek
 * with SEEK_DATA and SEEK_HOLE, and fallocate. They are called through koffi where it is installed (it is optional) and
 * Linux runs; elsewhere nobody knows of holes, which costs time and space and nothing else.
 */
import { loadLibrary } from './library.js';

/** The three calls. Each returns -1 on an error. */
interface Calls {
  readonly lseek: (fd: number, offset: number, whence: number) => number | bigint;
  readonly fallocate: (fd: number, mode: number, offset: number, length: number) => number;
  readonly errno: () => number;
}

/** From <unistd.h>, <linux/falloc.h> and <errno.h>, the same on all machines of 64 bits that Linux runs on. */
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
const KEEP_SIZE = 1;
const PUNCH_HOLE = 2;
const ENXIO = 6;

let loaded: Calls | null | undefined;

function calls(): Calls | null {
  loaded ??= load();
  return loaded;
}

function load(): Calls | null {
  const found = loadLibrary();
  if (found === null) return null;
  const { library, errno } = found;
  return {
    lseek: library.func('int64_t lseek(int fd, int64_t offset, int whence)') as Calls['lseek'],
    fallocate: library.func(
      'int fallocate(int fd, int mode, int64_t offset, int64_t length)',
    ) as Calls['fallocate'],
    errno,
  };
}

/** Whether this process can find and make holes, if the file system has them. */
export function knowsHoles(): boolean {
  return calls() !== null;
}

/** Whether `offset` of the file is in a hole, and where that changes (at most the end of the file); null if it cannot be known. */
export function extentAt(
  fd: number,
  offset: number,
  size: number,
): { readonly isHole: boolean; readonly end: number } | null {
  const os = calls();
  if (os === null) return null;
  const data = Number(os.lseek(fd, offset, SEEK_DATA));
  // No data from here to the end.
  if (data < 0) return os.errno() === ENXIO ? { isHole: true, end: size } : null;
  if (data > offset) return { isHole: true, end: Math.min(data, size) };
  const hole = Number(os.lseek(fd, offset, SEEK_HOLE));
  return hole <= offset ? null : { isHole: false, end: Math.min(hole, size) };
}

/** Makes the range a hole, which reads as zeros; the size stays. False if that is not possible here: nothing has changed then. */
export function punchHole(fd: number, offset: number, length: number): boolean {
  return calls()?.fallocate(fd, PUNCH_HOLE | KEEP_SIZE, offset, length) === 0;
}

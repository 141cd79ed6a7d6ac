/**
 * What is known of the open files of this process: how long they are, and where one has data. Asking the system for each
 * request costs as much as the request. So it is asked once, and the answer kept in one place for all openings of a file,
 * which all change the file through it. What another program does to the length of an open file is not seen before the file
 * has been closed; and where it makes a hole, bytes are read, which are zeros. QEMU, too, looks at both only once.
 */
import { fstatSync } from 'node:fs';

export class FileState {
  /** bytes; null: it has to be asked for */
  size: number | null = null;
  /** bytes that are known to be no hole, as far as they are inside of the file */
  data: { readonly from: number; readonly to: number } | null = null;
  /** how many openings use it */
  users = 0;

  /** There are bytes up to `end` now. */
  grown(end: number): void {
    if (this.size !== null && this.size < end) this.size = end;
  }

  /** Size, holes or both are others now. */
  changed(): void {
    this.size = null;
    this.data = null;
  }
}

/** by device and number of the file */
const known = new Map<string, FileState>();

/** What is known of the file, and what says that it is closed. */
export function fileState(fd: number): { readonly state: FileState; readonly forget: () => void } {
  const { dev, ino } = fstatSync(fd, { bigint: true });
  const key = `${dev}:${ino}`;
  const state = known.get(key) ?? new FileState();
  known.set(key, state);
  state.users += 1;
  const forget = (): void => {
    state.users -= 1;
    if (state.users === 0) known.delete(key);
  };
  return { state, forget };
}

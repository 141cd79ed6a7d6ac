/** The text of a file that somebody wrote by hand, with limits: a device, a FIFO or a huge file must not stop a run. */
import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync } from 'node:fs';

/** Cases are a few kilobytes; this leaves room without letting a mistake cost memory. */
export const MAX_BYTES = 2 ** 20;

/** The text, or what is wrong with the file. Strict UTF-8; a byte order mark is dropped. */
export function readText(
  path: string,
  limit = MAX_BYTES,
): { readonly text: string } | { readonly wrong: string } {
  let fd: number;
  try {
    // Without O_NONBLOCK opening a FIFO waits for a writer that may never come.
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    return { wrong: `cannot be opened: ${reasonOf(error)}` };
  }
  try {
    const stat = fstatSync(fd);
    if (stat.isDirectory()) return { wrong: 'is a directory: a file was expected' };
    if (!stat.isFile()) return { wrong: 'is not a regular file' };
    if (stat.size > limit) return { wrong: `has ${stat.size} bytes: at most ${limit} are read` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(fd)) };
  } catch (error) {
    if (error instanceof TypeError) return { wrong: 'is not UTF-8 text' };
    return { wrong: `cannot be read: ${reasonOf(error)}` };
  } finally {
    closeSync(fd);
  }
}

/** The text of a list that is to be written again; empty if it is not there. @throws what the file system throws */
export function textIfThere(path: string): string {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? String(error);
}

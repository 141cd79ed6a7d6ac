/** Real files, below a directory or by absolute names, through the door of `spec/storage/storage.ts`. */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  realpathSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import {
  type FileKind,
  type OpenMode,
  type Storage,
  StorageError,
  type StorageFile,
} from '../storage/storage.js';
import { codeOf, translated } from './directory-storage-errno.js';
import { DirectoryFile } from './directory-storage-file.js';
import { takeLock } from './directory-storage-lock.js';
import { lockFile } from './file-lock.js';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY, O_DIRECTORY } = constants;

export interface DirectoryOptions {
  /** Open a file through a symbolic link in its last place. Default false: ELOOP. Links before that are followed. */
  readonly followLinks?: boolean;
}

export class DirectoryStorage implements Storage {
  readonly #root: string;
  readonly #followLinks: boolean;

  /** @param root the directory that relative names are below; it has to exist, `..` may lead out of it */
  constructor(root: string, options: DirectoryOptions = {}) {
    this.#root = translated(root, () => realpathSync.native(root));
    this.#followLinks = options.followLinks ?? false;
  }

  /**
   * Only regular files. Opening a FIFO may block, opening a device may rewind a tape: so the name is looked at before, and
   * what was opened after, lest it was exchanged in between; that one open neither blocks nor takes a terminal.
   */
  open(name: string, mode: OpenMode = {}): StorageFile {
    const path = this.#path(name);
    return translated(name, () => {
      onlyFiles(name, this.#followLinks ? statSync(path) : lstatSync(path));
      const write = mode.write ?? false;
      const unlock =
        mode.lock === undefined ? () => {} : takeLock(realpathSync.native(path), mode.lock, name);
      let fd = -1;
      try {
        const follow = this.#followLinks ? 0 : O_NOFOLLOW;
        fd = openSync(path, (write ? O_RDWR : O_RDONLY) | follow | O_NONBLOCK | O_NOCTTY);
        const stats = fstatSync(fd);
        onlyFiles(name, stats);
        // IMG-016
        const lock = lockFile(fd, write);
        if (lock === null) throw new StorageError('EAGAIN', name);
        if (!Number.isSafeInteger(stats.size)) throw new StorageError('EFBIG', name);
        return new DirectoryFile(name, fd, write, unlock, lock);
      } catch (error) {
        if (fd >= 0) closeSync(fd);
        unlock();
        throw error;
      }
    });
  }

  create(name: string): StorageFile {
    const fd = translated(name, () => openSync(this.#path(name), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW));
    return new DirectoryFile(name, fd, true, () => {});
  }

  kind(name: string): FileKind | null {
    return translated(name, () => {
      const stats = lstatIfThere(this.#path(name));
      return stats === null ? null : kindOf(stats);
    });
  }

  rename(from: string, to: string): void {
    const source = this.#path(from);
    translated(from, () => {
      if (lstatSync(source).isDirectory()) throw new StorageError('EISDIR', from);
    });
    translated(to, () => renameSync(source, this.#path(to)));
  }

  remove(name: string): void {
    translated(name, () => unlinkSync(this.#path(name)));
  }

  flushDirectory(name: string): void {
    translated(name, () => {
      const fd = openSync(dirname(this.#path(name)), O_RDONLY | O_DIRECTORY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
  }

  resolve(from: string, name: string): string {
    return isAbsolute(name) ? name : from.slice(0, from.lastIndexOf('/') + 1) + name;
  }

  /**
   * The absolute name, links followed; of a file that is not there, of its directory and then its name. A file with several
   * names by hard links is known by its number.
   */
  identity(name: string): string {
    const path = this.#path(name);
    return translated(name, () => {
      try {
        const stats = statSync(path, { bigint: true });
        if (stats.isFile() && stats.nlink > 1n) return `${stats.dev}:${stats.ino}`;
        return realpathSync.native(path);
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        return join(realpathSync.native(dirname(path)), basename(path));
      }
    });
  }

  /** Not put in order (`a/../b` → `b`): where `a` is a link, that is another file. */
  #path(name: string): string {
    return isAbsolute(name) ? name : `${this.#root}/${name}`;
  }
}

function kindOf(stats: Stats): FileKind {
  if (stats.isFile()) return 'file';
  if (stats.isDirectory()) return 'directory';
  return stats.isSymbolicLink() ? 'symlink' : 'special';
}

function onlyFiles(name: string, stats: Stats): void {
  const kind = kindOf(stats);
  if (kind === 'directory') throw new StorageError('EISDIR', name);
  if (kind === 'symlink') throw new StorageError('ELOOP', name);
  if (kind === 'special') throw new StorageError('ENOTREG', name);
}

function lstatIfThere(path: string): Stats | null {
  try {
    return lstatSync(path);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw error;
  }
}

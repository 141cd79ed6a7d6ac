/**
 * A tree of files in memory, whatever its files are made of, that tells whoever extends it of every change. It has no
 * symbolic links and no special files; directories are whatever names need. {@link MemoryStorage} is one with files that
 * are quick to write; {@link RecordingStorage} and the states of a disk after a crash have files that share their bytes.
 */
import { type FileKind, type OpenMode, type Storage, StorageError, type StorageFile } from './storage.js';

/** The bytes of a file. Offsets, lengths and sizes are bytes. */
export interface FileBytes {
  readonly size: number;
  readonly allocated?: number | undefined;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, bytes: Uint8Array): void;
  zero(offset: number, length: number): void;
  truncate(size: number): void;
  extent?(offset: number, length: number): { readonly isHole: boolean; readonly length: number };
}

/** What reaches the disk through a tree. Offsets, lengths and sizes are bytes. */
export type Change =
  | { readonly op: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly op: 'zero'; readonly offset: number; readonly length: number }
  | { readonly op: 'truncate'; readonly size: number }
  | { readonly op: 'flush' }
  | { readonly op: 'create' }
  | { readonly op: 'rename'; readonly to: string }
  | { readonly op: 'remove' }
  | { readonly op: 'flush-directory' };

/** Who has a name open with a lock. */
interface Locks {
  exclusive: boolean;
  shared: number;
}

export class FileTree<F extends FileBytes> implements Storage {
  readonly #files = new Map<string, F>();
  /** by name: a file that is renamed over a locked one does not take the lock away */
  readonly #locks = new Map<string, Locks>();
  readonly #makeFile: () => F;

  /**
   * @param makeFile gives an empty file
   * @param files two names may have one file
   */
  constructor(makeFile: () => F, files: Iterable<readonly [string, F]> = []) {
    this.#makeFile = makeFile;
    for (const [name, file] of files) this.#files.set(clean(name), file);
  }

  /** Gives `name` to a file in one step, and tells nobody; for whoever sets a scene. @throws StorageError EISDIR, ENOTDIR */
  protected place(name: string, file: F): void {
    const absence = this.#absence(name);
    if (absence !== 'ENOENT') throw new StorageError(absence, name);
    this.#files.set(clean(name), file);
  }

  /** Every name and its file, by name. */
  files(): [string, F][] {
    return [...this.#files].sort(([one], [other]) => (one < other ? -1 : 1));
  }

  open(name: string, mode: OpenMode = {}): StorageFile {
    const path = clean(name);
    const file = this.#files.get(path);
    if (file === undefined) throw new StorageError(this.#absence(name), name);
    const unlock = this.#lock(name, mode.lock);
    return new OpenFile(name, file, mode.write ?? false, unlock, (change) =>
      this.changed(path, file, change),
    );
  }

  create(name: string): StorageFile {
    if (this.kind(name) !== null) throw new StorageError('EEXIST', name);
    // Directories come and go with the files in them, but a file is none.
    if (this.#absence(name) === 'ENOTDIR') throw new StorageError('ENOTDIR', name);
    const path = clean(name);
    const file = this.#makeFile();
    this.#files.set(path, file);
    this.changed(path, file, { op: 'create' });
    return new OpenFile(
      name,
      file,
      true,
      () => {},
      (change) => this.changed(path, file, change),
    );
  }

  kind(name: string): FileKind | null {
    const path = clean(name);
    if (this.#files.has(path)) return 'file';
    const below = path === '' || path === '/' ? path : `${path}/`;
    for (const other of this.#files.keys()) if (other.startsWith(below)) return 'directory';
    return null;
  }

  rename(from: string, to: string): void {
    const [source, target] = [clean(from), clean(to)];
    const file = this.#files.get(source);
    if (file === undefined) throw new StorageError('ENOENT', from);
    // POSIX: nothing happens when both names are of one file already, as they may be after a crash.
    if (this.#files.get(target) === file) return;
    this.#files.delete(source);
    this.#files.set(target, file);
    this.changed(source, file, { op: 'rename', to: target });
  }

  remove(name: string): void {
    const path = clean(name);
    const file = this.#files.get(path);
    if (file === undefined) throw new StorageError('ENOENT', name);
    this.#files.delete(path);
    this.changed(path, file, { op: 'remove' });
  }

  flushDirectory(name: string): void {
    this.changed(clean(name), null, { op: 'flush-directory' });
  }

  resolve(from: string, name: string): string {
    if (name.startsWith('/')) return name;
    const slash = from.lastIndexOf('/');
    return slash < 0 ? name : from.slice(0, slash + 1) + name;
  }

  identity(name: string): string {
    return clean(name);
  }

  /** Called after each change, for whoever keeps an account of them. @param name the file's, when it was opened */
  protected changed(_name: string, _file: F | null, _change: Change): void {}

  /** Why there is no file of that name. */
  #absence(name: string): 'EISDIR' | 'ENOTDIR' | 'ENOENT' {
    if (this.kind(name) === 'directory') return 'EISDIR';
    const path = clean(name);
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      if (this.#files.has(path.slice(0, slash))) return 'ENOTDIR';
    }
    return 'ENOENT';
  }

  /** As when everybody who had something open has died. */
  forgetLocks(): void {
    this.#locks.clear();
  }

  /** Takes the lock and returns what gives it back. @throws StorageError EAGAIN */
  #lock(name: string, kind: OpenMode['lock']): () => void {
    if (kind === undefined) return () => {};
    const path = clean(name);
    const locks = this.#locks.get(path) ?? { exclusive: false, shared: 0 };
    if (locks.exclusive || (kind === 'exclusive' && locks.shared > 0)) throw new StorageError('EAGAIN', name);
    this.#locks.set(path, locks);
    if (kind === 'exclusive') locks.exclusive = true;
    else locks.shared += 1;
    return () => {
      if (kind === 'exclusive') locks.exclusive = false;
      else locks.shared -= 1;
    };
  }
}

/** One opening of a file. */
class OpenFile implements StorageFile {
  readonly #name: string;
  readonly #file: FileBytes;
  readonly #writable: boolean;
  readonly #unlock: () => void;
  readonly #changed: (change: Change) => void;
  #isOpen = true;

  constructor(
    name: string,
    file: FileBytes,
    writable: boolean,
    unlock: () => void,
    changed: (change: Change) => void,
  ) {
    this.#name = name;
    this.#file = file;
    this.#writable = writable;
    this.#unlock = unlock;
    this.#changed = changed;
  }

  get size(): number {
    return this.#file.size;
  }

  get allocated(): number | undefined {
    return this.#file.allocated;
  }

  read(offset: number, into: Uint8Array): void {
    this.#file.read(offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#forWriting().write(offset, bytes);
    this.#changed({ op: 'write', offset, bytes });
  }

  zero(offset: number, length: number): void {
    this.#forWriting().zero(offset, length);
    this.#changed({ op: 'zero', offset, length });
  }

  truncate(size: number): void {
    this.#forWriting().truncate(size);
    this.#changed({ op: 'truncate', size });
  }

  extent(offset: number, length: number): { readonly isHole: boolean; readonly length: number } {
    return this.#file.extent?.(offset, length) ?? { isHole: false, length };
  }

  flush(): void {
    this.#changed({ op: 'flush' });
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unlock();
  }

  #forWriting(): FileBytes {
    if (!this.#writable) throw new StorageError('EROFS', this.#name);
    return this.#file;
  }
}

/** A part that is empty, `.` or `..`. */
const UNCLEAN = /(^|\/)\.{1,2}(\/|$)|\/(\/|$)/;

/** `a/./b//c/../d` → `a/b/d`: the same file has one name. */
function clean(name: string): string {
  if (!UNCLEAN.test(name)) return name;
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !name.startsWith('/')) parts.push(part);
  }
  return (name.startsWith('/') ? '/' : '') + parts.join('/');
}

/** A tree of files in memory. It has no symbolic links and no special files; directories are whatever names need. */
import { MemoryFile } from './memory.js';
import { type FileKind, type OpenMode, type Storage, StorageError, type StorageFile } from './storage.js';

/** Who has a file open with a lock. */
interface Locks {
  exclusive: boolean;
  shared: number;
}

export class MemoryStorage implements Storage {
  readonly #files = new Map<string, MemoryFile>();
  readonly #locks = new Map<MemoryFile, Locks>();

  /** Makes a file of `size` bytes, all zeros, in one step; an old one of that name is gone. For whoever sets a scene. */
  put(name: string, content: number | Uint8Array): MemoryFile {
    const file = new MemoryFile(typeof content === 'number' ? content : 0);
    if (typeof content !== 'number') file.write(0, content);
    this.#files.set(clean(name), file);
    return file;
  }

  open(name: string, mode: OpenMode = {}): StorageFile {
    const file = this.#files.get(clean(name));
    if (file === undefined) throw new StorageError(this.#absence(name), name);
    return new OpenFile(name, file, mode.write ?? false, this.#lock(name, file, mode.lock));
  }

  create(name: string): StorageFile {
    if (this.kind(name) !== null) throw new StorageError('EEXIST', name);
    return new OpenFile(name, this.put(name, 0), true, () => {});
  }

  kind(name: string): FileKind | null {
    const path = clean(name);
    if (this.#files.has(path)) return 'file';
    const below = path === '' || path === '/' ? path : `${path}/`;
    for (const other of this.#files.keys()) if (other.startsWith(below)) return 'directory';
    return null;
  }

  rename(from: string, to: string): void {
    const file = this.#files.get(clean(from));
    if (file === undefined) throw new StorageError('ENOENT', from);
    this.#files.delete(clean(from));
    this.#files.set(clean(to), file);
  }

  remove(name: string): void {
    if (!this.#files.delete(clean(name))) throw new StorageError('ENOENT', name);
  }

  flushDirectory(): void {
    // Memory has nothing further down.
  }

  resolve(from: string, name: string): string {
    if (name.startsWith('/')) return name;
    const slash = from.lastIndexOf('/');
    return slash < 0 ? name : from.slice(0, slash + 1) + name;
  }

  identity(name: string): string {
    return clean(name);
  }

  /** Why there is no file of that name. */
  #absence(name: string): 'EISDIR' | 'ENOTDIR' | 'ENOENT' {
    if (this.kind(name) === 'directory') return 'EISDIR';
    const path = clean(name);
    for (let slash = path.lastIndexOf('/'); slash > 0; slash = path.lastIndexOf('/', slash - 1)) {
      if (this.#files.has(path.slice(0, slash))) return 'ENOTDIR';
    }
    return 'ENOENT';
  }

  /** Takes the lock and returns what gives it back. @throws StorageError EAGAIN */
  #lock(name: string, file: MemoryFile, kind: OpenMode['lock']): () => void {
    if (kind === undefined) return () => {};
    const locks = this.#locks.get(file) ?? { exclusive: false, shared: 0 };
    if (locks.exclusive || (kind === 'exclusive' && locks.shared > 0)) throw new StorageError('EAGAIN', name);
    this.#locks.set(file, locks);
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
  readonly #file: MemoryFile;
  readonly #writable: boolean;
  readonly #unlock: () => void;
  #isOpen = true;

  constructor(name: string, file: MemoryFile, writable: boolean, unlock: () => void) {
    this.#name = name;
    this.#file = file;
    this.#writable = writable;
    this.#unlock = unlock;
  }

  get size(): number {
    return this.#file.size;
  }

  read(offset: number, into: Uint8Array): void {
    this.#file.read(offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    this.#forWriting().write(offset, bytes);
  }

  zero(offset: number, length: number): void {
    this.#forWriting().zero(offset, length);
  }

  truncate(size: number): void {
    this.#forWriting().truncate(size);
  }

  flush(): void {
    this.#file.flush();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#unlock();
  }

  #forWriting(): MemoryFile {
    if (!this.#writable) throw new StorageError('EROFS', this.#name);
    return this.#file;
  }
}

/** `a/./b//c/../d` → `a/b/d`: the same file has one name. */
function clean(name: string): string {
  const parts: string[] = [];
  for (const part of name.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '..' || !name.startsWith('/')) parts.push(part);
  }
  return (name.startsWith('/') ? '/' : '') + parts.join('/');
}

/** A storage in memory, for machines that run in one process and for tests. */
import { MemoryFile } from './memory.js';
import { FileTree } from './tree.js';

export class MemoryStorage extends FileTree<MemoryFile> {
  readonly #makeFile: (size: number) => MemoryFile;

  /** @param makeFile gives a file of so many zeros */
  constructor(makeFile = (size: number): MemoryFile => new MemoryFile(size)) {
    super(() => makeFile(0));
    this.#makeFile = makeFile;
  }

  /** Makes a file of these bytes, or of so many zeros, in one step; an old one of that name is gone. @throws StorageError EISDIR, ENOTDIR */
  put(name: string, content: number | Uint8Array): MemoryFile {
    const file = this.#makeFile(typeof content === 'number' ? content : 0);
    if (typeof content !== 'number') file.write(0, content);
    this.place(name, file);
    return file;
  }
}

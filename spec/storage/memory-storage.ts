/** A storage in memory, for machines that run in one process and for tests. */
import { MemoryFile } from './memory.js';
import { FileTree } from './tree.js';

export class MemoryStorage extends FileTree<MemoryFile> {
  constructor() {
    super(() => new MemoryFile(0));
  }

  /** Makes a file of these bytes, or of so many zeros, in one step; an old one of that name is gone. @throws StorageError EISDIR, ENOTDIR */
  put(name: string, content: number | Uint8Array): MemoryFile {
    const file = new MemoryFile(typeof content === 'number' ? content : 0);
    if (typeof content !== 'number') file.write(0, content);
    this.place(name, file);
    return file;
  }
}

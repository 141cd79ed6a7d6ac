/** A node as a file: what a bitmap is stored in may be any node, and the codec speaks of files. */
import type { StorageFile } from '../../storage/storage.js';
import type { Node } from '../node.js';
import { flush, read, write, zero } from '../request.js';
import { truncate } from '../resize.js';

export class NodeFile implements StorageFile {
  readonly node: Node;

  constructor(node: Node) {
    this.node = node;
  }

  /** Bytes, not rounded to sectors: a bitmap file has an exact length (QBM-021). */
  get size(): number {
    return this.node.driver.length();
  }

  read(offset: number, into: Uint8Array): void {
    read(this.node, offset, into);
  }

  write(offset: number, bytes: Uint8Array): void {
    write(this.node, offset, bytes);
  }

  zero(offset: number, length: number): void {
    zero(this.node, offset, length);
  }

  truncate(size: number): void {
    truncate(this.node, size);
  }

  flush(): void {
    flush(this.node);
  }

  close(): void {
    // The node is closed by whoever holds it.
  }
}

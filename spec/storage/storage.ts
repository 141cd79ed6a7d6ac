/**
 * The door to bytes. The specification opens nothing by itself: whoever runs it gives a directory of files, in
 * memory, on a disk, or one that records what reached it. Calls are synchronous (DESIGN C3). Offsets and lengths are
 * bytes.
 */

/** A file by name, as long as it is open. */
export interface StorageFile {
  /** bytes */
  readonly size: number;
  /** Fills `into` from `offset`; what lies past the end reads as zeros. */
  read(offset: number, into: Uint8Array): void;
  /** Writes `bytes` at `offset`; a write past the end makes the file longer. */
  write(offset: number, bytes: Uint8Array): void;
  /** Makes the range read as zeros; never makes the file longer. */
  zero(offset: number, length: number): void;
  /** Makes the file exactly `size` bytes long; new bytes are zeros. */
  truncate(size: number): void;
  flush(): void;
}

/** Files by name. */
export interface Storage {
  /** The file, or why it cannot be opened: an errno name. */
  open(name: string): StorageFile | 'ENOENT' | 'EISDIR';
}

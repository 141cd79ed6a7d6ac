/** The disk that the servers serve: no two blocks are alike, none is zeros, and each says where it belongs. */
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, writeSync } from 'node:fs';

/** Bytes of a block. */
export const BLOCK = 4096;
/** Blocks that are written at once. */
const AT_ONCE = 1024;

/** Writes a file of `size` bytes, a whole number of 4 MiB. */
export function makeDisk(path: string, size: number): void {
  const bytes = randomFillSync(Buffer.alloc(BLOCK * AT_ONCE));
  const fd = openSync(path, 'w');
  try {
    for (let first = 0; first < size / BLOCK; first += AT_ONCE) {
      for (let block = 0; block < AT_ONCE; block++) bytes.writeUInt32LE(first + block, block * BLOCK);
      writeSync(fd, bytes);
    }
  } finally {
    closeSync(fd);
  }
}

/** Where the block belongs, by what it says. */
export function blockNumber(bytes: Buffer): number {
  return bytes.readUInt32LE(0);
}

/** The checksum of a file, as an image or a bitmap may carry it. FORMAT.md, QBM-030. */
import type { Sha256 } from '../bitmap/serialise.js';
import type { StorageFile } from '../storage/storage.js';

/** Bytes read at once. */
const CHUNK = 65536;

/** `sha256:` and the hash of all bytes of `file`. @throws StorageError */
export function checksumOf(file: StorageFile, makeHash: () => Sha256): string {
  const hash = makeHash();
  const { size } = file;
  const buffer = new Uint8Array(Math.min(CHUNK, size));
  for (let at = 0; at < size; at += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, size - at));
    file.read(at, piece);
    hash.update(piece);
  }
  return `sha256:${hash.digestHex()}`;
}

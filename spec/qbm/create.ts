/** Makes a new image: data image and bitmap files first, the descriptor last. FORMAT.md, QBM-023 and QBM-036. */
import { type Sha256, serialisedLength } from '../bitmap/serialise.js';
import { type Storage, StorageError } from '../storage/storage.js';
import { type BitmapEntry, bitmapEntry, descriptor, type ImageRef, imageRef } from './descriptor.js';
import { QbmError } from './errors.js';
import { bitmapFileName, dataFileName } from './names.js';
import { DescriptorFile } from './update.js';
import { writeDescriptor } from './write-descriptor.js';

/** What the allocation bitmap of a new image is called. */
export const ALLOCATION_NAME = 'allocation';

export interface NewImage {
  /** bytes of the disk */
  readonly size: number;
  /** with one, the image gets an allocation bitmap, and nothing in it is allocated */
  readonly backing?: ImageRef | null;
  /** of the allocation bitmap, bytes; default 64 KiB */
  readonly clusterSize?: number;
  readonly makeHash: () => Sha256;
}

/**
 * A `raw` data image of zeros, and its descriptor `name`. A crash leaves files without a descriptor.
 * @throws QbmError QBM-E-EXISTS and those of the descriptor; StorageError
 */
export function createImage(storage: Storage, name: string, image: NewImage): void {
  if (storage.kind(name) !== null) throw new QbmError('QBM-E-EXISTS', { file: name });
  const { size, backing = null, clusterSize = 65536, makeHash } = image;
  const data = dataFileName(name);
  const bitmaps: BitmapEntry[] = [];
  if (backing !== null) {
    const file = bitmapFileName(name, ALLOCATION_NAME, 'allocation', makeHash);
    bitmaps.push(bitmapEntry(ALLOCATION_NAME, file, clusterSize, { type: 'allocation', backing }));
  }
  // What the descriptor would not be allowed to say is refused before a file is made.
  const text = writeDescriptor(descriptor(imageRef(data, 'raw'), bitmaps), name);
  createFile(storage, storage.resolve(name, data), size);
  for (const { file, granularityBytes } of bitmaps) {
    createFile(storage, storage.resolve(name, file), serialisedLength(Math.ceil(size / granularityBytes)));
  }
  storage.flushDirectory(name);
  DescriptorFile.create(storage, name, text).close();
}

function createFile(storage: Storage, name: string, size: number): void {
  try {
    const file = storage.create(name);
    try {
      file.truncate(size);
      file.flush();
    } finally {
      file.close();
    }
  } catch (error) {
    const isThere = error instanceof StorageError && error.errno === 'EEXIST';
    throw isThere ? new QbmError('QBM-E-EXISTS', { file: name }) : error;
  }
}

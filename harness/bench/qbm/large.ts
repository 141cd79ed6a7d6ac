/** An image of a large disk with three bitmaps of 64 KiB, made without writing to the disk. Sizes are bytes. */
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { storeBitmap } from '../../../spec/qbm/bitmap-file.js';
import { bitmapEntry, descriptor, imageRef } from '../../../spec/qbm/descriptor.js';
import { bitmapFileName, dataFileName } from '../../../spec/qbm/names.js';
import { DescriptorFile } from '../../../spec/qbm/update.js';
import { writeDescriptor } from '../../../spec/qbm/write-descriptor.js';
import type { Storage } from '../../../spec/storage/storage.js';
import { type Fill, makeBitmap } from '../subject.js';

const GRANULARITY = 65536;
export const BITMAPS: readonly string[] = ['a', 'b', 'c'];

/** Makes the image `name` of `size` bytes. @throws StorageError EFBIG where the storage has no files of that size */
export function makeLarge(storage: Storage, name: string, size: number, fill: Fill): void {
  const data = storage.create(dataFileName(name));
  try {
    data.truncate(size);
  } finally {
    data.close();
  }
  const bitmap = makeBitmap({ name, size, granularity: GRANULARITY }, fill);
  for (const one of BITMAPS) {
    const file = storage.create(fileOf(name, one));
    storeBitmap(file, bitmap);
    file.flush();
    file.close();
  }
  const entries = BITMAPS.map((one) => bitmapEntry(one, fileOf(name, one), GRANULARITY));
  const text = writeDescriptor(descriptor(imageRef(dataFileName(name), 'raw'), entries), name);
  DescriptorFile.create(storage, name, text).close();
}

/** Where a bitmap of the image is. */
export function fileOf(name: string, bitmap: string): string {
  return bitmapFileName(name, bitmap, 'dirty', nodeSha256);
}

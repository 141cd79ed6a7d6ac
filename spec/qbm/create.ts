/** Makes a new image: data image and bitmap files first, the descriptor last. FORMAT.md, QBM-023 and QBM-036. */
import type { Sha256 } from '../bitmap/serialise.js';
import { type Storage, StorageError, type StorageFile } from '../storage/storage.js';
import { bitmapFileSize, checkImageSize } from './bitmap-file.js';
import { geometryOf } from './check/look.js';
import { type BitmapEntry, bitmapEntry, descriptor, type ImageRef, imageRef } from './descriptor.js';
import { QbmError } from './errors.js';
import { bitmapFileName, dataFileName } from './names.js';
import { faultOfReference } from './reference.js';
import { DescriptorFile, removeIfPossible } from './update.js';
import { writeDescriptor } from './write-descriptor.js';

/** What the allocation bitmap of a new image is called. */
export const ALLOCATION_NAME = 'allocation';

export interface NewImage {
  /** bytes of the disk */
  readonly size: number;
  /** what is read where nothing was written yet */
  readonly backing?: ImageRef | null;
  /** whether it gets an allocation bitmap, by which nothing is allocated; default: if there is a backing file, which needs one */
  readonly allocation?: boolean;
  /** the data image as the descriptor is to name it; default QBM-023 */
  readonly dataFile?: string;
  /** the data image is there already, and stays as it is; then there can be no allocation bitmap */
  readonly isDataThere?: boolean;
  /** of the allocation bitmap, bytes; default 64 KiB */
  readonly clusterSize?: number;
  /** the descriptor takes the place of an empty file, which has to be there; default: of nothing */
  readonly overEmpty?: boolean;
  readonly makeHash: () => Sha256;
}

/**
 * A `raw` data image of zeros, and its descriptor `name`. A crash leaves files without a descriptor.
 * @returns all files that were made
 * @throws QbmError QBM-E-EXISTS, QBM-E-NO-FILE, QBM-E-IMAGE-SIZE, QBM-E-BITS and those of the descriptor; StorageError
 */
export function createImage(storage: Storage, name: string, image: NewImage): readonly string[] {
  if (image.overEmpty !== true) {
    if (storage.kind(name) !== null) throw new QbmError('QBM-E-EXISTS', { file: name });
    const { text, files } = createParts(storage, name, image);
    try {
      DescriptorFile.create(storage, name, text).close();
    } catch (error) {
      // Unless the descriptor is there after all, nothing leads to them.
      if (storage.kind(name) === null) for (const file of files) removeIfPossible(storage, file);
      throw error;
    }
    return [name, ...files];
  }
  const file = DescriptorFile.open(storage, name, 'exclusive');
  try {
    if (file.content.length > 0) throw new QbmError('QBM-E-EXISTS', { file: name });
    const { text, files } = createParts(storage, name, image);
    try {
      file.replace(text);
    } catch (error) {
      if (file.content.length === 0) for (const made of files) removeIfPossible(storage, made);
      throw error;
    }
    return files;
  } finally {
    file.close();
  }
}

/** All but the descriptor: what that is to say, and which files were made. */
function createParts(storage: Storage, name: string, image: NewImage): { text: string; files: string[] } {
  const { size, backing = null, clusterSize = 65536, makeHash } = image;
  const data = image.dataFile ?? dataFileName(name);
  const fault = faultOfReference(data, 'local');
  if (fault !== null) throw new QbmError('QBM-E-FILE', { file: data, problem: fault.problem });
  const bitmaps: BitmapEntry[] = [];
  if (backing !== null || image.allocation) {
    const file = bitmapFileName(name, ALLOCATION_NAME, 'allocation', makeHash);
    bitmaps.push(bitmapEntry(ALLOCATION_NAME, file, clusterSize, { type: 'allocation', backing }));
  }
  // What no reader would open is refused before a file is made.
  checkImageSize(size);
  const text = writeDescriptor(descriptor(imageRef(data, 'raw'), bitmaps), name);
  const files = [
    ...(image.isDataThere ? [] : [[data, size] as const]),
    ...bitmaps.map((entry) => [entry.file, bitmapFileSize(geometryOf(entry, size))] as const),
  ];
  createFiles(
    storage,
    files.map(([file, length]) => [storage.resolve(name, file), length]),
  );
  storage.flushDirectory(name);
  return { text, files: files.map(([file]) => storage.resolve(name, file)) };
}

/** All of them, or none is left. */
function createFiles(storage: Storage, files: readonly (readonly [name: string, size: number])[]): void {
  const made: string[] = [];
  try {
    for (const [name, size] of files) {
      const file = create(storage, name);
      made.push(name);
      try {
        file.truncate(size);
        file.flush();
      } finally {
        file.close();
      }
    }
  } catch (error) {
    for (const name of made) removeIfPossible(storage, name);
    throw error;
  }
}

function create(storage: Storage, name: string): StorageFile {
  try {
    return storage.create(name);
  } catch (error) {
    const isThere = error instanceof StorageError && error.errno === 'EEXIST';
    throw isThere ? new QbmError('QBM-E-EXISTS', { file: name }) : error;
  }
}

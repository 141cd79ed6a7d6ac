/** What a descriptor says: the data image, the bitmaps, and who has it open. FORMAT.md, QBM-001, QBM-002 and QBM-007 to QBM-012. */
import type { Json } from '../json/value.js';

/** Whether the caller vouches for what a descriptor says, QBM-040. */
export type Trust = 'stranger' | 'local';

/** When dirty bits reach the disk, QBM-033 and QBM-034. */
export type Policy = 'writeback' | 'writethrough';

/** Members that this specification does not define and that may be ignored: kept as they are, QBM-011. */
export type SoftExtensions = ReadonlyMap<string, Json>;

/** A data image or a backing file. */
export interface ImageRef {
  /** as the descriptor has it: relative to its directory, or absolute */
  readonly file: string;
  readonly format: string;
  /** `sha256:` and 64 lower-case hexadecimal digits, of the file's bytes */
  readonly checksum: string | null;
  readonly extensions: SoftExtensions;
}

export type BitmapType = 'dirty' | 'allocation';

export interface BitmapEntry {
  readonly name: string;
  readonly file: string;
  /** bytes of the data image that one bit stands for */
  readonly granularityBytes: number;
  readonly type: BitmapType;
  /** where unallocated granules are read from; only of an allocation bitmap */
  readonly backing: ImageRef | null;
  /** false: a disabled bitmap; only of a dirty bitmap */
  readonly recording: boolean;
  /** the content is worth nothing; only of a dirty bitmap */
  readonly inconsistent: boolean;
  readonly checksum: string | null;
  readonly extensions: SoftExtensions;
}

/** The crash marker: a writer has the image open, or had it when it died. */
export interface InUse {
  readonly policy: Policy;
  /** anything that tells people who it is */
  readonly writer: string;
}

export interface Descriptor {
  readonly image: ImageRef;
  /** in ascending order of their names (UTF-16 code units) */
  readonly bitmaps: readonly BitmapEntry[];
  readonly inUse: InUse | null;
  readonly extensions: SoftExtensions;
}

const NONE: SoftExtensions = new Map();

export function imageRef(file: string, format: string, more: Partial<ImageRef> = {}): ImageRef {
  return { file, format, checksum: null, extensions: NONE, ...more };
}

export function bitmapEntry(
  name: string,
  file: string,
  granularityBytes: number,
  more: Partial<BitmapEntry> = {},
): BitmapEntry {
  const plain = { type: 'dirty', backing: null, recording: true, inconsistent: false } as const;
  return { name, file, granularityBytes, ...plain, checksum: null, extensions: NONE, ...more };
}

/** A descriptor with its bitmaps in order. */
export function descriptor(
  image: ImageRef,
  bitmaps: readonly BitmapEntry[] = [],
  more: Partial<Pick<Descriptor, 'inUse' | 'extensions'>> = {},
): Descriptor {
  const sorted = [...bitmaps].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { image, bitmaps: sorted, inUse: more.inUse ?? null, extensions: more.extensions ?? NONE };
}

/** A file that a descriptor names, and as what. */
export interface Reference {
  /** for messages: `the data image`, `bitmap "b0"` */
  readonly role: string;
  readonly file: string;
  readonly image: ImageRef | null;
  readonly bitmap: BitmapEntry | null;
}

/** The files that `found` names, the data image first. */
export function references(found: Descriptor): Reference[] {
  const all: Reference[] = [
    { role: 'the data image', file: found.image.file, image: found.image, bitmap: null },
  ];
  for (const bitmap of found.bitmaps) {
    all.push({ role: `bitmap "${bitmap.name}"`, file: bitmap.file, image: null, bitmap });
    if (bitmap.backing !== null)
      all.push({ role: 'the backing file', file: bitmap.backing.file, image: bitmap.backing, bitmap: null });
  }
  return all;
}

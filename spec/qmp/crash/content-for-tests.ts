/**
 * What a guest sees of the files of an image, worked out from the files alone, and what it may see after a crash: for
 * each sector, every content it had since the last flush that was reported. Sizes are bytes, places are sectors.
 */
import { SECTOR, type Sector, type SectorFile, sameSector } from '../../storage/recording-file.js';

export const IMAGE = 'disk.qbm';
export const DATA = 'disk.data';
export const BASE = 'base.raw';
export const ALLOCATION = 'disk.allocation.allocation.bitmap';

/** `null` is a sector of zeros. */
export type Content = Sector | null;

/** The disk as a reader sees it. */
export interface Seen {
  /** of the data image */
  readonly size: number;
  at(sector: number): Content;
}

/** @param cluster granularity of the allocation bitmap, or null */
export function seenIn(files: ReadonlyMap<string, SectorFile>, cluster: number | null): Seen {
  const data = files.get(DATA)!;
  const sectors = sectorsOf(data.size);
  if (cluster === null)
    return { size: data.size, at: (sector) => (sector < sectors ? data.get(sector) : null) };
  const allocation = files.get(ALLOCATION)!;
  const base = files.get(BASE)!;
  const at = (sector: number): Content => {
    if (sector >= sectors) return null;
    return bit(allocation, Math.floor((sector * SECTOR) / cluster)) ? data.get(sector) : base.get(sector);
  };
  return { size: data.size, at };
}

function bit(file: SectorFile, index: number): boolean {
  const byte = Math.floor(index / 8);
  const found = file.get(Math.floor(byte / SECTOR))?.bytes[byte % SECTOR] ?? 0;
  return ((found >> (index % 8)) & 1) === 1;
}

/** REF-004: a disk is a whole number of sectors, however long its file is. */
export function sectorsOf(size: number): number {
  return Math.ceil(size / SECTOR);
}

/** What may be found: by sector, the oldest first; a sector that is not in it holds zeros. */
export class Versions {
  /** of the disk, in sectors */
  readonly sizes: readonly number[];
  readonly sectors: ReadonlyMap<number, readonly Content[]>;

  constructor(sizes: readonly number[], sectors: ReadonlyMap<number, readonly Content[]>) {
    this.sizes = sizes;
    this.sectors = sectors;
  }

  /** @param places those that may hold something */
  static of(seen: Seen, places: Iterable<number>): Versions {
    return new Versions(
      [sectorsOf(seen.size)],
      new Map([...places].map((place) => [place, [seen.at(place)]])),
    );
  }

  /** With what is seen now at some places as the newest. */
  followedBy(seen: Seen, places: Iterable<number>): Versions {
    const sectors = new Map(this.sectors);
    for (const place of places) {
      const old = sectors.get(place) ?? [null];
      const now = seen.at(place);
      if (!sectors.has(place) || !sameSector(old.at(-1)!, now)) sectors.set(place, [...old, now]);
    }
    const size = sectorsOf(seen.size);
    const sizes = this.sizes.at(-1) === size ? this.sizes : [...this.sizes, size];
    return new Versions(sizes, sectors);
  }

  /** As when all of it has reached the disk: only the newest. */
  flushed(): Versions {
    const newest = [...this.sectors].map(([place, all]) => [place, [all.at(-1)!]] as const);
    return new Versions([this.sizes.at(-1)!], new Map(newest));
  }

  /** Whether the sector may hold what is seen there; of the last one, what is before the end. */
  has(place: number, seen: Seen): boolean {
    const content = seen.at(place);
    const all = this.sectors.get(place);
    if (all === undefined) return content === null;
    const inside = seen.size - place * SECTOR;
    return all.some((one) => (inside < SECTOR ? sameStart(one, content, inside) : sameSector(one, content)));
  }
}

function sameStart(one: Content, other: Content, length: number): boolean {
  for (let i = 0; i < length; i++) if ((one?.bytes[i] ?? 0) !== (other?.bytes[i] ?? 0)) return false;
  return true;
}

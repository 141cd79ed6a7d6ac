/** A guest's writes to the reference: both policies against no bitmap and against each other, on files and in memory. */
import { DirectoryStorage } from '../../../spec/host/directory-storage.js';
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import type { Storage } from '../../../spec/storage/storage.js';
import { ScratchDirectory } from '../../target/process.js';
import type { Bar, BenchContext, Section } from '../bench.js';
import { ReferenceDisk } from './disk.js';
import { type Flushing, GRANULARITIES, offsets } from './load.js';
import { compare, type Load, type Wanted } from './rows.js';

type Place = 'files' | 'memory';

/** What writeback may cost a load of random writes. */
const AT_MOST: Bar = { at: 'most', value: 1.15 };
const POLICIES = ['writeback', 'writethrough'] as const;
/** Writes a pass; as many granules of every bitmap. */
const WRITES = 1024;
/** Where each write waits for the disk there are fewer. */
const FLUSHED_WRITES = 128;

export async function* referenceSections(context: BenchContext): AsyncGenerator<Section, void, undefined> {
  const scratch = new ScratchDirectory();
  try {
    yield* sectionsOn('files', new DirectoryStorage(scratch.path), ['no flush', 'flush after each'], context);
  } finally {
    await scratch.remove();
  }
  yield* sectionsOn('memory', new MemoryStorage(), ['no flush'], context);
}

async function* sectionsOn(
  place: Place,
  storage: Storage,
  flushings: readonly Flushing[],
  { quick, signal }: BenchContext,
): AsyncGenerator<Section, void, undefined> {
  const disks = makeDisks(storage, offsets(WRITES));
  try {
    for (const flushing of flushings) {
      const isFlushed = flushing === 'flush after each';
      const load: Load = {
        flushing,
        count: isFlushed ? FLUSHED_WRITES : WRITES,
        // In memory a pass takes about a millisecond.
        passes: place === 'memory' ? 10 : 1,
        warmUps: quick ? 1 : 3,
        pairs: quick ? 3 : 15,
      };
      yield section(place, load, await compare(disks, wanted(flushing), load, signal));
    }
  } finally {
    for (const disk of disks.values()) disk.close();
  }
}

/** One disk for each thing to be measured, all in the same storage. */
function makeDisks(storage: Storage, at: readonly number[]): Map<string, ReferenceDisk> {
  const disks = new Map<string, ReferenceDisk>();
  disks.set('raw', new ReferenceDisk({ storage, name: 'plain', driver: 'raw' }, at));
  for (const name of ['none', 'other'])
    disks.set(name, new ReferenceDisk({ storage, name, driver: 'qbm' }, at));
  for (const policy of POLICIES) {
    for (const granularity of GRANULARITIES) {
      const name = `${policy}-${granularity}`;
      disks.set(name, new ReferenceDisk({ storage, name, driver: 'qbm', policy, granularity }, at));
    }
  }
  return disks;
}

function wanted(flushing: Flushing): Wanted[] {
  const bar = flushing === 'no flush' ? { bar: AT_MOST } : {};
  const rows: Wanted[] = [
    { what: 'two equal images without a bitmap', granularity: null, first: 'other', second: 'none' },
    { what: 'no bitmap to a raw node', granularity: null, first: 'none', second: 'raw' },
    { what: 'writeback, 64 KiB, to a raw node', granularity: null, first: 'writeback-65536', second: 'raw' },
  ];
  for (const granularity of GRANULARITIES) {
    const [back, through] = POLICIES.map((policy) => `${policy}-${granularity}`);
    rows.push({ what: 'writeback to none', granularity, first: back!, second: 'none', ...bar });
    rows.push({ what: 'writethrough to none', granularity, first: through!, second: 'none' });
    rows.push({ what: 'writethrough to writeback', granularity, first: through!, second: back! });
  }
  return rows;
}

function section(place: Place, load: Load, rows: Section['rows']): Section {
  const { flushing, count, passes } = load;
  const where = place === 'files' ? 'on files' : 'in memory';
  const how = flushing === 'no flush' ? 'no flush of the guest' : 'a flush of the guest after each';
  return {
    title: `qbm: random writes of 4 KiB to the reference, ${where}, ${how}`,
    sides: ['first', 'second'],
    rows,
    measured:
      `one write, as the mean of ${passes * count} to as many granules (fresh: all clean, each write sets a new bit; ` +
      'dirty: all set by the same writes before) of a disk of 16 GiB whose blocks are there; the machine is called ' +
      'in this process. Making the bitmap clean, and closing the image, are not measured.',
    why:
      'writeback marks the bitmap, and in a second one which part of its file is behind. Writethrough besides writes ' +
      "up to 4 KiB of the bitmap's file before the data and flushes them, if a bit is new; else it does what " +
      'writeback does. The first granule of a page of 64 KiB of the bitmap makes the page: at 512 B that is one write ' +
      'in 16 here.' +
      (place === 'memory'
        ? ' In memory a flush is nothing: what is seen is the work of the processor.'
        : '') +
      (flushing === 'no flush' ? '' : ' A flush of the guest is one of the data image under both.'),
  };
}

/** Opening an image of a large disk: how long, and how much memory against that of its bitmaps. */
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { DirectoryStorage } from '../../../spec/host/directory-storage.js';
import { StorageError } from '../../../spec/storage/storage.js';
import { ScratchDirectory, settles, startChild } from '../../target/process.js';
import { alternate } from '../alternate.js';
import { type Bar, type BenchContext, type Comparison, comparison, type Section } from '../bench.js';
import type { Pair } from '../stats.js';
import type { Fill } from '../subject.js';
import { makeLarge } from './large.js';

/** What the child is told. */
export interface Order {
  /** where the files are; null: in memory, and the child makes them */
  readonly root: string | null;
  /** of the descriptor */
  readonly name: string;
  /** bytes of the disk */
  readonly size: number;
  readonly fill: Fill;
  readonly what: 'open' | 'read';
}

/** What the child says. Milliseconds and bytes. */
export interface Answer {
  readonly ms: number;
  /** heap and external memory after a collection, against before */
  readonly grown: number;
  /** the most that the process ever had resident, against what it had before; null where the system does not say */
  readonly peak: number | null;
  /** what the bitmaps say that they take */
  readonly accounted: number;
}

const TIME: Bar = { of: 'first', at: 'most', value: 500 };
const MEMORY: Bar = { at: 'most', value: 1.2 };
const LIMIT_MS = 60_000;
const WHOLE = 16 * 2 ** 40;
/** One granule less: ext4 has files of up to 16 TiB less 4 KiB. */
const LESS = WHOLE - 65536;
const CHILD = fileURLToPath(new URL('open-child.js', import.meta.url));

export async function openSection(context: BenchContext): Promise<Section> {
  const scratch = new ScratchDirectory();
  const rows: Comparison[] = [];
  let size: number | null = null;
  try {
    for (const fill of ['sparse', 'full'] as const) {
      size = makeOnFiles(scratch.path, fill);
      if (size !== null) rows.push(...(await rowsOf('files', { root: scratch.path, size, fill }, context)));
      rows.push(...(await rowsOf('memory', { root: null, size: WHOLE, fill }, context)));
    }
  } finally {
    await scratch.remove();
  }
  return section(rows, size);
}

/** The disk size that the file system allows, or null if it has no files of nearly that size. */
function makeOnFiles(root: string, fill: Fill): number | null {
  const storage = new DirectoryStorage(root);
  for (const size of [WHOLE, LESS]) {
    try {
      makeLarge(storage, nameOf(fill, size), size, fill);
      return size;
    } catch (error) {
      if (!(error instanceof StorageError) || error.errno !== 'EFBIG') throw error;
    }
  }
  return null;
}

function nameOf(fill: Fill, size: number): string {
  return `${fill}-${size}.qbm`;
}

async function rowsOf(
  place: string,
  { root, size, fill }: Pick<Order, 'root' | 'size' | 'fill'>,
  { quick, signal }: BenchContext,
): Promise<Comparison[]> {
  const order = { root, name: nameOf(fill, size), size, fill };
  const answers: Answer[] = [];
  const times = { warmUps: 1, pairs: quick ? 2 : 7 };
  const ms = await alternate(
    async () => {
      answers.push(await ask({ ...order, what: 'open' }));
      return answers.at(-1)!.ms;
    },
    async () => (await ask({ ...order, what: 'read' })).ms,
    times,
    signal,
  );
  const counted = answers.slice(times.warmUps);
  const against = (of: (one: Answer) => Pair): Pair[] => counted.map(of);
  const grown = against(({ grown, accounted }) => ({ first: grown, second: accounted }));
  const rows = [
    comparison(`${place}, ${fill}: time to a plain read`, ms, { bar: TIME }),
    comparison('  memory to the bitmaps', grown, { unit: 'bytes', bar: MEMORY }),
  ];
  // Where the child made the files in memory, the making has been its peak.
  if (root !== null && counted.every((one) => one.peak !== null)) {
    const peak = against((one) => ({ first: one.peak!, second: one.accounted }));
    rows.push(comparison('  greatest memory to the bitmaps', peak, { unit: 'bytes', bar: MEMORY }));
  }
  return rows;
}

/** @throws Error when the child fails, or takes too long */
async function ask(order: Order): Promise<Answer> {
  const child = await startChild({
    file: process.execPath,
    args: [CHILD, JSON.stringify(order)],
    channel: 'stdio',
  });
  try {
    const said = text(child.output);
    said.catch(() => {}); // how the child ended says more
    if (!(await settles(child.exited, LIMIT_MS))) throw new Error(`opening took more than ${LIMIT_MS} ms`);
    if (child.exit?.code !== 0) throw new Error(child.death()!);
    return JSON.parse(await said) as Answer;
  } finally {
    await child.destroy();
  }
}

function section(rows: readonly Comparison[], size: number | null): Section {
  const files =
    size === WHOLE
      ? 'On files the disk has 16 TiB'
      : size === null
        ? 'The file system has no file of nearly 16 TiB: no rows for files'
        : 'On files the disk is 64 KiB shorter than 16 TiB, which is too long for this file system';
  return {
    title: 'qbm: opening an image of 16 TiB with three bitmaps of 64 KiB',
    sides: ['open', 'against'],
    rows,
    measured:
      'one blockdev-add, for writing, in a new process each time; the data image is one hole. Plain read: each byte ' +
      `of the three bitmap files once, in another new process. ${files}; the files are in the page cache. Memory: ` +
      'what the heap and the memory outside of it grow by, between two collections; greatest: what the resident ' +
      'memory grows by at its highest; the bitmaps: what they say that they take (their bits are 96 MiB).',
    why:
      'the files are read in pieces of 64 KiB straight into the pages of the bitmaps, and a piece of zeros makes no ' +
      'page; so there is no second copy. Sparse are 1000 granules here and there, in most of the 512 pages.',
  };
}

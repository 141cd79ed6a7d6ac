/** How many writes have to wait for the bitmap under writethrough: counted, not timed. */
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { jsonObject } from '../../../spec/json/value.js';
import { Machine } from '../../../spec/qmp/machine.js';
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import type { Change } from '../../../spec/storage/tree.js';
import { type BenchContext, type Comparison, comparison, type Section } from '../bench.js';
import { BITMAP, execute, NODE } from './disk.js';
import { DISK_BYTES, GRANULARITIES, granularityText, offsets, picker, WRITE_BYTES } from './load.js';

/** Of a load as it may be; those of {@link offsets} are made to hit every granule once. */
const WRITES = 32_768;
/** The part of the disk, bytes, in which a guest with a working set writes. */
const WORKING_SET = 2 ** 30;
const FILE = 'bitmap';

interface Load {
  readonly name: string;
  readonly writes: readonly number[];
}

export function flushesSection({ quick }: BenchContext): Section {
  const all = loads(quick ? WRITES / 8 : WRITES);
  const rows: Comparison[] = [];
  for (const { name, writes } of all) {
    for (const granularity of GRANULARITIES) {
      const flushes = flushesOf(writes, granularity);
      const pair = { first: flushes, second: writes.length };
      rows.push(comparison(`${name}, ${granularityText(granularity)}`, [pair], { unit: 'count' }));
    }
  }
  return {
    title: 'qbm: how many writes of 4 KiB need a flush of the bitmap under writethrough',
    sides: ['flushes', 'writes'],
    rows,
    measured:
      'flushes of the bitmap file during the load, from a clean bitmap; counted, so always the same. Random: anywhere ' +
      `in the first GiB of the disk. Sequential: one after the other. The data image is null-co.`,
    why: 'a write needs one if it sets a bit that is clear, whatever the load did before. Under writeback no write does.',
  };
}

function loads(count: number): Load[] {
  const pick = picker();
  const random = Array.from({ length: count }, () => pick(WORKING_SET / WRITE_BYTES) * WRITE_BYTES);
  const sequential = Array.from({ length: count }, (_, index) => index * WRITE_BYTES);
  return [
    { name: 'fresh', writes: offsets(1024) },
    { name: 'random', writes: random },
    { name: 'sequential', writes: sequential },
  ];
}

/** A storage that knows how often the bitmap was flushed. */
class FlushCounter extends MemoryStorage {
  flushes = 0;

  protected override changed(name: string, _file: unknown, change: Change): void {
    if (name === FILE && change.op === 'flush') this.flushes++;
  }
}

/** An image put together from its parts: it is writethrough, and what it writes to need not hold data. */
function flushesOf(writes: readonly number[], granularity: number): number {
  const storage = new FlushCounter();
  storage.put(FILE, Math.ceil(DISK_BYTES / granularity / 8));
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const image = jsonObject({ driver: 'null-co', size: DISK_BYTES, 'read-zeroes': true });
  const file = jsonObject({ driver: 'file', filename: FILE });
  const bitmaps = [jsonObject({ name: BITMAP, file, granularity })];
  execute(machine, 'blockdev-add', { driver: 'qbm', 'node-name': NODE, image, bitmaps });
  const before = storage.flushes;
  const bytes = new Uint8Array(WRITE_BYTES);
  for (const offset of writes) machine.io(NODE, { op: 'write', offset, bytes });
  const { flushes } = storage;
  machine.shutDown();
  return flushes - before;
}

/** The block driver of the reference as a second reader of a QBM image, to be held against the first: format.ts. */
import { nodeSha256 } from '../../../spec/host/sha256.js';
import { jsonObject } from '../../../spec/json/value.js';
import { QmpError } from '../../../spec/qmp/errors.js';
import { Machine } from '../../../spec/qmp/machine.js';
import type { Storage } from '../../../spec/storage/storage.js';
import type { FormatRefusal, InspectedBitmap, Inspection, Trust } from '../target.js';

export interface DriverOpening {
  readonly trust: Trust;
  readonly readOnly: boolean;
}

/** Opens the image as a node and closes it again: its size and bitmaps as text, or the id of the refusal. */
export function readByDriver(storage: Storage, filename: string, { trust, readOnly }: DriverOpening): string {
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const file = jsonObject({ driver: 'file', filename });
  const options = {
    driver: 'qbm',
    'node-name': 'd',
    'read-only': readOnly,
    trusted: trust === 'local',
    file,
  };
  try {
    machine.execute({ name: 'blockdev-add', arguments: jsonObject(options) });
    const { size, bitmaps } = machine.graph.find('d')!;
    const all = bitmaps.map((bitmap) => ({
      name: bitmap.name!,
      granularity: bitmap.granularity,
      recording: bitmap.recording,
      areas: bitmap.inconsistent ? null : [...bitmap.dirtyAreas()],
    }));
    return textOf(size, all);
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    return error.id;
  } finally {
    machine.shutDown();
  }
}

/** What {@link readByDriver} gives of an image that the other reader sees so. */
export function asDriverReads(seen: Inspection | FormatRefusal): string {
  // A descriptor that is not there is refused by the node of its file.
  if ('error' in seen && seen.error.text.startsWith('the descriptor: there is no file')) return 'REF-E-OPEN';
  if ('error' in seen) return seen.error.id;
  const dirty = seen.bitmaps.filter(({ type }) => type === 'dirty');
  return textOf(
    seen.size,
    dirty.map(({ name, granularity, recording, areas }) => ({ name, granularity, recording, areas })),
  );
}

/** Nodes have whole sectors: of such an image the driver sees more. */
export function hasOddSize(seen: Inspection | FormatRefusal): boolean {
  return !('error' in seen) && seen.size % 512 !== 0;
}

function textOf(size: number, bitmaps: readonly Pick<InspectedBitmap, 'name'>[]): string {
  const sorted = [...bitmaps].sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${size} ${JSON.stringify(sorted)}`;
}

/**
 * The vectors of cases/format have a second reading in this project: the block driver. What the reader of spec/qbm takes
 * the driver opens, with the same bitmaps, for reading and for writing, and the reverse.
 */
import { join } from 'node:path';
import t from 'tap';
import { nodeSha256 } from '../../spec/host/sha256.js';
import { jsonObject } from '../../spec/json/value.js';
import { QmpError } from '../../spec/qmp/errors.js';
import { Machine } from '../../spec/qmp/machine.js';

import { MemoryStorage } from '../../spec/storage/memory-storage.js';
import { packageRoot } from '../cli/environment.js';
import { ReferenceFormat } from '../target/reference-format.js';
import type { FormatRefusal, Inspection } from '../target/target.js';
import { bytesOf } from './content.js';
import { loadSuite } from './load/load.js';

const { cases } = loadSuite(join(packageRoot(), 'cases'));
t.test('the driver opens what a reader opens', async (t) => {
  let count = 0;
  for (const found of cases.filter(({ area }) => area === 'format')) {
    const storage = new MemoryStorage();
    const format = new ReferenceFormat(storage, '/case');
    for (const step of found.steps) {
      const action = step.action.verb === 'either' ? step.action.action : step.action;
      if (action.verb === 'file') await format.put(action.file, bytesOf(action.content));
      if (action.verb === 'check') await format.check(action.file, action);
      if (action.verb !== 'descriptor') continue;
      const { file, trust } = action;
      const seen = await format.inspect(file, { trust, verify: false });
      if (isOwnMatter(seen)) continue;
      for (const readOnly of [true, false]) {
        const driver = opened(
          readOnly ? storage : copyOf(storage),
          `/case/${file}`,
          trust === 'local',
          readOnly,
        );
        t.equal(driver, shown(seen), `${found.id}:${step.line}${readOnly ? '' : ', for writing'}`);
        count++;
      }
    }
  }
  t.ok(count > 1000, `${count} openings`);
});

/** What the driver says otherwise, and may. */
function isOwnMatter(seen: Inspection | FormatRefusal): boolean {
  // The node of the file is made before, and refuses with its own id.
  if ('error' in seen) return seen.error.place === null && seen.error.text.startsWith('the descriptor:');
  // Nodes have whole sectors.
  return seen.size % 512 !== 0;
}

function opened(storage: MemoryStorage, filename: string, trusted: boolean, readOnly: boolean): string {
  const machine = new Machine({ storage, makeHash: nodeSha256 });
  const file = jsonObject({ driver: 'file', filename });
  const options = { driver: 'qbm', 'node-name': 'd', 'read-only': readOnly, trusted, file };
  try {
    machine.execute({ name: 'blockdev-add', arguments: jsonObject(options) });
    const { size, bitmaps } = machine.graph.find('d')!;
    const all = bitmaps.map((bitmap) => ({
      name: bitmap.name!,
      granularity: bitmap.granularity,
      recording: bitmap.recording,
      areas: bitmap.inconsistent ? null : [...bitmap.dirtyAreas()],
    }));
    return text(size, all);
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    return error.id;
  } finally {
    machine.shutDown();
  }
}

function shown(seen: Inspection | FormatRefusal): string {
  if ('error' in seen) return seen.error.id;
  const dirty = seen.bitmaps.filter(({ type }) => type === 'dirty');
  return text(
    seen.size,
    dirty.map(({ name, granularity, recording, areas }) => ({ name, granularity, recording, areas })),
  );
}

function text(size: number, bitmaps: readonly { readonly name: string }[]): string {
  const sorted = [...bitmaps].sort((a, b) => (a.name < b.name ? -1 : 1));
  return `${size} ${JSON.stringify(sorted)}`;
}

/** For a writer, so that the next step finds everything as it was; of large files only the size, they are zeros. */
function copyOf(storage: MemoryStorage): MemoryStorage {
  const copy = new MemoryStorage();
  for (const [name, file] of storage.files()) {
    const bytes = new Uint8Array(file.size > 2 ** 24 ? 0 : file.size);
    file.read(0, bytes);
    copy.put(name, bytes.length === file.size ? bytes : file.size);
  }
  return copy;
}

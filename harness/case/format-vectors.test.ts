/**
 * The vectors of cases/format have a second reading in this project: the block driver. What the reader of spec/qbm takes
 * the driver opens, with the same bitmaps, for reading and for writing, and the reverse.
 */
import { join } from 'node:path';
import t from 'tap';
import { MemoryStorage } from '../../spec/storage/memory-storage.js';
import { packageRoot } from '../cli/environment.js';
import { asDriverReads, hasOddSize, readByDriver } from '../target/reference/driver.js';
import { ReferenceFormat } from '../target/reference/format.js';
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
      if (hasOddSize(seen)) continue;
      for (const readOnly of [true, false]) {
        const files = readOnly ? storage : copyOf(storage);
        const driver = readByDriver(files, `/case/${file}`, { trust, readOnly });
        // QBM-035
        const isBarred = !readOnly && storage.kind(`/case/${file}.new`) === 'directory';
        t.equal(
          driver,
          isBarred ? 'QBM-E-NOT-REGULAR' : asDriverReads(seen),
          `${found.id}:${step.line}${readOnly ? '' : ', for writing'}`,
        );
        count++;
      }
    }
  }
  t.ok(count > 1000, `${count} openings`);
});

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

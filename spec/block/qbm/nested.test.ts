/** QBM images within QBM images: what check says of them, and what opening many levels costs. FORMAT.md, QBM-017, QBM-041, QBM-042. */
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkImage } from '../../qbm/check/check.js';
import { repairImage } from '../../qbm/check/repair.js';
import { MemoryStorage } from '../../storage/memory-storage.js';
import type { OpenMode, StorageFile } from '../../storage/storage.js';
import { contentOf, DirectoryStorage, directoryFor, Image, nodeSha256 } from './image-for-tests.js';

const OPTIONS = { trust: 'stranger', makeHash: nodeSha256 } as const;

function put(storage: MemoryStorage, name: string, image: object, bitmaps: object = {}): void {
  const text = JSON.stringify({ QBM: { version: 1, image, bitmaps } });
  storage.put(name, new TextEncoder().encode(text));
}

const dirty = (file: string, more = {}): object => ({
  file,
  'granularity-bytes': 65536,
  type: 'dirty',
  ...more,
});

t.test('QBM-042: a finding says which image it is of, and is repaired there', (t) => {
  const storage = new MemoryStorage();
  storage.put('disk.data', 655360);
  storage.put('i', Uint8Array.of(5, 6));
  storage.put('o', Uint8Array.of(5, 6));
  put(storage, 'inner.qbm', { file: 'disk.data', format: 'raw' }, { i: dirty('i') });
  put(storage, 'disk.qbm', { file: 'inner.qbm', format: 'qbm' }, { o: dirty('o') });
  t.match(checkImage(storage, 'disk.qbm', OPTIONS), [
    {
      id: 'QBM-E-TAIL',
      image: 'inner.qbm',
      bitmap: 'i',
      repair: null,
      text: /^in "inner\.qbm": bitmap "i": /,
    },
    { id: 'QBM-E-TAIL', image: null, bitmap: 'o', repair: 'cut', text: /^bitmap "o": / },
  ]);
  t.match(repairImage(storage, 'disk.qbm', OPTIONS), { repaired: [], left: [{}, {}] });
  t.same([...contentOf(storage, 'o')], [5, 6], 'beside an error within nothing is repaired');
  t.match(repairImage(storage, 'inner.qbm', OPTIONS), { repaired: [{ bitmap: 'i' }], left: [] });
  t.match(repairImage(storage, 'disk.qbm', OPTIONS), { repaired: [{ bitmap: 'o' }], left: [] });
  t.same(checkImage(storage, 'disk.qbm', OPTIONS), []);
  t.end();
});

t.test('QBM-043: what the storage would refuse is no repair, and nothing has changed', (t) => {
  const directory = directoryFor(t);
  const storage = new DirectoryStorage(directory, { followLinks: true });
  const put = (name: string, content: string | Uint8Array): void =>
    writeFileSync(join(directory, name), content);
  const marked = { 'ext-hard-qbm-inconsistent': true };
  const text = JSON.stringify({
    QBM: {
      version: 1,
      image: { file: 'disk.data', format: 'raw' },
      bitmaps: { l: dirty('link', marked), f: dirty('file/0', marked), o: dirty('o') },
    },
  });
  put('disk.qbm', text);
  put('disk.data', new Uint8Array(655360));
  put('file', '');
  put('o', Uint8Array.of(5, 2));
  symlinkSync('nothing', join(directory, 'link'));
  const left = [
    { bitmap: 'f', repair: null },
    { bitmap: 'l', repair: null },
  ];
  const options = { ...OPTIONS, trust: 'local' } as const;
  t.match(repairImage(storage, 'disk.qbm', options), { repaired: [], left });
  t.equal(readFileSync(join(directory, 'disk.qbm'), 'utf8'), text);
  t.same(readdirSync(directory).sort(), ['disk.data', 'disk.qbm', 'file', 'link', 'o']);
  put('o', Uint8Array.of(5));
  t.match(repairImage(storage, 'disk.qbm', options), { repaired: [{ bitmap: 'o' }], left });
  t.match(readFileSync(join(directory, 'disk.qbm'), 'utf8'), /"link",[^}]*inconsistent": true/);
  t.end();
});

t.test('QBM-041: each level is looked at once, and opened once, also by a writer', (t) => {
  class Counting extends MemoryStorage {
    opened = 0;
    override open(name: string, mode?: OpenMode): StorageFile {
      this.opened++;
      return super.open(name, mode);
    }
  }
  const opensOf = (levels: number, readOnly: boolean): number => {
    const storage = new Counting();
    storage.put('disk.data', 655360);
    for (let i = 1; i < levels; i++) put(storage, `${i}.qbm`, { file: `${i + 1}.qbm`, format: 'qbm' });
    put(storage, `${levels}.qbm`, { file: 'disk.data', format: 'raw' });
    const image = new Image(storage).open({
      'read-only': readOnly,
      file: { driver: 'file', filename: '1.qbm' },
    });
    const { opened } = storage;
    image.close();
    return opened;
  };
  for (const readOnly of [true, false]) {
    const each = opensOf(3, readOnly) - opensOf(2, readOnly);
    t.equal(opensOf(64, readOnly), opensOf(2, readOnly) + 62 * each, readOnly ? 'a reader' : 'a writer');
  }
  t.end();
});

import t from 'tap';
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import { inTurn, pairsOf } from '../alternate.js';
import { comparison, type Section } from '../bench.js';
import { sectionText } from '../print.js';
import { ReferenceDisk } from './disk.js';
import { flushesSection } from './flushes.js';
import { DISK_BYTES, granularityText, offsets, WRITE_BYTES } from './load.js';

const signal = new AbortController().signal;

t.test('each write is in a MiB of its own, and they are always the same', (t) => {
  const at = offsets(500);
  t.equal(new Set(at.map((offset) => Math.floor(offset / 2 ** 20))).size, 500);
  t.ok(at.every((offset) => offset % WRITE_BYTES === 0 && offset >= 0 && offset < DISK_BYTES));
  t.same(offsets(500), at);
  t.same([512, 65536, 2 ** 20].map(granularityText), ['512 B', '64 KiB', '1 MiB']);
  t.end();
});

t.test('a stored bitmap holds what was written, whatever the policy', (t) => {
  const at = offsets(20);
  for (const policy of ['writeback', 'writethrough'] as const) {
    const storage = new MemoryStorage();
    const disk = new ReferenceDisk({ storage, name: 'x', driver: 'qbm', policy, granularity: 2 ** 20 }, at);
    disk.clear();
    t.equal(onesOf(storage), 0, 'clear, or not stored yet');
    disk.pass('flush after each', 7);
    t.equal(onesOf(storage), policy === 'writethrough' ? 7 : 0);
    disk.close();
    t.equal(onesOf(storage), 7);
  }
  t.end();
});

/** How many bits are set in the file of the bitmap. */
function onesOf(storage: MemoryStorage): number {
  const [, file] = storage.files().find(([name]) => name.endsWith('.bitmap'))!;
  const bytes = new Uint8Array(file.size);
  file.read(0, bytes);
  return bytes.reduce((ones, byte) => ones + byte.toString(2).replaceAll('0', '').length, 0);
}

t.test('flushes of the bitmap are those of the granules', (t) => {
  const context = { quick: true, signal, places: { cases: '', goldens: '' }, qemus: [] };
  const found = new Map(flushesSection(context).rows.map(({ what, ratio }) => [what, ratio!.median]));
  t.equal(found.get('fresh, 1 MiB'), 1);
  t.equal(found.get('sequential, 4 KiB'), 1);
  t.equal(found.get('sequential, 64 KiB'), 1 / 16);
  t.ok(found.get('random, 1 MiB')! < found.get('random, 64 KiB')!);
  t.end();
});

t.test('any number of things in turn', async (t) => {
  const order: string[] = [];
  const measure = (name: string) => () => order.push(name);
  const found = await inTurn([measure('a'), measure('b'), measure('c')], { warmUps: 1, pairs: 2 }, signal);
  t.equal(order.join(''), 'abcabcabc');
  t.same(found, [
    [4, 7],
    [5, 8],
    [6, 9],
  ]);
  t.same(pairsOf(found[2]!, found[0]!), [
    { first: 6, second: 4 },
    { first: 9, second: 7 },
  ]);
});

t.test('a bar may be on the first column, and things may be counted', (t) => {
  const bar = { of: 'first', at: 'most', value: 500 } as const;
  const section: Section = {
    title: 'a title',
    sides: ['here', 'there'],
    rows: [
      comparison('short', [{ first: 400, second: 1 }], { bar }),
      comparison('long', [{ first: 600, second: 1000 }], { bar }),
      comparison('many', [{ first: 20, second: 10 }], { unit: 'count' }),
    ],
    measured: 'nothing',
    why: 'because',
  };
  const text = sectionText(section);
  t.match(text, '≤ 500 ms: met');
  t.match(text, '≤ 500 ms: MISSED');
  t.match(text, /many +20\.0 +10\.0 +2\.00/);
  t.end();
});

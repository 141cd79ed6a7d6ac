import t from 'tap';
import { MemoryStorage } from '../../../spec/storage/memory-storage.js';
import { ReferenceFormat } from './format.js';

const STRANGER = { trust: 'stranger', verify: false } as const;
const image = (file: string, format: string, bitmaps: object = {}): Uint8Array =>
  Buffer.from(JSON.stringify({ QBM: { version: 1, image: { file, format }, bitmaps } }));
const b0 = { file: 'b0', 'granularity-bytes': 65536, type: 'dirty' };

async function made(files: Record<string, Uint8Array | number>): Promise<ReferenceFormat> {
  const format = new ReferenceFormat(new MemoryStorage(), '/case');
  for (const [name, content] of Object.entries(files)) await format.put(name, content);
  return format;
}

t.test('an image, its check and its repair', async (t) => {
  const format = await made({
    'disk.data': 655360,
    b0: Uint8Array.of(0x05, 0x06),
    'disk.qbm': image('disk.data', 'raw', { b0 }),
  });
  const tail = { id: 'QBM-E-TAIL', severity: 'error', bitmap: 'b0' };
  t.match(await format.inspect('disk.qbm', STRANGER), { error: { id: 'QBM-E-TAIL', place: null } });
  const stranger = { trust: 'stranger', repair: false } as const;
  t.same(await format.check('disk.qbm', stranger), { repaired: [], findings: [tail] });
  t.same(await format.check('disk.qbm', { ...stranger, repair: true }), { repaired: [tail], findings: [] });
  t.match(await format.inspect('disk.qbm', STRANGER), {
    size: 655360,
    bitmaps: [{ name: 'b0', areas: [{ offset: 0 }, { offset: 131072 }, { offset: 589824, length: 65536 }] }],
    backing: null,
  });
});

t.test('a place is told in the descriptor that was asked for', async (t) => {
  const format = await made({
    'disk.data': 0,
    'inner.qbm': Buffer.from('{"QBM": 1,}'),
    'disk.qbm': image('inner.qbm', 'qbm'),
  });
  const inner = await format.inspect('inner.qbm', STRANGER);
  t.match(inner, { error: { id: 'QBM-E-JSON', place: { line: 1, column: 11 }, text: /^not strict JSON: / } });
  const outer = await format.inspect('disk.qbm', STRANGER);
  t.match(outer, { error: { id: 'QBM-E-JSON', place: null, text: /^\/case\/inner\.qbm:1:11: not strict/ } });
});

t.test('a loop of descriptors ends, whoever looks first', async (t) => {
  const format = await made({ 'a.qbm': image('b.qbm', 'qbm'), 'b.qbm': image('a.qbm', 'qbm') });
  t.match(await format.inspect('a.qbm', STRANGER), { error: { id: 'QBM-E-LOOP' } });
  t.match(await format.check('a.qbm', { trust: 'stranger', repair: true }), {
    findings: [{ id: 'QBM-E-LOOP' }],
  });
});

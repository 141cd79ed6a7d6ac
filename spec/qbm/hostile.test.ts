/** Descriptors that somebody sent to do harm: each is refused, nothing is written, and nothing is opened but descriptors. */
import t from 'tap';
import { MemoryStorage } from '../storage/memory-storage.js';
import type { FileKind } from '../storage/storage.js';
import { checkImage } from './check/check.js';
import { checkFiles, type FileOptions } from './files.js';
import { CHECK, imageOf, NoWrites, PLAIN, refusalOf } from './image-for-tests.js';
import { MAX_BITMAPS } from './limits.js';
import { readDescriptor } from './read-descriptor.js';
import { DescriptorFile } from './update.js';

const STRANGER: FileOptions = { trust: 'stranger' };

/** Files of any kind, some with several names, in a storage that has no such files. */
class Odd extends MemoryStorage {
  readonly kinds = new Map<string, FileKind>();
  readonly same = new Map<string, string>();

  override kind(name: string): FileKind | null {
    return this.kinds.get(name) ?? super.kind(name);
  }
  override identity(name: string): string {
    return super.identity(this.same.get(name) ?? name);
  }
}

const IMAGE = { file: 'disk.data', format: 'raw' };
const DIRTY = { file: 'b0', 'granularity-bytes': 65536, type: 'dirty' };
const text = (over: object, image: object = IMAGE): string =>
  JSON.stringify({ QBM: { version: 1, image, bitmaps: { b0: DIRTY }, ...over } });

/** What an opener does before it opens anything else. */
function openTo(storage: MemoryStorage, options: FileOptions = STRANGER): string {
  const guarded = new NoWrites(storage);
  const id = refusalOf(() => {
    const file = DescriptorFile.open(guarded, 'disk.qbm', 'exclusive');
    try {
      const read = readDescriptor(file.content, { ...options, file: 'disk.qbm' });
      checkFiles(guarded, 'disk.qbm', read, options);
    } finally {
      file.close();
    }
  });
  for (const name of guarded.opened) if (!name.endsWith('.qbm')) return `${name} was opened`;
  return id;
}

function withDescriptor(content: string): Odd {
  const storage = new Odd();
  for (const name of ['disk.data', 'b0', 'sub/data', '/etc/shadow', 'other']) storage.put(name, 2);
  storage.put('disk.qbm', new TextEncoder().encode(content));
  return storage;
}

/** Opens to the same error as `check` finds. */
function refused(
  t: Pick<typeof import('tap').default, 'equal' | 'ok'>,
  content: string,
  id: string,
  what = content.slice(0, 200),
): void {
  const storage = withDescriptor(content);
  t.equal(openTo(storage), id, what);
  const findings = checkImage(new NoWrites(storage), 'disk.qbm', CHECK);
  t.ok(
    findings.some((found) => found.id === id && found.severity === 'error'),
    `check finds it, too: ${what}`,
  );
}

t.test('QBM-016, QBM-040, QBM-041: names that lead elsewhere', (t) => {
  for (const file of [
    '../secret',
    'a/../../b',
    '..',
    '.',
    './disk.data',
    'a//b',
    'a/',
    '..\\secret',
    'C:\\x',
    'C:x',
    'nbd:host:1',
    'json:{}',
    'fd:3',
    'a\u0000b',
    'a\nb',
    '',
    'x'.repeat(256),
    'ab/'.repeat(1500),
  ])
    refused(t, text({}, { file, format: 'raw' }), 'QBM-E-FILE', JSON.stringify(file).slice(0, 50));
  for (const file of ['/etc/shadow', '/dev/sda', '//host/share'])
    t.match(openTo(withDescriptor(text({}, { file, format: 'raw' }))), /QBM-E-(TRUST|FILE)/);
  for (const format of ['qcow2', 'vmdk', 'host_device', '', 'RAW', 'raw '])
    refused(t, text({}, { file: 'disk.data', format }), 'QBM-E-FORMAT', format);
  t.end();
});

t.test('QBM-040: files that are no files', (t) => {
  for (const kind of ['special', 'symlink', 'directory'] as const) {
    for (const file of ['disk.data', 'b0']) {
      const storage = withDescriptor(text({}));
      storage.kinds.set(file, kind);
      t.equal(openTo(storage), 'QBM-E-NOT-REGULAR', `${file} ${kind}`);
      const local = kind === 'symlink' ? 'ok' : 'QBM-E-NOT-REGULAR';
      t.equal(openTo(storage, { trust: 'local' }), local, `${file} ${kind}, a local caller`);
    }
    const storage = withDescriptor(text({}));
    storage.kinds.set('disk.qbm', kind);
    t.equal(openTo(storage), 'QBM-E-NOT-REGULAR', `the descriptor: ${kind}`);
  }
  const nested = withDescriptor(text({}, { file: 'sub/data', format: 'raw' }));
  t.equal(openTo(nested), 'ok', 'a directory on the way');
  nested.kinds.set('sub', 'symlink');
  t.equal(openTo(nested), 'QBM-E-TRUST', 'a link on the way');
  const device = withDescriptor(text({}, { file: '/dev/vg/lv', format: 'raw' }));
  device.kinds.set('/dev/vg/lv', 'special');
  t.equal(openTo(device), 'QBM-E-TRUST');
  t.equal(openTo(device, { trust: 'local' }), 'QBM-E-NOT-REGULAR');
  t.equal(openTo(device, { trust: 'local', devices: true }), 'ok');
  t.equal(openTo(withDescriptor(text({}, { file: 'none', format: 'raw' }))), 'QBM-E-NO-FILE');
  t.end();
});

t.test('QBM-017: a file used twice', (t) => {
  const two = (a: object, b: object): object => ({
    bitmaps: { b0: { ...DIRTY, ...a }, b1: { ...DIRTY, ...b } },
  });
  refused(t, text({}, { file: 'b0', format: 'raw' }), 'QBM-E-FILE-TWICE');
  refused(t, text({}, { file: 'disk.qbm', format: 'raw' }), 'QBM-E-FILE-TWICE');
  refused(t, text({}, { file: 'disk.qbm.new', format: 'raw' }), 'QBM-E-FILE-TWICE');
  refused(t, text(two({}, {})), 'QBM-E-FILE-TWICE');
  const backing = { type: 'allocation', backing: IMAGE };
  refused(t, text(two(backing, { file: 'other' })), 'QBM-E-FILE-TWICE');
  const linked = withDescriptor(text(two({}, { file: 'other' })));
  linked.same.set('other', 'disk.data');
  t.equal(openTo(linked), 'QBM-E-FILE-TWICE', 'by another name');
  t.end();
});

const overlay = (data: string, base: string): Uint8Array =>
  new TextEncoder().encode(
    text(
      {
        bitmaps: {
          a: { ...DIRTY, file: `${data}.a`, type: 'allocation', backing: { file: base, format: 'qbm' } },
        },
      },
      { file: data, format: 'raw' },
    ),
  );

t.test('QBM-017: loops and long chains of backing files', (t) => {
  const storage = withDescriptor('');
  storage.put('disk.qbm', overlay('d0', '1.qbm'));
  const chain = (length: number, last: string): void => {
    for (let i = 1; i <= length; i++)
      storage.put(`${i}.qbm`, overlay(`d${i}`, i === length ? last : `${i + 1}.qbm`));
    for (let i = 0; i <= length; i++) for (const end of ['', '.a']) storage.put(`d${i}${end}`, 2);
  };
  chain(2, 'disk.qbm');
  t.equal(openTo(storage), 'QBM-E-LOOP');
  chain(2, '1.qbm');
  t.equal(openTo(storage), 'QBM-E-LOOP', 'below the top');
  chain(2, '2.qbm');
  t.equal(openTo(storage), 'QBM-E-FILE-TWICE', 'itself');
  chain(70, 'last.qbm');
  storage.put('last.qbm', new TextEncoder().encode(text({})));
  t.equal(openTo(storage), 'QBM-E-LEVELS');
  chain(40, 'last.qbm');
  t.equal(openTo(storage), 'ok');
  chain(3, 'last.qbm');
  storage.put('last.qbm', new TextEncoder().encode(text({}, { file: '/etc/shadow', format: 'raw' })));
  t.equal(openTo(storage), 'QBM-E-TRUST', 'what a backing file names');
  storage.put('last.qbm', new TextEncoder().encode(text({}, { file: 'd0', format: 'raw' })));
  t.equal(openTo(storage), 'QBM-E-FILE-TWICE', 'the data image of the top as that of the base');
  t.end();
});

t.test('QBM-003, QBM-005, QBM-018, QBM-019: numbers, names and nesting without end', (t) => {
  const granularity = (value: string): string => text({}).replace('65536', value);
  for (const value of [
    '9223372036854775808',
    '0',
    '-512',
    '513',
    '4294967296',
    '18446744073709551616',
    '256',
  ])
    refused(t, granularity(value), 'QBM-E-GRANULARITY');
  for (const value of ['65536.0', '6.5536e4', '1e999', '"65536"', 'true', 'null'])
    refused(t, granularity(value), 'QBM-E-TYPE');
  for (const value of ['NaN', '0x10000', '065536', '+65536', '65536,'])
    refused(t, granularity(value), 'QBM-E-JSON');
  refused(
    t,
    text({ 'ext-soft-a': 0 }).replace(/0}}$/, `${'['.repeat(10000)}${']'.repeat(10000)}}}`),
    'QBM-E-JSON',
  );
  refused(t, '['.repeat(1000000), 'QBM-E-JSON');
  refused(t, ' '.repeat(2 ** 20 + 1), 'QBM-E-TOO-LONG');
  refused(t, text({}).replace('"version":1', '"version":1,"version":1'), 'QBM-E-JSON');
  refused(t, text({}).replace('"b0":{', '"b0":{},"b0":{'), 'QBM-E-JSON');
  for (const name of ['a\u0000', '\u007f', '\u0085', 'x'.repeat(1024), 'é'.repeat(512)])
    refused(t, text({ bitmaps: { [name]: DIRTY } }), 'QBM-E-NAME');
  t.equal(
    openTo(withDescriptor(text({ bitmaps: { '../../etc/passwd': DIRTY } }))),
    'ok',
    'a name is no path',
  );
  const bitmaps = Object.fromEntries(
    Array.from({ length: MAX_BITMAPS + 1 }, (_, i) => [`b${i}`, { ...DIRTY, file: `b${i}` }]),
  );
  refused(t, text({ bitmaps }), 'QBM-E-TOO-MANY');
  t.end();
});

t.test('QBM-018, QBM-021: sizes beyond 2^53 and bitmaps beyond 2^40 bits', (t) => {
  const storage = new NoWrites(imageOf(PLAIN));
  const ids = (imageSize: number | bigint): string[] =>
    checkImage(storage, 'disk.qbm', { ...CHECK, imageSize }).map(({ id }) => id);
  t.same(ids(2n ** 53n), ['QBM-E-IMAGE-SIZE']);
  t.same(ids(2n ** 63n), ['QBM-E-IMAGE-SIZE']);
  t.same(ids(2 ** 53), ['QBM-E-IMAGE-SIZE']);
  t.same(ids(Number.MAX_SAFE_INTEGER), ['QBM-E-BITMAP-SIZE']);
  const fine = withDescriptor(text({}).replace('65536', '512'));
  t.same(
    checkImage(fine, 'disk.qbm', { ...CHECK, imageSize: 2 ** 52 }).map(({ id }) => id),
    ['QBM-E-BITS'],
  );
  t.end();
});

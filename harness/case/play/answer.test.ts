import t from 'tap';
import { jsonObject } from '../../../spec/json/value.js';
import type { BitmapObservation } from '../../target/target.js';
import { eventLines, ioLine, observationLines, replyLines } from './answer.js';
import { resolveSymbols, restoreSymbols } from './symbol.js';

const context = {
  directory: '/scratch/1',
  errorId: (desc: string) => (desc.startsWith('Known') ? 'BMP-E-KNOWN' : undefined),
};

t.test('replies', (t) => {
  t.same(replyLines({ return: { b: 1, a: ['/scratch/1/base'] } }, context), [
    '<- {"return": {"a": ["$base"], "b": 1}}',
  ]);
  const long = { return: Array.from({ length: 8 }, (_, i) => ({ name: `a-node-${i}`, size: 0 })) };
  const lines = replyLines(long, context);
  t.equal(lines[0], '<- {');
  t.ok(lines.slice(1).every((line) => line.startsWith('   ')));
  t.ok(lines.every((line) => line.length <= 100));
  const error = (desc: string, id?: string) => ({
    error: { class: 'GenericError', desc, ...(id ? { id } : {}) },
  });
  t.same(replyLines(error('Known thing'), context), ['<- error BMP-E-KNOWN GenericError: Known thing']);
  t.same(replyLines(error('Known thing', 'BMP-E-OWN'), context), [
    '<- error BMP-E-OWN GenericError: Known thing',
  ]);
  t.same(replyLines(error("No '/scratch/1/x'\n\u007f"), context), [
    "<- error UNMAPPED GenericError: No '$x'\\n\\u007F",
  ]);
  t.end();
});

t.test('guest requests and events', (t) => {
  t.equal(ioLine({ ok: true }), '   ok');
  t.equal(ioLine({ errno: 'ENOSPC' }), '   error ENOSPC');
  t.equal(ioLine({ mismatch: { at: 4096, found: 0 } }), '   mismatch at 4096: 0x00');
  const event = jsonObject({ timestamp: 1, event: 'E', data: jsonObject({ z: 1, a: '/scratch/1' }) });
  t.same(eventLines(event, context), ['event E {"a": "$", "z": 1}']);
  t.same(eventLines(jsonObject({ event: 'E' }), context), ['event E {}']);
  t.end();
});

t.test('observations', (t) => {
  const bitmap: BitmapObservation = {
    name: 'b0',
    granularity: 65536,
    count: 131072,
    recording: true,
    busy: false,
    persistent: true,
    inconsistent: false,
    dirty: [
      { offset: 0, length: 65536 },
      { offset: 1048576, length: 512 },
    ],
    sha256: 'ab',
  };
  const many = Array.from({ length: 20 }, (_, i) => ({ offset: i * 1048576, length: 65536 }));
  const lines = observationLines(
    {
      size: 1049088,
      bitmaps: [
        bitmap,
        { ...bitmap, name: '', recording: false, persistent: false, dirty: [], sha256: null },
        {
          ...bitmap,
          name: 'ü: b',
          recording: false,
          busy: true,
          persistent: false,
          inconsistent: true,
          dirty: null,
          sha256: null,
        },
        { ...bitmap, name: 'many', dirty: many },
      ],
    },
    context,
  );
  t.same(lines.slice(0, 8), [
    '   size 1049088',
    '   b0: granularity 65536, count 131072, recording, persistent',
    '      dirty 0+65536 1048576+512',
    '      sha256 ab',
    '   "": granularity 65536, count 131072',
    '      dirty none',
    '   "\\u00FC: b": granularity 65536, count 131072, busy, inconsistent',
    '      dirty unreadable',
  ]);
  t.ok(lines.length > 11, 'a long list is wrapped');
  t.ok(lines.every((line) => line.length <= 100));
  t.equal(
    lines.slice(9, -1).join(' ').replace(/\s+/g, ' '),
    ` dirty ${many.map((a) => `${a.offset}+${a.length}`).join(' ')}`,
  );
  t.same(observationLines({ error: { class: 'GenericError', desc: 'Known', id: 'X-E-Y' } }, context), [
    '<- error X-E-Y GenericError: Known',
  ]);
  t.end();
});

t.test('scratch-path: symbols there and back', (t) => {
  const files = new Set(['base', 'base.img']);
  t.equal(resolveSymbols('json:{"x": "$base"}', files, '/d'), 'json:{"x": "/d/base"}');
  t.equal(resolveSymbols('$base.img', files, '/d'), '/d/base.img', 'the longest name');
  t.equal(resolveSymbols('$base.qcow2 $other $', files, '/d'), '/d/base.qcow2 $other $');
  t.equal(resolveSymbols('$base', files, null), '$base');
  t.equal(restoreSymbols('in /d/base and /d', '/d'), 'in $base and $');
  t.equal(restoreSymbols('/d/base', null), '/d/base');
  t.end();
});

import t from 'tap';
import type { Json } from '../../../spec/json/value.js';
import { openAction } from '../draw/actions.js';
import { members, qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { knownIn } from './known-in.js';

const QSD = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };

type Action = History['steps'][number]['action'];

const OPEN = [
  openAction('disk', 65536),
  qmpAction('block-dirty-bitmap-add', { node: 'disk', name: 'b', persistent: true }),
];

function shownBy(...actions: Action[]): readonly string[] {
  const steps = [...OPEN, ...actions].map((action) => ({ line: 0, action }));
  const history: History = { property: 'persistence', format: 'overlay', requires: [], steps };
  return knownIn(history, QSD).map((known) => known.shownBy);
}

function bitmapAction(verb: string, name: string): Json {
  return members({ type: `block-dirty-bitmap-${verb}`, data: members({ node: 'disk', name }) });
}

/** A transaction that is refused, if not before then by what is missing at its end. */
function refused(...actions: Json[]): Action {
  return qmpAction('transaction', { actions: [...actions, bitmapAction('clear', 'missing')] });
}

t.test('only an enable that is refused itself is left out of transactions that are', (t) => {
  t.same(shownBy(refused(bitmapAction('enable', 'b'))), []);
  t.same(shownBy(refused(bitmapAction('add', 'b1'), bitmapAction('enable', 'b1'))), []);
  const known = ['enable-of-unknown-bitmap'];
  t.same(shownBy(refused(bitmapAction('enable', 'missing'))), known);
  t.same(shownBy(refused(bitmapAction('remove', 'b'), bitmapAction('enable', 'b'))), known);
  const grouped = (...actions: Json[]): Action =>
    qmpAction('transaction', { actions, properties: members({ 'completion-mode': 'grouped' }) });
  t.same(shownBy(grouped(bitmapAction('enable', 'b'), bitmapAction('clear', 'b'))), known);
  for (const verb of ['clear', 'disable', 'add'])
    t.same(
      shownBy(grouped(bitmapAction(verb, 'b'), bitmapAction('enable', 'missing'))),
      [],
      `${verb} is first`,
    );
  t.end();
});

t.test('a removal may be taken back, but the process is not killed then', (t) => {
  const removal = refused(bitmapAction('remove', 'b'));
  t.same(shownBy(removal, { verb: 'restart' }), []);
  t.same(shownBy(removal, { verb: 'kill' }), ['kill-after-remove-undone']);
  t.end();
});

t.test('a refused reopening to read-only is left out where there are bitmaps to store', (t) => {
  const missing = members({ driver: 'raw', 'node-name': 'missing' });
  const disk = members({ driver: 'qbm', 'node-name': 'disk', file: 'disk-file', 'read-only': true });
  const reopening = qmpAction('blockdev-reopen', { options: [disk, missing] });
  t.same(shownBy(reopening), ['reopen-refused-bitmaps-go-on']);
  const removal = qmpAction('block-dirty-bitmap-remove', { node: 'disk', name: 'b' });
  t.same(shownBy(removal, reopening), []);
  t.end();
});

import t from 'tap';
import { openAction } from '../../draw/actions.js';
import { qmpAction } from '../../draw/sketch.js';
import type { History } from '../../history.js';
import { knownIn } from '../known-in.js';

const QSD_7 = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const QSD_10 = { program: 'qemu-storage-daemon 10.0.2 (Debian)' };
const SIZE = 262144;

type Action = History['steps'][number]['action'];

/** A disk, a node with a bitmap above it, and the closed image that is to be put between them. */
function disk(size: number, part: { readonly size?: number } = {}): readonly Action[] {
  return [
    openAction('disk', SIZE, { backing: null }),
    openAction('image', size, { backing: null }),
    qmpAction('blockdev-del', { 'node-name': 'image' }),
    qmpAction('blockdev-del', { 'node-name': 'image-file' }),
    qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'disk', ...part }),
    ...('size' in part ? [] : [qmpAction('block-dirty-bitmap-add', { node: 'top', name: 'b0' })]),
  ];
}

const SYNC = { 'snapshot-node-name': 'over', format: '{format}' };

function shownBy(program: typeof QSD_7, ...actions: readonly Action[]): string | null {
  const steps = actions.map((action) => ({ line: 0, action }));
  const found = knownIn({ property: 'chain', format: 'overlay', requires: [], steps }, program);
  for (const { step } of found) t.equal(step, actions.length - 1);
  return found[0]?.shownBy ?? null;
}

t.test('an image that is there has its own size, by whatever command it comes over a node', (t) => {
  const existing = (more = {}): ReturnType<typeof qmpAction> =>
    qmpAction('blockdev-snapshot-sync', {
      'node-name': 'disk',
      'snapshot-file': '$image.img',
      mode: 'existing',
      ...SYNC,
      ...more,
    });
  for (const program of [QSD_7, QSD_10]) {
    const known = (size: number, action: Action): string | null => shownBy(program, ...disk(size), action);
    t.equal(known(2 * SIZE, existing()), 'bitmap-above-a-longer-overlay');
    t.equal(known(SIZE / 2, existing()), 'bitmap-above-a-longer-overlay');
    t.equal(known(SIZE, existing()), null, 'as long as the disk');
    t.equal(known(2 * SIZE, existing({ 'snapshot-file': '$nothing.img' })), null, 'refused');
    t.equal(known(2 * SIZE, existing({ 'node-name': 'nowhere' })), null, 'refused');
    const made = existing({ mode: undefined, 'snapshot-file': '$new.img' });
    t.equal(known(2 * SIZE, made), null, 'a new image is as long as the disk');
    const action = { type: 'blockdev-snapshot-sync', data: existing().arguments! };
    const both = qmpAction('transaction', { actions: [action] });
    t.equal(known(2 * SIZE, both), 'bitmap-above-a-longer-overlay', 'in a transaction');
  }
  const part = disk(2 * SIZE, { size: 65536 });
  t.equal(shownBy(QSD_7, ...part, existing()), 'reopen-raw-part', 'below a part of the disk');
  t.end();
});

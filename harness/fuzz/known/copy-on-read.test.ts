import t from 'tap';
import { openAction } from '../draw/actions.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { knownIn } from './known-in.js';

const QSD = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const SIZE = 65536;

type Action = History['steps'][number]['action'];

/** A filter that has nothing to copy over a disk, and a target. */
const FILTER: readonly Action[] = [
  openAction('disk', SIZE),
  openAction('target', SIZE),
  qmpAction('blockdev-add', { driver: 'copy-on-read', 'node-name': 'filter', file: 'disk', bottom: 'disk' }),
];
function backup(device: string): Action {
  return qmpAction('blockdev-backup', { 'job-id': 'j0', device, target: 'target', sync: 'full' });
}

function isKnown(...actions: Action[]): boolean {
  const steps = [...FILTER, ...actions].map((action) => ({ line: 0, action }));
  const found = knownIn({ property: 'chain', format: 'overlay', requires: [], steps }, QSD);
  return found.some(({ shownBy }) => shownBy === 'copy-on-read-of-the-image-itself');
}

t.test('a filter that has nothing to copy is read by no job, but a commit may be below it', (t) => {
  t.equal(isKnown(backup('filter')), true);
  t.equal(isKnown(backup('disk')), false);
  const actions = [{ type: 'blockdev-backup', data: { 'job-id': 'j0', device: 'filter', target: 'target' } }];
  t.equal(isKnown(qmpAction('transaction', { actions })), true);
  const commit = { 'job-id': 'j0', device: 'filter' };
  t.equal(isKnown(qmpAction('block-commit', commit)), true);
  t.equal(isKnown(qmpAction('block-commit', { ...commit, 'top-node': 'disk' })), false);
  t.end();
});

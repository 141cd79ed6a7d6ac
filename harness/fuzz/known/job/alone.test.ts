import t from 'tap';
import { openAction } from '../../draw/actions.js';
import { qmpAction } from '../../draw/sketch.js';
import type { History } from '../../history.js';
import { knownIn } from '../known-in.js';

const QSD_7 = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const QSD_10 = { program: 'qemu-storage-daemon 10.0.2 (Debian)' };
const NAME = 'backup-ends-below-an-overlay-of-its-own';

type Action = History['steps'][number]['action'];

const DISKS = ['disk', 'target', 'other', 'image'].map((name) => openAction(name, 65536, { backing: null }));
const CLOSED = ['image', 'image-file'].map((name) => qmpAction('blockdev-del', { 'node-name': name }));

function backup(more = {}): ReturnType<typeof qmpAction> {
  const which = { 'job-id': 'j0', device: 'disk', target: 'target' };
  return qmpAction('blockdev-backup', { ...which, sync: 'full', 'auto-finalize': false, ...more });
}

function sync(more = {}): ReturnType<typeof qmpAction> {
  const overlay = { 'snapshot-node-name': 'over', 'snapshot-file': '$over.img', format: '{format}' };
  return qmpAction('blockdev-snapshot-sync', { 'node-name': 'disk', ...overlay, ...more });
}

function together(...commands: readonly ReturnType<typeof qmpAction>[]): Action {
  const actions = commands.map(({ command, arguments: data }) => ({ type: command, data: data! }));
  return qmpAction('transaction', { actions });
}

const EXPORTED: readonly Action[] = [
  qmpAction('nbd-server-start', { addr: { type: 'unix', data: { path: '$socket' } } }),
  qmpAction('block-export-add', { type: 'nbd', id: 'e0', 'node-name': 'disk' }),
];

const PENDING: Action = { verb: 'wait', job: 'j0', state: 'pending', any: [] };

/** Whether the last of these steps, and none before it, is known for it. */
function isKnown({ program }: typeof QSD_7, ...actions: readonly Action[]): boolean {
  const steps = [...DISKS, ...CLOSED, ...actions].map((action) => ({ line: 0, action }));
  const history: History = { property: 'together', format: 'overlay', requires: [], steps };
  const found = knownIn(history, { program }).filter(({ shownBy }) => shownBy === NAME);
  for (const { step } of found) t.equal(step, steps.length - 1);
  return found.length > 0;
}

t.test('an overlay that only the filter of a backup holds, however it comes', (t) => {
  t.ok(isKnown(QSD_10, backup(), PENDING, sync()));
  t.notOk(isKnown(QSD_7, backup(), PENDING, sync()), '7.2 is right');
  t.ok(
    isKnown(QSD_10, backup(), sync({ mode: 'existing', 'snapshot-file': '$image.img' })),
    'an image that is there',
  );
  t.ok(isKnown(QSD_10, backup({ sync: 'none' }), sync()), 'over a job that runs');
  t.ok(isKnown(QSD_10, backup(), together(sync())), 'by a transaction');
  t.ok(isKnown(QSD_10, together(backup(), sync())), 'the backup is begun by the same one');
  const second = backup({ 'job-id': 'j1', target: 'other' });
  t.ok(isKnown(QSD_10, backup(), second, sync()), 'below the filters of two backups');
  t.end();
});

t.test('what somebody else holds, and what no filter holds, is played', (t) => {
  t.notOk(isKnown(QSD_10, sync()), 'without a backup');
  t.notOk(isKnown(QSD_10, together(sync(), backup())), 'the backup is of what lies below the overlay then');
  t.notOk(isKnown(QSD_10, backup(), sync({ 'node-name': 'other' })), 'over another node');
  t.notOk(
    isKnown(QSD_10, ...EXPORTED, backup(), PENDING, sync()),
    'the export has it when the filter has gone',
  );
  const above = qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'top', file: 'disk' });
  t.notOk(isKnown(QSD_10, above, backup(), PENDING, sync()), 'and so has a node');
  const over = openAction('over', 65536, { backing: null });
  const named = qmpAction('blockdev-snapshot', { node: 'disk', overlay: 'over' });
  t.notOk(isKnown(QSD_10, over, backup(), named), 'the monitor holds it');
  const own = { driver: 'copy-before-write', 'node-name': 'top', file: 'disk', target: 'target' };
  t.notOk(isKnown(QSD_10, qmpAction('blockdev-add', own), sync()), 'a filter that is no job');
  const ended: Action = { verb: 'wait', job: 'j0', state: 'null', any: [] };
  t.notOk(isKnown(QSD_10, backup({ 'auto-finalize': true }), ended, sync()), 'the backup has ended');
  t.end();
});

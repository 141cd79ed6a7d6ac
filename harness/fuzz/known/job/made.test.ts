import t from 'tap';
import { openAction } from '../../draw/actions.js';
import { qmpAction } from '../../draw/sketch.js';
import type { History } from '../../history.js';
import { knownIn } from '../known-in.js';

type Action = History['steps'][number]['action'];

const QEMU_7 = 'qemu-storage-daemon 7.2.22 (Debian)';
const QEMU_10 = 'qemu-storage-daemon 10.0.2 (Debian)';

/** What is known of the last of these steps. */
function shownBy(...actions: Action[]): string | undefined {
  return shownByOn(QEMU_7, ...actions);
}

function shownByOn(program: string, ...actions: Action[]): string | undefined {
  const steps = actions.map((action) => ({ line: 0, action }));
  const history: History = { property: 'jobs', format: 'overlay', requires: [], steps };
  return knownIn(history, { program }).find(({ step }) => step === actions.length - 1)?.shownBy;
}

t.test('an image is made on a file, or a node of one, that has something in it', (t) => {
  const create = (file: string | { driver: string; filename: string }): Action =>
    qmpAction('blockdev-create', { 'job-id': 'j0', options: { driver: '{format}', file, size: 65536 } });
  for (const size of [0, 512]) {
    const expected = size === 0 ? undefined : 'create-over-content';
    const file: Action = { verb: 'create', file: 'image', size };
    const spelledOut = { driver: 'file', filename: '$image' };
    const add = qmpAction('blockdev-add', { ...spelledOut, 'node-name': 'below' });
    t.equal(shownBy(file, create(spelledOut)), expected);
    t.equal(shownBy(file, add, create('below')), expected);
  }
  t.equal(shownBy(create('nowhere')), undefined);
  const empty: Action = { verb: 'create', file: 'image', size: 0 };
  const add = qmpAction('blockdev-add', { driver: 'file', filename: '$image', 'node-name': 'below' });
  const again: readonly Action[] = [
    create('below'),
    { verb: 'wait', job: 'j0', state: 'concluded', any: [] },
    qmpAction('job-dismiss', { id: 'j0' }),
  ];
  t.equal(shownBy(empty, add, ...again, create('below')), 'create-over-content', 'an image is there by now');
  t.end();
});

t.test('an image does not say of which format its backing file is', (t) => {
  const create = (more: { readonly [name: string]: string }): Action => {
    const file = { driver: 'file', filename: '$image' };
    return qmpAction('blockdev-create', {
      'job-id': 'j0',
      options: { driver: '{format}', file, size: 0, ...more },
    });
  };
  const image: Action = { verb: 'create', file: 'image', size: 0 };
  t.equal(shownBy(image, create({ 'backing-file': 'base' })), 'create-backing-without-format');
  t.equal(shownBy(image, create({ 'backing-file': 'base', 'backing-fmt': 'raw' })), undefined);
  t.equal(shownBy(image, create({ 'backing-fmt': 'raw' })), undefined);
  t.end();
});

t.test('a target has been made, and the command is refused', (t) => {
  const disk = openAction('disk', 65536);
  const backup = (more: { readonly [name: string]: string | number }): Action =>
    qmpAction('drive-backup', { 'job-id': 'j0', device: 'disk', target: '$full', sync: 'full', ...more });
  t.equal(shownBy(disk, backup({ speed: -1 })), 'drive-refused-leaves-nothing');
  t.equal(shownBy(disk, backup({ 'job-id': '0' })), 'drive-refused-leaves-nothing');
  t.equal(shownBy(disk, backup({ device: 'nowhere' })), undefined);
  t.equal(shownBy(disk, backup({ target: 'nonsense:x' })), undefined);
  t.equal(shownBy(disk, backup({})), undefined, 'it is not refused');
  t.end();
});

t.test('the graph is looked at beside a backup of which nothing is seen', (t) => {
  const disks = ['disk', 'target'].map((name) => openAction(name, 65536));
  const common = { 'job-id': 'j0', device: 'disk', sync: 'none' };
  const hidden = qmpAction('drive-backup', { ...common, target: '$full' });
  const named = qmpAction('drive-backup', { ...common, target: '$full', 'filter-node-name': 'filter' });
  const backup = qmpAction('blockdev-backup', { ...common, target: 'target' });
  t.equal(shownByOn(QEMU_10, ...disks, hidden, { verb: 'graph' }), 'drive-nodes');
  t.equal(shownByOn(QEMU_7, ...disks, hidden, { verb: 'graph' }), undefined);
  for (const seen of [named, backup])
    t.equal(shownByOn(QEMU_10, ...disks, seen, { verb: 'graph' }), undefined);
  t.end();
});

t.test('a backup is to be compressed', (t) => {
  const disks = ['disk', 'target'].map((name) => openAction(name, 65536));
  const backup = (compress: boolean): Action =>
    qmpAction('blockdev-backup', {
      'job-id': 'j0',
      device: 'disk',
      target: 'target',
      sync: 'full',
      compress,
    });
  t.equal(shownBy(...disks, backup(true)), 'backup-compressed');
  t.equal(shownBy(...disks, backup(false)), undefined);
  t.end();
});

import t from 'tap';
import type { JobStatus } from '../../../spec/job/status.js';
import type { JsonObject } from '../../../spec/json/value.js';
import { openAction } from '../draw/actions.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { knownIn } from './known-in.js';

const QSD = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };

type Action = History['steps'][number]['action'];

/** A disk that was moved to an iothread, with a node above it, and another disk that was not. */
const MOVED: readonly Action[] = [
  openAction('disk', 65536),
  openAction('other', 65536),
  qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'above', file: 'disk' }),
  qmpAction('object-add', { 'qom-type': 'iothread', id: 'io0' }),
  qmpAction('x-blockdev-set-iothread', { 'node-name': 'disk', iothread: 'io0' }),
];

function shownBy(...actions: Action[]): string | undefined {
  const steps = [...MOVED, ...actions].map((one) => ({ line: 0, action: one }));
  return knownIn({ property: 'threads', format: 'raw', requires: [], steps }, QSD)[0]?.shownBy;
}

t.test(
  'what moved to an iothread is left alone, with all that is above and below it, and nothing else',
  (t) => {
    for (const node of ['disk', 'above', 'disk-file']) {
      t.equal(shownBy({ verb: 'observe', node }), 'guest-of-a-node-in-an-iothread', node);
      const add = qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'new', file: node });
      t.equal(shownBy(add), 'node-above-one-in-an-iothread', node);
    }
    const resize = (node: string): Action => qmpAction('block_resize', { 'node-name': node, size: 131072 });
    t.equal(shownBy(resize('above')), 'resize-of-a-node-in-an-iothread');
    t.equal(shownBy({ verb: 'observe', node: 'other' }), undefined);
    t.equal(
      shownBy(qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'new', file: 'other' })),
      undefined,
    );
    t.equal(shownBy(resize('other')), undefined);
    t.end();
  },
);

t.test('the target of a job follows its source to an iothread, also if the job is refused', (t) => {
  const backup = { 'job-id': 'j0', device: 'disk', target: 'other', sync: 'incremental' };
  const observe: Action = { verb: 'observe', node: 'other' };
  t.equal(shownBy(qmpAction('blockdev-backup', backup), observe), 'guest-of-a-node-in-an-iothread');
  t.end();
});

t.test('an export in an iothread is played if it is refused before its node moves', (t) => {
  const add = (more: { readonly [name: string]: string }): Action =>
    qmpAction('block-export-add', { type: 'nbd', id: 'e0', 'node-name': 'other', iothread: 'io0', ...more });
  t.equal(shownBy(add({ 'node-name': 'nowhere' })), undefined);
  t.equal(shownBy(add({ iothread: 'nowhere' })), undefined);
  // There is no server.
  t.equal(shownBy(add({})), 'backup-of-a-node-in-an-iothread');
  t.end();
});

t.test('a job that is refused over nodes in an iothread is left out if another one runs there', (t) => {
  const j0 = { 'job-id': 'j0', device: 'source', target: 'other', sync: 'none', 'auto-finalize': false };
  const before = (job: JsonObject, ...more: readonly Action[]): Action[] => [
    openAction('source', 65536),
    openAction('free', 65536),
    qmpAction('blockdev-backup', job),
    qmpAction('blockdev-add', {
      driver: 'copy-before-write',
      'node-name': 'over',
      file: 'other',
      target: 'other',
    }),
    ...more,
  ];
  const to = (node: string): Action =>
    qmpAction('x-blockdev-set-iothread', { 'node-name': node, iothread: 'io0' });
  const start = (command: string, target = 'free'): Action =>
    qmpAction(command, { 'job-id': 'j1', device: 'over', target, sync: 'full' });
  const mirror = start('blockdev-mirror');
  const known = 'refused-mirror-over-a-node-whose-job-is-in-an-iothread';
  t.equal(shownBy(...before(j0, to('other'), mirror)), known);
  t.equal(shownBy(...before(j0, to('source'), mirror)), known, 'by way of the source of the job');
  t.equal(shownBy(...before(j0, to('other'), start('blockdev-mirror', 'source'))), known, 'to a node in use');
  const backup = start('blockdev-backup');
  t.equal(
    shownBy(...before(j0, to('other'), backup)),
    'refused-backup-to-a-node-whose-job-is-in-an-iothread',
  );

  t.equal(shownBy(...before(j0, mirror)), undefined, 'in the main thread');
  t.equal(shownBy(...before(j0, to('free'), mirror)), undefined, 'the target follows its source');
  const wait = (state: JobStatus): Action => ({ verb: 'wait', job: 'j0', state, any: [] });
  t.equal(
    shownBy(...before(j0, to('other'), qmpAction('job-pause', { id: 'j0' }), wait('paused'), mirror)),
    undefined,
    'one that is paused',
  );
  t.equal(
    shownBy(...before({ ...j0, sync: 'full' }, to('other'), wait('pending'), mirror)),
    undefined,
    'one that waits',
  );
  const elsewhere = { ...j0, target: 'elsewhere' };
  t.equal(
    shownBy(openAction('elsewhere', 65536), ...before(elsewhere, to('other'), mirror)),
    undefined,
    'one that has nothing to do with the node',
  );

  const inTheWay = [
    qmpAction('nbd-server-start', { addr: { type: 'unix', data: { path: '$socket' } } }),
    openAction('source', 65536),
    openAction('free', 65536),
    qmpAction('block-export-add', { type: 'nbd', id: 'e0', 'node-name': 'free' }),
    qmpAction('blockdev-backup', j0),
    qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'over', file: 'other' }),
    to('other'),
    mirror,
  ];
  t.equal(shownBy(...inTheWay), undefined, 'one that is refused for its target, when its filter is in place');
  t.end();
});

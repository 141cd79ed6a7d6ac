import t from 'tap';
import type { RequestName } from '../../../case/nbd-step.js';
import type { IoRequest } from '../../../target/target.js';
import { openAction } from '../../draw/actions.js';
import { qmpAction } from '../../draw/sketch.js';
import type { History } from '../../history.js';
import { knownIn } from '../known-in.js';

const QSD = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const QSD_10 = { program: 'qemu-storage-daemon 10.0.2 (Debian)' };

type Action = History['steps'][number]['action'];

const DISKS = ['disk', 'target', 'disk1', 'target1', 'other', 'old'].map((name) => openAction(name, 65536));

/** Two mirrors that are ready, the first with a filter that has a name. */
const STARTED: readonly Action[] = [
  qmpAction('blockdev-mirror', {
    'job-id': 'j0',
    device: 'disk',
    target: 'target',
    sync: 'full',
    'filter-node-name': 'filter',
    'auto-finalize': false,
  }),
  { verb: 'wait', job: 'j0', state: 'ready', any: [] },
  qmpAction('blockdev-mirror', { 'job-id': 'j1', device: 'disk1', target: 'target1', sync: 'full' }),
  { verb: 'wait', job: 'j1', state: 'ready', any: [] },
];
const MIRRORS: readonly Action[] = [...DISKS, ...STARTED];

/** The steps of these after the mirrors of which something is known, without what the end of the history brings about. */
function known(...actions: Action[]): readonly { readonly step: number; readonly shownBy: string }[] {
  const all = [...MIRRORS, ...actions, { verb: 'graph' } as const];
  const steps = all.map((action) => ({ line: 0, action }));
  const history: History = { property: 'jobs', format: 'raw', requires: [], steps };
  return knownIn(history, QSD)
    .map(({ step, shownBy }) => ({ step: step - MIRRORS.length, shownBy }))
    .filter(({ step }) => step < actions.length);
}

const copying = { driver: 'copy-before-write', 'node-name': 'above', file: 'filter', target: 'old' };

t.test('below a copy-before-write on the filter of a job only the end of that job is left out', (t) => {
  const above = qmpAction('blockdev-add', copying);
  const unrelated = [
    qmpAction('job-cancel', { id: 'j1' }),
    qmpAction('blockdev-backup', { 'job-id': 'j2', device: 'other', target: 'target1', sync: 'full' }),
    qmpAction('blockdev-del', { 'node-name': 'target1' }),
  ];
  t.same(known(above, ...unrelated), []);
  const shownBy = 'copy-before-write-above-a-filter-that-goes';
  t.same(known(above, qmpAction('job-cancel', { id: 'j0' })), [{ step: 1, shownBy }]);
  t.same(known(above, qmpAction('block-job-cancel', { device: 'j0' })), [{ step: 1, shownBy }]);
  t.end();
});

t.test('while a mirror is to be finalized, others do what they want with other disks', (t) => {
  const pending: Action[] = [
    qmpAction('job-complete', { id: 'j0' }),
    { verb: 'wait', job: 'j0', state: 'pending', any: [] },
  ];
  const write = (node: string): Action => ({
    verb: 'io',
    node,
    request: { op: 'write', offset: 0, length: 512, pattern: 1 },
  });
  const backup = (device: string): Action =>
    qmpAction('blockdev-backup', { 'job-id': 'j2', device, target: 'old', sync: 'full' });
  t.same(known(...pending, write('other'), write('disk1'), backup('other')), []);
  const found = [{ step: 2, shownBy: 'mirror-pending-late-write' }];
  t.same(known(...pending, write('disk')), found);
  t.same(known(...pending, write('filter')), found);
  t.same(known(...pending, backup('disk')), found);
  t.end();
});

t.test('what is written past the filter of a mirror, by guests and by clients of exports', (t) => {
  const add = (id: string, node: string): Action =>
    qmpAction('block-export-add', { type: 'nbd', id, name: id, 'node-name': node, writable: true });
  const connect = (id: string): Action => ({
    verb: 'nbd',
    op: 'connect',
    connection: id,
    socket: 'socket',
    replies: 'simple',
    export: id,
    contexts: [],
  });
  const request = (connection: string, name: RequestName): Action => ({
    verb: 'nbd',
    op: 'request',
    connection,
    request: name,
    offset: 0,
    length: 512,
    flags: [],
    pattern: 1,
    chunks: false,
  });
  const addr = { type: 'unix', data: { path: '$socket' } };
  const start = [qmpAction('nbd-server-start', { addr })];
  // Of what is exported before, its filter is exported once it is mirrored.
  const before = [...start, add('early', 'disk'), connect('early'), ...STARTED];
  const all = [...before, add('late', 'disk'), connect('late'), add('above', 'filter'), connect('above')];
  const shownBy = (...actions: Action[]): string | undefined => {
    const steps = [...DISKS, ...all, ...actions].map((action) => ({ line: 0, action }));
    return knownIn({ property: 'nbd', format: 'raw', requires: [], steps }, QSD_10)[0]?.shownBy;
  };
  const write: IoRequest = { op: 'write', offset: 0, length: 512, pattern: 1 };
  t.equal(shownBy({ verb: 'io', node: 'disk', request: write }), 'mirror-below-the-filter');
  t.equal(shownBy({ verb: 'io', node: 'filter', request: write }), undefined);
  for (const name of ['write', 'zero', 'trim'] as const) {
    t.equal(shownBy(request('late', name)), 'mirror-below-the-filter', name);
    t.equal(shownBy(request('early', name), request('above', name), request('nobody', name)), undefined);
  }
  t.equal(shownBy(request('late', 'read'), request('late', 'flush')), undefined, 'nothing is written');
  t.end();
});

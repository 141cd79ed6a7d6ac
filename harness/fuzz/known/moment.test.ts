import t from 'tap';
import type { IoRequest } from '../../target/target.js';
import { openAction } from '../draw/actions.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { knownIn } from './known-in.js';

const QSD = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const CLUSTER = 65536;

type Action = History['steps'][number]['action'];

function io(node: string, request: IoRequest): Action {
  return { verb: 'io', node, request };
}

/** A disk full of data, whose second cluster a guest has changed since its moment. */
function momentOf(change: IoRequest): Action[] {
  return [
    openAction('disk', 4 * CLUSTER),
    openAction('target', 4 * CLUSTER),
    io('disk', { op: 'write', offset: 0, length: 4 * CLUSTER, pattern: 1 }),
    qmpAction('blockdev-add', {
      driver: 'copy-before-write',
      'node-name': 'filter',
      file: 'disk',
      target: 'target',
    }),
    qmpAction('blockdev-add', { driver: 'snapshot-access', 'node-name': 'moment', file: 'filter' }),
    io('filter', change),
  ];
}

/** The case that shows what is known of the last of these steps; null: all of them are played. */
function shownBy(actions: readonly Action[]): string | null {
  const steps = actions.map((action) => ({ line: 0, action }));
  const found = knownIn({ property: 'fleecing', format: 'raw', requires: [], steps }, QSD);
  for (const { step } of found) t.equal(step, actions.length - 1);
  return found[0]?.shownBy ?? null;
}

const ZEROED = momentOf({ op: 'zero', offset: CLUSTER, length: CLUSTER });
const WRITTEN = momentOf({ op: 'write', offset: CLUSTER, length: CLUSTER, pattern: 2 });

function readMoment(from: number, to: number): Action {
  return io('moment', { op: 'read', offset: from * CLUSTER, length: (to - from) * CLUSTER, pattern: 1 });
}

t.test('zeros below a moment are left out only where a read goes on behind what was copied', (t) => {
  t.equal(shownBy(ZEROED), null);
  t.equal(shownBy([...ZEROED, readMoment(1, 2)]), null);
  t.equal(shownBy([...ZEROED, readMoment(0, 2)]), null);
  t.equal(shownBy([...ZEROED, readMoment(2, 4)]), null);
  t.equal(shownBy([...ZEROED, readMoment(1, 3)]), 'snapshot-after-zero-write');
  t.equal(shownBy([...WRITTEN, readMoment(1, 3)]), null);
  t.end();
});

t.test('a client reads a moment in one piece, but not from what was copied into what was not', (t) => {
  const client = (replies: 'simple' | 'structured'): Action[] => [
    ...WRITTEN,
    qmpAction('nbd-server-start', { addr: { type: 'unix', data: { path: '$socket' } } }),
    qmpAction('block-export-add', { type: 'nbd', id: 'e0', 'node-name': 'moment', name: 'e0' }),
    { verb: 'nbd', op: 'connect', connection: 'c0', socket: 'socket', replies, export: 'e0', contexts: [] },
  ];
  const read = (from: number, to: number): Action => ({
    verb: 'nbd',
    op: 'request',
    connection: 'c0',
    request: 'read',
    offset: from * CLUSTER,
    length: (to - from) * CLUSTER,
    flags: [],
    pattern: undefined,
    chunks: false,
  });
  t.equal(shownBy([...client('simple'), read(0, 2)]), null);
  t.equal(shownBy([...client('structured'), read(0, 4)]), null);
  t.equal(shownBy([...client('simple'), read(0, 4)]), 'snapshot-read-across-clusters');
  t.end();
});

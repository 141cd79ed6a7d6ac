import t from 'tap';
import { openAction } from '../draw/actions.js';
import { qmpAction } from '../draw/sketch.js';
import type { History } from '../history.js';
import { knownIn } from './known-in.js';

const QSD = { program: 'qemu-storage-daemon 7.2.22 (Debian)' };
const ANOTHER = { program: 'the reference, following QEMU 7.2.22' };

function history(...actions: History['steps'][number]['action'][]): History {
  return {
    property: 'jobs',
    format: 'raw',
    requires: [],
    steps: actions.map((action) => ({ line: 0, action })),
  };
}

const MERGE = qmpAction('block-dirty-bitmap-merge', { node: 'disk', target: 'b', bitmaps: [] });

t.test('a step is known to one program, and not to another', (t) => {
  const merge = history(
    openAction('disk', 65536),
    qmpAction('block-dirty-bitmap-add', { node: 'disk', name: 'b' }),
    MERGE,
  );
  t.match(knownIn(merge, QSD), [{ step: 2, shownBy: 'merge-empty-list' }]);
  t.same(knownIn(merge, ANOTHER), []);
  t.end();
});

t.test(
  'what the end of a history brings about, which cancels the jobs that are left, counts for its last step',
  (t) => {
    const mirror = {
      'job-id': 'j0',
      device: 'disk',
      target: 'target',
      sync: 'full',
      'filter-node-name': 'filter',
    };
    const above = { driver: 'copy-before-write', 'node-name': 'above', file: 'filter', target: 'filter' };
    const [one, two] = [openAction('disk', 0), openAction('target', 0)];
    const ready = { verb: 'wait', job: 'j0', state: 'ready', any: [] } as const;
    const open = [one, two, qmpAction('blockdev-mirror', mirror), ready] as const;
    t.same(knownIn(history(...open), QSD), []);
    const found = knownIn(history(...open, qmpAction('blockdev-add', above)), QSD);
    t.match(found, [{ step: 4, shownBy: 'copy-before-write-above-a-filter-that-goes' }]);
    t.end();
  },
);

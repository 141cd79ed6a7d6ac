/** Histories that were changed at random can be played all the same. */
import t from 'tap';
import type { Action, Step } from '../../case/case.js';
import { createReferenceTarget } from '../../target/reference/reference.js';
import type { Identity } from '../../target/target.js';
import { mutated } from '../campaign/mutate.js';
import { makesSense } from '../campaign/sense.js';
import type { History } from '../history.js';
import { WORLD } from '../world.js';
import { openAction } from './actions.js';
import { members, qmpAction } from './sketch.js';

const PER_PROPERTY = 6;
// On machines with other things to do.
t.setTimeout(300_000);

const prober = WORLD.prober(
  { name: 'reference', kind: 'reference', create: createReferenceTarget },
  { limitMs: 20_000, signal: new AbortController().signal },
);
const identity: Identity = await createReferenceTarget().identify();

for (const property of WORLD.properties) {
  t.test(`${property.name}: what a change leaves can be played`, async (t) => {
    const histories = [1, 2, 3].flatMap((seed) => property.draw(seed, identity) ?? []);
    let played = 0;
    for (let seed = 1; seed <= PER_PROPERTY && histories.length > 0; seed++) {
      const parent = histories[seed % histories.length]!;
      const other = histories.find((one) => one !== parent && one.format === parent.format) ?? parent;
      const history = property.repaired!(mutated(parent, other, seed), identity);
      if (history === null || !makesSense(history)) continue;
      t.same(await prober.probe(history), { kind: 'same' }, `seed ${seed}`);
      played++;
    }
    t.ok(histories.length === 0 || played > 0, `${played} histories`);
  });
}

const steps = (...actions: Action[]): Step[] => actions.map((action) => ({ line: 0, action }));
const backup = qmpAction('blockdev-backup', {
  'job-id': 'j0',
  device: 'disk',
  target: 'copy',
  sync: 'full',
  'auto-finalize': false,
});
const opened = [openAction('disk', 65536), openAction('copy', 65536)];

function repaired(property: string, ...actions: Action[]): Action[] {
  const history: History = { property, format: 'raw', requires: [], steps: steps(...actions) };
  const found = WORLD.properties.find(({ name }) => name === property)!;
  return found.repaired!(history, identity)!.steps.map(({ action }) => action);
}

t.test('a job is waited for in the state that it comes to now', async (t) => {
  t.match(
    repaired('jobs', ...opened, backup, qmpAction('job-cancel', { id: 'j0' }), {
      verb: 'wait',
      any: [],
      job: 'j0',
      state: 'pending',
    }).slice(2),
    [
      { command: 'blockdev-backup' },
      { verb: 'wait', job: 'j0', state: 'pending' },
      { command: 'job-cancel' },
      { verb: 'wait', job: 'j0', state: 'null' },
    ],
  );
});

t.test('how far a job of a group gets is luck, also without the wait that said so', async (t) => {
  const actions = [members({ type: 'blockdev-backup', data: backup.arguments! })];
  const properties = members({ 'completion-mode': 'grouped' });
  const transaction = qmpAction('transaction', { actions, properties });
  t.match(repaired('jobs', ...opened, transaction).at(-1), { job: 'j0', any: ['len', 'offset'] });
});

t.test(
  'what a mirror beside which something was written has made of its target is not looked at, but for the bytes when it has ended well',
  async (t) => {
    const mirror = qmpAction('blockdev-mirror', {
      'job-id': 'j0',
      device: 'disk',
      target: 'copy',
      sync: 'full',
    });
    const read: Action = {
      verb: 'io',
      node: 'copy',
      request: { op: 'read', offset: 0, length: 512, pattern: 0 },
    };
    const write: Action = {
      verb: 'io',
      node: 'disk',
      request: { op: 'write', offset: 0, length: 512, pattern: 0 },
    };
    const looks: Action[] = [read, { verb: 'observe', node: 'copy' }, qmpAction('query-jobs')];
    const looked = (end: string): Action[] =>
      repaired('jobs', ...opened, mirror, write, ...looks, qmpAction(end, { id: 'j0' }), ...looks);
    t.match(looked('job-cancel').slice(5), [
      { command: 'job-cancel' },
      { verb: 'wait' },
      { command: 'query-jobs' },
    ]);
    t.match(looked('job-complete').slice(5), [
      { command: 'job-complete' },
      { verb: 'wait' },
      { verb: 'io', node: 'copy' },
      { command: 'query-jobs' },
    ]);
  },
);

t.test('an export that goes is waited for, and its clients ask for nothing any more', async (t) => {
  const path = members({ type: 'unix', data: members({ path: '$socket' }) });
  const connect = (name: string): Action => ({
    verb: 'nbd',
    op: 'connect',
    connection: name,
    socket: 'socket',
    replies: 'simple',
    export: 'e0',
    contexts: [],
  });
  const found = repaired(
    'nbd',
    ...opened,
    connect('c0'),
    qmpAction('nbd-server-start', { addr: path }),
    qmpAction('block-export-add', { type: 'nbd', id: 'e0', 'node-name': 'disk', name: 'e0' }),
    connect('c1'),
    qmpAction('block-export-del', { id: 'e0', mode: 'hard' }),
    { verb: 'nbd', op: 'disconnect', connection: 'c1' },
    connect('c2'),
  );
  t.match(found.slice(2), [
    { command: 'nbd-server-start' },
    { command: 'block-export-add' },
    { connection: 'c1' },
    { command: 'block-export-del' },
    { verb: 'wait', event: 'BLOCK_EXPORT_DELETED', match: { id: 'e0' } },
  ]);
  t.equal(found.length, 7);
});

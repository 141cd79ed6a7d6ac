import t from 'tap';
import type { JsonObject } from '../../../spec/json/value.js';
import { openAction } from './actions.js';
import { isLuck } from './luck.js';
import { ModelRun } from './model-run.js';
import { qmpAction } from './sketch.js';

const SIZE = 65536;

/** Three disks, and a faulty one over the last. */
function disks(errno: number, once?: boolean): ModelRun {
  const run = new ModelRun('raw');
  for (const name of ['disk', 'one', 'two']) run.play(openAction(name, SIZE));
  const fault = { event: 'none', sector: 0, errno, ...(once === undefined ? {} : { once }) };
  run.play(
    qmpAction('blockdev-add', {
      driver: 'blkdebug',
      'node-name': 'faulty',
      image: 'two',
      'inject-error': [fault],
    }),
  );
  return run;
}

function together(sync: string, onError: string | undefined, mode = 'grouped') {
  const backup = (target: string, more: JsonObject): JsonObject => ({
    type: 'blockdev-backup',
    data: { device: 'disk', target, 'job-id': target, ...more },
  });
  const errors = onError === undefined ? {} : { 'on-target-error': onError };
  const actions = [backup('one', { sync }), backup('faulty', { sync: 'full', ...errors })];
  return qmpAction('transaction', {
    actions,
    properties: mode === 'grouped' ? { 'completion-mode': mode } : undefined,
  });
}

t.test('how far a job has come when another one of its group fails is luck', async (t) => {
  t.ok(isLuck(disks(5), together('full', undefined)));
  t.ok(isLuck(disks(5), together('full', 'enospc')));
  t.notOk(isLuck(disks(28), together('full', 'enospc')), 'it stops there');
  t.notOk(isLuck(disks(5), together('full', 'stop')));
  t.notOk(isLuck(disks(5), together('none', undefined)), 'the other one does nothing by itself');
  t.notOk(isLuck(disks(5), together('full', undefined, 'individual')));
});

t.test('whether a fault that comes once is heard of while another backup ends is luck', async (t) => {
  t.ok(isLuck(disks(5, true), together('full', undefined, 'individual')));
  t.ok(isLuck(disks(5, true), together('full', 'stop', 'individual')), 'it may not stop');
  t.notOk(isLuck(disks(5, false), together('full', undefined, 'individual')), 'it comes again');
  t.notOk(isLuck(disks(5, true), together('none', undefined, 'individual')), 'the other one does not end');
  const alone = qmpAction('blockdev-backup', { device: 'disk', target: 'faulty', sync: 'full' });
  t.notOk(isLuck(disks(5, true), alone));
});

t.test('how far a growing overlay hides its backing file is for its format to say', async (t) => {
  const run = new ModelRun('overlay');
  run.play(openAction('base', 2 * SIZE, { backing: null }));
  run.play(openAction('top', SIZE, { backing: 'base' }));
  const to = (size: number) => qmpAction('block_resize', { 'node-name': 'top', size });
  t.notOk(isLuck(run, to(2 * SIZE)), 'all that is new hides something');
  t.ok(isLuck(run, to(3 * SIZE)));
  t.notOk(isLuck(run, qmpAction('block_resize', { 'node-name': 'base', size: 3 * SIZE })));
});

t.test('what is left of a mirror that follows its disk is luck, in numbers and in its bitmap', async (t) => {
  const run = disks(5);
  const questions = ['query-jobs', 'query-block-jobs', 'query-block', 'query-named-block-nodes'];
  for (const question of questions) t.notOk(isLuck(run, qmpAction(question)), question);
  run.play(qmpAction('blockdev-mirror', { 'job-id': 'j0', device: 'disk', target: 'one', sync: 'none' }));
  for (const question of questions)
    t.notOk(isLuck(run, qmpAction(question)), `${question}: nothing to follow`);
  run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset: 0, length: 512, pattern: 1 } });
  for (const question of questions) t.ok(isLuck(run, qmpAction(question)), question);
  t.notOk(isLuck(run, qmpAction('query-block-exports')));
});

t.test(
  'what a mirror reads of an image that does not know what is stored in it is for its format to say',
  async (t) => {
    const run = new ModelRun('overlay');
    run.play(openAction('plain', SIZE));
    run.play(openAction('layer', SIZE, { backing: null }));
    run.play(openAction('target', SIZE, { backing: null }));
    const faulty = (name: string, image: string): void => {
      const rules = [{ event: 'none', iotype: 'read' }];
      run.play(
        qmpAction('blockdev-add', { driver: 'blkdebug', 'node-name': name, image, 'inject-error': rules }),
      );
    };
    faulty('one', 'plain');
    faulty('other', 'layer');
    const mirrored = (device: string) =>
      qmpAction('blockdev-mirror', { device, target: 'target', sync: 'full' });
    t.ok(isLuck(run, mirrored('one')));
    t.notOk(isLuck(run, mirrored('other')), 'it knows');
    t.notOk(isLuck(run, mirrored('plain')), 'nothing fails');
  },
);

t.test(
  'which of two backups meets a fault through which one writes to what the other copies is luck',
  async (t) => {
    const run = disks(5);
    const both = (first: string, second: string) => {
      const backup = (device: string, target: string): JsonObject => ({
        type: 'blockdev-backup',
        data: { device, target, sync: 'full' },
      });
      return qmpAction('transaction', { actions: [backup('disk', first), backup('copy', second)] });
    };
    run.play(openAction('copy', SIZE));
    run.play(openAction('third', SIZE));
    const rules = [{ event: 'none', once: true }];
    run.play(
      qmpAction('blockdev-add', {
        driver: 'blkdebug',
        'node-name': 'f',
        image: 'copy',
        'inject-error': rules,
      }),
    );
    t.ok(isLuck(run, both('f', 'third')));
    t.notOk(isLuck(run, both('copy', 'third')), 'nothing fails');
  },
);

t.test('a mirror that ignores the errors of what it has yet to follow is luck', (t) => {
  const run = disks(5, true);
  const mirror = (more: JsonObject): boolean =>
    isLuck(run, qmpAction('blockdev-mirror', { device: 'disk', 'job-id': 'j0', ...more }));
  const follows = { target: 'faulty', sync: 'none', 'on-target-error': 'ignore' };
  t.ok(mirror(follows));
  t.notOk(mirror({ ...follows, target: 'one' }));
  t.notOk(mirror({ ...follows, sync: 'full' }), 'it has failed when it is ready');
  t.notOk(mirror({ ...follows, 'on-target-error': 'stop' }), 'a state tells');
  t.notOk(mirror({ ...follows, 'copy-mode': 'write-blocking' }), 'it fails with the write');
  t.end();
});

t.test('whether zeros that were written are data to a mirror is luck where that may fail', async (t) => {
  const run = new ModelRun('overlay');
  run.play(openAction('base', 4 * SIZE, { backing: null }));
  run.play(openAction('disk', 4 * SIZE, { backing: 'base' }));
  run.play(openAction('target', 4 * SIZE, { backing: null }));
  const rules = [{ event: 'none', iotype: 'write', once: true }];
  const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'target', 'inject-error': rules };
  run.play(qmpAction('blockdev-add', faulty));
  const mirror = (target: string) =>
    isLuck(run, qmpAction('blockdev-mirror', { 'job-id': 'j', device: 'disk', target, sync: 'full' }));
  t.notOk(mirror('faulty'), 'nothing is written');
  run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset: 0, length: SIZE, pattern: 1 } });
  t.notOk(mirror('faulty'));
  run.play({ verb: 'io', node: 'disk', request: { op: 'zero', offset: 4 * SIZE - 1, length: 1 } });
  t.ok(mirror('faulty'));
  t.notOk(mirror('target'), 'it shows the same then');
});

t.test('how far a backup of a faulty source comes that copies several clusters at a time', async (t) => {
  const run = new ModelRun('raw');
  for (const name of ['disk', 'target']) run.play(openAction(name, 4 * SIZE));
  const rules = [{ event: 'none', iotype: 'read', sector: 128 }];
  const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'disk', 'inject-error': rules };
  t.match(run.play(qmpAction('blockdev-add', faulty)), { ok: true });
  const backup = (device: string, more: JsonObject = {}) =>
    qmpAction('blockdev-backup', { 'job-id': 'j0', device, target: 'target', sync: 'full', ...more });
  const ordered = { 'x-perf': { 'max-workers': 1, 'max-chunk': SIZE } };
  t.ok(isLuck(run, backup('faulty')));
  t.ok(isLuck(run, backup('faulty', ordered)), 'nor is it known what of a hole is read');
  run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset: 0, length: 4 * SIZE, pattern: 1 } });
  t.ok(isLuck(run, backup('faulty')));
  t.notOk(isLuck(run, backup('faulty', ordered)));
  t.ok(isLuck(run, backup('faulty', { ...ordered, 'on-source-error': 'ignore' })), 'it goes on for ever');
  t.notOk(isLuck(run, backup('disk')));
});

t.test('how far a commit has come that met an error is luck, until it has ended well', async (t) => {
  const run = new ModelRun('overlay');
  run.play(openAction('base', 4 * SIZE, { backing: null }));
  run.play(openAction('top', 4 * SIZE, { backing: 'base' }));
  run.play(qmpAction('block-dirty-bitmap-add', { node: 'base', name: 'b' }));
  run.play({ verb: 'io', node: 'top', request: { op: 'write', offset: 0, length: 4 * SIZE, pattern: 1 } });
  const fault = { event: 'none', iotype: 'read', sector: (2 * SIZE) / 512, once: true };
  run.play(
    qmpAction('blockdev-add', {
      driver: 'blkdebug',
      'node-name': 'faulty',
      image: 'top',
      'inject-error': [fault],
    }),
  );
  run.play(openAction('active', 4 * SIZE, { backing: 'faulty' }));
  const job = { 'job-id': 'j', device: 'active', 'top-node': 'faulty', 'on-error': 'stop' };
  const look = { verb: 'observe', node: 'base' } as const;
  t.notOk(isLuck(run, look));
  run.play(qmpAction('block-commit', job));
  run.play({ verb: 'wait', job: 'j', state: 'paused', any: [] });
  t.ok(isLuck(run, look));
  run.play(qmpAction('block-job-resume', { device: 'j' }));
  run.play({ verb: 'wait', job: 'j', state: 'null', any: [] });
  t.notOk(isLuck(run, look), 'all of it has come');
});

t.test('which of two faults a commit meets first is luck', async (t) => {
  const run = new ModelRun('overlay');
  const faulty = (name: string, image: string): void => {
    const rule = { event: 'none', iotype: 'read', sector: 0 };
    const rules = { driver: 'blkdebug', 'node-name': name, image, 'inject-error': [rule] };
    run.play(qmpAction('blockdev-add', rules));
  };
  run.play(openAction('base', SIZE, { backing: null }));
  run.play(openAction('middle', SIZE, { backing: 'base' }));
  faulty('one', 'middle');
  run.play(openAction('top', SIZE, { backing: 'one' }));
  t.notOk(isLuck(run, qmpAction('block-commit', { device: 'top' })));
  faulty('two', 'top');
  t.ok(isLuck(run, qmpAction('block-commit', { device: 'two' })));
});

t.test(
  'how far a commit has come beside which something was written is luck, also when it is over',
  async (t) => {
    const run = new ModelRun('overlay');
    run.play(openAction('base', SIZE, { backing: null }));
    run.play(openAction('top', SIZE, { backing: 'base' }));
    const job = { 'job-id': 'j', device: 'top', 'auto-dismiss': false, 'filter-node-name': 'filter' };
    run.play(qmpAction('block-commit', job));
    run.play({ verb: 'wait', job: 'j', state: 'ready', any: [] });
    const look = qmpAction('query-block-jobs');
    run.play({ verb: 'io', node: 'filter', request: { op: 'zero', offset: 0, length: 1 } });
    t.ok(isLuck(run, look));
    run.play(qmpAction('job-cancel', { id: 'j' }));
    run.play({ verb: 'wait', job: 'j', state: 'concluded', any: [] });
    t.ok(isLuck(run, look));
  },
);

t.test('files are those of the history, and one wrong option at a time is told', async (t) => {
  const run = disks(5);
  const drive = (target: string) => qmpAction('drive-backup', { device: 'disk', target, sync: 'full' });
  for (const target of ['full', 'file:full', 'dir.img']) t.ok(isLuck(run, drive(target)), target);
  for (const target of ['$full', 'file:$full', '', 'null-co://', 'nonsense:x'])
    t.notOk(isLuck(run, drive(target)), target);
  const create = (options: JsonObject) => qmpAction('blockdev-create', { 'job-id': 'j0', options });
  t.ok(isLuck(run, create({ driver: 'file', filename: 'image', size: 0 })));
  t.notOk(isLuck(run, create({ driver: 'file', filename: '$image', size: 0 })));
  t.ok(isLuck(run, create({ driver: 'raw', filename: '$image', size: 0 })));
  t.notOk(isLuck(run, create({ driver: 'raw', size: 0 })));
});

t.test('what a server asks before it reads may fail where reading does not', async (t) => {
  const run = new ModelRun('raw');
  run.play(openAction('disk', 4 * SIZE));
  run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset: 0, length: 4 * SIZE, pattern: 1 } });
  const rule = { event: 'none', iotype: 'block-status', sector: SIZE / 512 };
  run.play(
    qmpAction('blockdev-add', {
      driver: 'blkdebug',
      'node-name': 'faulty',
      image: 'disk',
      'inject-error': [rule],
    }),
  );
  const reads = (node: string, offset: number): boolean =>
    isLuck(run, { verb: 'io', node, request: { op: 'read', offset, length: SIZE } });
  t.ok(reads('faulty', SIZE));
  t.notOk(reads('faulty', 2 * SIZE), 'no rule is about that');
  t.notOk(reads('disk', SIZE));
});

t.test('an overlay below the target of a commit makes it luck what came to the image', async (t) => {
  const readsLuck = (isOverlaid: boolean): boolean => {
    const run = new ModelRun('overlay');
    run.play(openAction('base', SIZE, { backing: null }));
    run.play(qmpAction('blockdev-add', { driver: 'blkdebug', 'node-name': 'above', image: 'base' }));
    run.play(openAction('top', SIZE, { backing: 'above' }));
    const job = { 'job-id': 'j', device: 'top', 'base-node': 'above', 'filter-node-name': 'filter' };
    run.play(qmpAction('block-commit', job));
    run.play({ verb: 'wait', job: 'j', state: 'ready', any: [] });
    run.play({ verb: 'io', node: 'filter', request: { op: 'write', offset: 0, length: 1, pattern: 1 } });
    const overlay = { 'node-name': 'base', 'snapshot-node-name': 'snap', 'snapshot-file': '$snap' };
    const snapshot = qmpAction('blockdev-snapshot-sync', { ...overlay, format: '{format}' });
    if (isOverlaid) t.match(run.play(snapshot), { ok: true });
    run.play(qmpAction('job-complete', { id: 'j' }));
    run.play({ verb: 'wait', job: 'j', state: 'null', any: [] });
    return isLuck(run, { verb: 'io', node: 'base', request: { op: 'read', offset: 0, length: 1 } });
  };
  t.ok(readsLuck(true));
  t.notOk(readsLuck(false), 'all of it has come');
});

t.test('what goes past the cache of the host is luck, but for what is no file', async (t) => {
  const run = new ModelRun('raw');
  for (const name of ['disk', 'other']) run.play(openAction(name, SIZE));
  run.play(qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'above', file: 'disk' }));
  const reopen = (node: string, direct: boolean) => {
    const options = { driver: 'raw', 'node-name': node, cache: { direct } };
    return isLuck(run, qmpAction('blockdev-reopen', { options: [options] }));
  };
  t.ok(reopen('disk', true), 'with its file');
  t.notOk(reopen('disk', false));
  t.notOk(reopen('above', true), 'what is below was not made for it');
  const file = { driver: 'file', filename: '$disk.img' };
  const add = (more: JsonObject) =>
    isLuck(run, qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'new', file, ...more }));
  t.ok(add({ cache: { direct: true } }));
  t.notOk(add({}));
});

t.test(
  'an image is not made beside the parts of another one with the same beginning of its name',
  async (t) => {
    const run = new ModelRun('overlay');
    run.play(openAction('disk', SIZE, { backing: null }));
    const overlay = { 'node-name': 'disk', 'snapshot-node-name': 'snap', 'snapshot-file': '$snap' };
    run.play(qmpAction('blockdev-snapshot-sync', { ...overlay, format: '{format}' }));
    t.ok(isLuck(run, openAction('snap', SIZE)));
    t.notOk(isLuck(run, openAction('disk', SIZE)), 'it is made anew');
    t.notOk(isLuck(run, openAction('other', SIZE)));
  },
);

t.test(
  'which layer has what an image without a backing file has nothing of is for its format to say',
  async (t) => {
    const run = new ModelRun('overlay');
    run.play(openAction('alone', SIZE));
    run.play(openAction('known', SIZE, { backing: null }));
    const addr = { type: 'unix', data: { path: '$socket' } };
    run.play(qmpAction('nbd-server-start', { addr }));
    const asks = (node: string, context: string): boolean => {
      const one = { type: 'nbd', id: node + context.length, 'node-name': node, name: node + context.length };
      run.play(qmpAction('block-export-add', { ...one, 'allocation-depth': true }));
      const connect = { verb: 'nbd', op: 'connect', connection: 'c', replies: 'structured' } as const;
      return isLuck(run, { ...connect, export: one.name, contexts: [context], socket: '$socket' } as never);
    };
    t.ok(asks('alone', 'qemu:allocation-depth'));
    t.notOk(asks('known', 'qemu:allocation-depth'));
    t.notOk(asks('alone', 'base:allocation'));
  },
);

t.test('a backup of a faulty disk meets its fault or not where a file has a page of nothing', async (t) => {
  const isVague = (offset: number): boolean => {
    const run = new ModelRun('raw');
    for (const name of ['disk', 'target']) run.play(openAction(name, SIZE));
    const length = SIZE - offset;
    run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset, length, pattern: 1 } });
    const rule = { event: 'none', iotype: 'read', sector: 0 };
    const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'disk', 'inject-error': [rule] };
    run.play(qmpAction('blockdev-add', faulty));
    const ordered = { 'x-perf': { 'max-workers': 1, 'max-chunk': SIZE } };
    const args = { 'job-id': 'j0', device: 'faulty', target: 'target', sync: 'full', ...ordered };
    return isLuck(run, qmpAction('blockdev-backup', args));
  };
  t.ok(isVague(11776), 'the first two pages were never written');
  t.notOk(isVague(0));
});

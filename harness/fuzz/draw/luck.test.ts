import t from 'tap';
import type { JsonObject } from '../../../spec/json/value.js';
import { openAction } from './actions.js';
import { isLuck } from './luck.js';
import { ModelRun } from './model-run.js';
import { qmpAction } from './sketch.js';

const SIZE = 65536;

/** Three disks, and a faulty one over the last. */
function disks(errno: number): ModelRun {
  const run = new ModelRun('raw');
  for (const name of ['disk', 'one', 'two']) run.play(openAction(name, SIZE));
  const fault = { event: 'none', sector: 0, errno };
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

t.test('how far a growing overlay hides its backing file is for its format to say', async (t) => {
  const run = new ModelRun('overlay');
  run.play(openAction('base', 2 * SIZE, { backing: null }));
  run.play(openAction('top', SIZE, { backing: 'base' }));
  const to = (size: number) => qmpAction('block_resize', { 'node-name': 'top', size });
  t.notOk(isLuck(run, to(2 * SIZE)), 'all that is new hides something');
  t.ok(isLuck(run, to(3 * SIZE)));
  t.notOk(isLuck(run, qmpAction('block_resize', { 'node-name': 'base', size: 3 * SIZE })));
});

t.test('a mirror that stands by may be met awake', async (t) => {
  const run = disks(5);
  run.play(qmpAction('blockdev-mirror', { 'job-id': 'j0', device: 'disk', target: 'one', sync: 'full' }));
  run.settle();
  t.notOk(isLuck(run, qmpAction('job-complete', { id: 'j0' })));
  run.play(qmpAction('job-pause', { id: 'j0' }));
  run.settle();
  t.ok(isLuck(run, qmpAction('job-complete', { id: 'j0' })));
  t.notOk(isLuck(run, qmpAction('job-resume', { id: 'j0' })));
});

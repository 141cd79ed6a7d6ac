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

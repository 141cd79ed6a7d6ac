import t from 'tap';
import { openAction } from './actions.js';
import { isLuck } from './luck.js';
import { ModelRun } from './model-run.js';
import { qmpAction } from './sketch.js';

const SIZE = 4 * 65536;

/** A backup of a disk, of which the first `data` bytes are written, that stands at an error at its second cluster. */
function atError(format: 'raw' | 'overlay', data: number): ModelRun {
  const run = new ModelRun(format);
  const perf = { 'max-workers': 1, 'max-chunk': 65536 };
  const fault = { event: 'none', sector: 128, once: true };
  const driver = { driver: 'blkdebug', 'node-name': 'faulty', image: 'target', 'inject-error': [fault] };
  const backup = {
    'job-id': 'j0',
    device: 'disk',
    target: 'faulty',
    sync: 'full',
    'on-target-error': 'stop',
  };
  run.play(openAction('disk', SIZE));
  run.play(openAction('target', SIZE));
  if (data > 0)
    run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset: 0, length: data, pattern: 1 } });
  run.play(qmpAction('blockdev-add', driver));
  run.play(qmpAction('blockdev-backup', { ...backup, 'x-perf': perf }));
  run.settle();
  return run;
}

t.test('how far a backup goes that is ended at an error is luck where it stands at zeros', (t) => {
  const cancel = qmpAction('job-cancel', { id: 'j0' });
  t.equal(isLuck(atError('overlay', 0), cancel), true);
  t.equal(isLuck(atError('overlay', 0), { verb: 'restart' }), true);
  t.equal(isLuck(atError('overlay', SIZE), cancel), false);
  t.equal(isLuck(atError('raw', 0), cancel), false);
  t.equal(isLuck(atError('overlay', 0), qmpAction('job-pause', { id: 'j0' })), false);
  t.end();
});

import t from 'tap';
import { openAction } from '../actions.js';
import { ModelRun } from '../model-run.js';
import { qmpAction } from '../sketch.js';
import { mirrorsStoredZeros } from './written-zeros.js';

t.test('zeros that are stored as data go to a faulty target by one request or another', async (t) => {
  const run = new ModelRun('overlay');
  run.play(openAction('base', 196608, { backing: null }));
  for (const name of ['zeros', 'data', 'holes']) run.play(openAction(name, 196608, { backing: 'base' }));
  run.play(openAction('target', 196608, { backing: null }));
  const rule = { event: 'none', iotype: 'write', sector: 256, once: true, errno: 28 };
  const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'target', 'inject-error': [rule] };
  run.play(qmpAction('blockdev-add', faulty));
  run.play({ verb: 'io', node: 'zeros', request: { op: 'zero', offset: 196607, length: 1 } });
  run.play({ verb: 'io', node: 'data', request: { op: 'write', offset: 196607, length: 1, pattern: 1 } });
  const mirrors = (device: string, target: string): boolean =>
    mirrorsStoredZeros(run, qmpAction('blockdev-mirror', { 'job-id': 'j', device, target, sync: 'full' }));
  t.ok(mirrors('zeros', 'faulty'));
  t.notOk(mirrors('zeros', 'target'), 'nothing fails');
  t.notOk(mirrors('data', 'faulty'), 'it is written');
  t.notOk(mirrors('holes', 'faulty'), 'nothing is stored');
});

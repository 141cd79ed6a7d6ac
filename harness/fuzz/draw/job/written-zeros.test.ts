import t from 'tap';
import { openAction } from '../actions.js';
import { ModelRun } from '../model-run.js';
import { qmpAction } from '../sketch.js';
import { mirrorsStoredZeros, zerosBesideMirror } from './written-zeros.js';

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

t.test('zeros beside a mirror to a faulty target go by pieces of QEMU', async (t) => {
  const run = new ModelRun('overlay');
  for (const name of ['disk', 'one', 'two']) run.play(openAction(name, 196608, { backing: null }));
  const rule = { event: 'none', iotype: 'write', sector: 128, once: true };
  const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'two', 'inject-error': [rule] };
  run.play(qmpAction('blockdev-add', faulty));
  const change = (op: 'zero' | 'discard') =>
    ({ verb: 'io', node: 'filter', request: { op, offset: 11776, length: 184832 } }) as const;
  const mirror = (target: string): void => {
    const job = { 'job-id': target, device: 'disk', target, sync: 'none', 'filter-node-name': 'filter' };
    t.match(run.play(qmpAction('blockdev-mirror', job)), { ok: true });
    run.play({ verb: 'wait', job: target, state: 'ready', any: [] });
  };
  mirror('one');
  t.notOk(zerosBesideMirror(run, change('zero')), 'nothing fails');
  run.play(qmpAction('job-cancel', { id: 'one' }));
  run.play({ verb: 'wait', job: 'one', state: 'null', any: [] });
  mirror('faulty');
  t.ok(zerosBesideMirror(run, change('zero')));
  t.ok(zerosBesideMirror(run, change('discard')));
  const write = { op: 'write', offset: 11776, length: 184832, pattern: 1 } as const;
  t.notOk(zerosBesideMirror(run, { verb: 'io', node: 'filter', request: write }));
});

t.test('a file system has holes where a cluster has data as well', async (t) => {
  const run = new ModelRun('raw');
  for (const name of ['full', 'part', 'target']) run.play(openAction(name, 131072));
  const rule = { event: 'none', iotype: 'write', sector: 128, once: true };
  const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'target', 'inject-error': [rule] };
  run.play(qmpAction('blockdev-add', faulty));
  run.play({ verb: 'io', node: 'full', request: { op: 'write', offset: 0, length: 131072, pattern: 1 } });
  run.play({ verb: 'io', node: 'part', request: { op: 'write', offset: 122368, length: 513, pattern: 1 } });
  const mirrors = (device: string): boolean =>
    mirrorsStoredZeros(run, qmpAction('blockdev-mirror', { device, target: 'faulty', sync: 'full' }));
  t.notOk(mirrors('full'));
  t.ok(mirrors('part'));
});

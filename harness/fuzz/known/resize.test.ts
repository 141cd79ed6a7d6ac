import t from 'tap';
import { openAction } from '../draw/actions.js';
import { ModelRun } from '../draw/model-run.js';
import { qmpAction } from '../draw/sketch.js';
import { losesItsEnd } from './resize.js';

t.test('what has no length of its own ends with a sector', async (t) => {
  const run = new ModelRun('raw');
  run.play(openAction('disk', 1024));
  run.play(openAction('target', 2048));
  const filter = { driver: 'copy-before-write', 'node-name': 'filter', file: 'disk', target: 'target' };
  run.play(qmpAction('blockdev-add', filter));
  run.play(qmpAction('blockdev-add', { driver: 'raw', 'node-name': 'above', file: 'filter' }));
  const loses = (node: string, size: number): boolean =>
    losesItsEnd(run, qmpAction('block_resize', { 'node-name': node, size }));
  t.ok(loses('filter', 1537));
  t.ok(loses('above', 1537));
  t.notOk(loses('filter', 1536));
  t.notOk(loses('disk', 1537));
});

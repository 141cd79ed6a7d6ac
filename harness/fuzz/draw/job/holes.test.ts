import t from 'tap';
import { openAction } from '../actions.js';
import { isLuck } from '../luck.js';
import { ModelRun } from '../model-run.js';
import { qmpAction } from '../sketch.js';

const backup = (target: string) => qmpAction('blockdev-backup', { device: 'disk', target, sync: 'full' });

/** A disk that has got zeros in this range, and two targets, one of which fails. */
function zeroed(format: 'raw' | 'overlay', offset: number, length: number): ModelRun {
  const run = new ModelRun(format);
  for (const name of ['disk', 'one', 'two']) run.play(openAction(name, 65536));
  const fault = { event: 'none', iotype: 'write' };
  const faulty = { driver: 'blkdebug', 'node-name': 'faulty', image: 'two', 'inject-error': [fault] };
  run.play(qmpAction('blockdev-add', faulty));
  run.play({ verb: 'io', node: 'disk', request: { op: 'zero', offset, length } });
  return run;
}

t.test('whether zeros in parts of pages are a hole is for a file system to say', async (t) => {
  t.ok(isLuck(zeroed('raw', 4097, 8191), backup('faulty')));
  t.ok(isLuck(zeroed('raw', 4096, 1), backup('faulty')));
  t.notOk(isLuck(zeroed('raw', 4096, 8192), backup('faulty')), 'they are whole pages');
  t.notOk(isLuck(zeroed('raw', 4097, 8191), backup('one')), 'nothing fails there');
});

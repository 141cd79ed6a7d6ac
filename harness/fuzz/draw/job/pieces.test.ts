import t from 'tap';
import type { JsonObject } from '../../../../spec/json/value.js';
import { openAction } from '../actions.js';
import { ModelRun } from '../model-run.js';
import { qmpAction } from '../sketch.js';
import { copiesAroundHoles } from './pieces.js';

const SIZE = 4 * 65536;

t.test('how a change of several clusters is copied before goes by the holes of a file', async (t) => {
  const run = new ModelRun('raw');
  const add = (options: JsonObject) => t.match(run.play(qmpAction('blockdev-add', options)), { ok: true });
  for (const name of ['disk', 'target', 'other']) run.play(openAction(name, SIZE));
  const rules = [{ event: 'none', iotype: 'write', sector: 128 }];
  add({ driver: 'blkdebug', 'node-name': 'faulty', image: 'target', 'inject-error': rules });
  add({ driver: 'copy-before-write', 'node-name': 'filter', file: 'disk', target: 'faulty' });
  const change = (offset: number, length: number): boolean =>
    copiesAroundHoles(run, {
      verb: 'io',
      node: 'filter',
      request: { op: 'write', offset, length, pattern: 1 },
    });
  t.ok(change(0, 2 * 65536));
  t.notOk(change(0, 65536), 'that is one piece');
  run.play({ verb: 'io', node: 'disk', request: { op: 'write', offset: 0, length: 2 * 65536, pattern: 2 } });
  t.notOk(change(0, 2 * 65536), 'there is none');
  t.ok(change(65536, 65537));
});

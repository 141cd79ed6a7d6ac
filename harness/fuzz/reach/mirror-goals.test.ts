import t from 'tap';
import { type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { ModelRun } from '../draw/model-run.js';
import { MIRROR_GOALS } from './mirror-goals.js';

const qmp = (command: string, args: JsonObject): Action => ({
  verb: 'qmp',
  command,
  arguments: jsonObject(args),
});

t.test('a mirror of a moment that nobody keeps any more reaches no goal, and ends no campaign', async (t) => {
  const run = new ModelRun('raw');
  const add = (options: JsonObject): void => {
    t.match(run.play(qmp('blockdev-add', options)), { ok: true });
  };
  add({ driver: 'null-co', 'node-name': 'disk', size: 65536 });
  add({ driver: 'null-co', 'node-name': 'target', size: 65536 });
  add({ driver: 'snapshot-access', 'node-name': 'moment', file: 'disk' });
  const mirror = qmp('blockdev-mirror', { 'job-id': 'j0', device: 'moment', target: 'target', sync: 'full' });
  const answer = run.play(mirror);
  for (const goal of MIRROR_GOALS.slice(2)) t.notOk(goal.watch()(run, mirror, answer), goal.name);
});

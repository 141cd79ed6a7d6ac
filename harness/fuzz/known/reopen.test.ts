import t from 'tap';
import { type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { openAction } from '../draw/actions.js';
import { ModelRun } from '../draw/model-run.js';
import { reopensForceShare, reordersUses } from './reopen.js';

type Members = Parameters<typeof jsonObject>[0];

function qmp(command: string, args: Members): Action {
  return { verb: 'qmp', command, arguments: jsonObject(args) };
}

function add(options: Members): Action {
  return qmp('blockdev-add', options);
}

function reopened(options: Members): Action {
  return qmp('blockdev-reopen', { options: [jsonObject(options)] });
}

t.test('a node of which force-share was said is not reopened, nor one that it was made for', async (t) => {
  const run = new ModelRun('raw');
  const share = { 'read-only': true, 'force-share': true };
  for (const action of [
    openAction('disk', 65536),
    add({ driver: 'raw', 'node-name': 'shared', file: 'disk', ...share }),
    add({ driver: 'raw', 'node-name': 'plain', file: 'disk' }),
    add({ driver: 'raw', 'node-name': 'above', file: jsonObject({ driver: 'raw', file: 'disk', ...share }) }),
  ])
    t.equal(run.play(action).ok, true);
  t.equal(reopensForceShare(run, reopened({ driver: 'raw', 'node-name': 'shared', file: 'disk' })), true);
  t.equal(reopensForceShare(run, reopened({ driver: 'raw', 'node-name': 'above' })), true);
  t.equal(reopensForceShare(run, reopened({ driver: 'raw', 'node-name': 'plain', file: 'disk' })), false);
  const said = reopened({ driver: 'raw', 'node-name': 'plain', file: 'disk', 'force-share': false });
  t.equal(reopensForceShare(run, said), true);
});

t.test('a reopening over another image is known to change the order of uses, if it is refused', async (t) => {
  const run = new ModelRun('overlay');
  const image = (file: string, backing: string): JsonObject =>
    jsonObject({ driver: '{format}', 'node-name': 'above', file, backing });
  for (const action of [
    openAction('disk', 65536, { backing: null }),
    openAction('other', 65536, { backing: null }),
    openAction('target', 65536),
    openAction('above', 65536, { backing: 'disk' }),
  ])
    t.equal(run.play(action).ok, true);
  t.equal(reordersUses(run, reopened(image('nothing', 'other'))), false, 'it is its only use');
  const backup = { 'job-id': 'j0', device: 'disk', target: 'target', sync: 'none' };
  t.equal(run.play(qmp('blockdev-backup', backup)).ok, true);
  t.equal(reordersUses(run, reopened(image('nothing', 'other'))), true);
  const { name } = run.machine.graph.find('above')!.backing!;
  t.equal(reordersUses(run, reopened(image('nothing', name))), false, 'it stays');
});

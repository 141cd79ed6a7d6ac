import t from 'tap';
import type { Action } from '../../case/case.js';
import type { NbdConnectionStep } from '../../case/nbd-step.js';
import { openAction } from './actions.js';
import { isLuck } from './luck.js';
import { ModelRun } from './model-run.js';
import { qmpAction } from './sketch.js';

const client = (step: NbdConnectionStep): Action => ({ verb: 'nbd', connection: 'c', ...step });
const connect = (name: string | null): Action =>
  client({ op: 'connect', socket: 'socket', replies: 'simple', export: name, contexts: [] });
const READ = client({
  op: 'request',
  request: 'read',
  offset: 0,
  length: 512,
  pattern: 0,
  flags: [],
  chunks: false,
});
const LIST = client({ op: 'list' });

function serving(): ModelRun {
  const run = new ModelRun('raw');
  run.play(openAction('disk', 65536));
  run.play(qmpAction('nbd-server-start', { addr: { type: 'unix', data: { path: '$socket' } } }));
  run.play(qmpAction('block-export-add', { type: 'nbd', id: 'e', 'node-name': 'disk', name: 'e' }));
  return run;
}

t.test('options belong to the handshake, requests come after it', async (t) => {
  const run = serving();
  run.play(connect(null));
  t.notOk(isLuck(run, LIST));
  t.ok(isLuck(run, READ));
  run.play(client({ op: 'go', export: 'none' }));
  t.notOk(isLuck(run, LIST), 'there is no such export');
  run.play(client({ op: 'go', export: 'e' }));
  t.ok(isLuck(run, LIST));
  t.ok(isLuck(run, client({ op: 'choose', export: 'e', queries: [] })));
  t.notOk(isLuck(run, READ));
  run.play(connect('e'));
  t.ok(isLuck(run, LIST), 'it is through with that');
  t.notOk(isLuck(run, client({ op: 'disconnect' })));
});

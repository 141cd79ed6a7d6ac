import t from 'tap';
import type { Action } from '../../case/case.js';
import { restlessStep } from './rest.js';

const steps = (...actions: Action[]) => actions.map((action) => ({ line: 0, action }));
const qmp = (command: string, args: { [name: string]: string }): Action => ({
  verb: 'qmp',
  command,
  arguments: args,
});
const BACKUP = qmp('blockdev-backup', { 'job-id': 'j0', device: 'disk', target: 'target', sync: 'full' });
const WAIT: Action = { verb: 'wait', any: [], job: 'j0', state: 'pending' };
const FINALIZE = qmp('job-finalize', { id: 'j0' });
const LOOK: Action = { verb: 'observe', node: 'disk' };

t.test('a job rests once it was waited for', (t) => {
  t.equal(restlessStep(steps(BACKUP, WAIT, LOOK, FINALIZE, WAIT), []), -1);
  t.equal(restlessStep(steps(BACKUP, LOOK), []), 1);
  t.equal(restlessStep(steps(BACKUP, WAIT, FINALIZE, LOOK), []), 3);
  t.end();
});

t.test('what was refused has moved nothing, and what goes on for ever is not waited for', (t) => {
  t.equal(restlessStep(steps(BACKUP, LOOK), [{ step: 0, text: '<- error JOB-E-SIZES GenericError: x' }]), -1);
  const none = qmp('blockdev-backup', { 'job-id': 'j0', device: 'disk', target: 'target', sync: 'none' });
  t.equal(restlessStep(steps(none, LOOK), []), -1);
  t.end();
});

t.test('jobs of a transaction are moved, too', (t) => {
  const { arguments: data } = BACKUP as Extract<Action, { verb: 'qmp' }>;
  const actions = [{ type: 'blockdev-backup', data: data! }];
  const transaction: Action = { verb: 'qmp', command: 'transaction', arguments: { actions } };
  t.equal(restlessStep(steps(transaction, LOOK), []), 1);
  t.equal(restlessStep(steps(transaction, WAIT, LOOK), []), -1);
  t.end();
});

t.test('to be completed moves a job only when it goes on', (t) => {
  const standby: Action = { ...WAIT, state: 'standby' };
  const complete = qmp('job-complete', { id: 'j0' });
  const resume = qmp('job-resume', { id: 'j0' });
  t.equal(restlessStep(steps(BACKUP, standby, complete, LOOK, complete, resume, WAIT), []), -1);
  t.equal(restlessStep(steps(BACKUP, standby, complete, resume, LOOK), []), 4);
  t.equal(restlessStep(steps(BACKUP, WAIT, complete, LOOK), []), 3);
  t.end();
});

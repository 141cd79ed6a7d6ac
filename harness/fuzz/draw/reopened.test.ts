import t from 'tap';
import { jsonObject } from '../../../spec/json/value.js';
import type { Action } from '../../case/case.js';
import { openAction } from './actions.js';
import { ModelRun } from './model-run.js';
import { namesOneOfSeveral } from './reopened.js';

const RESET = 'REF-E-REOPEN-RESET';
const OPTION = 'REF-E-REOPEN-OPTION';

t.test('which of several options is named that cannot be what it was is luck', async (t) => {
  const run = new ModelRun('raw');
  run.play(openAction('disk', 65536));
  const own = { driver: 'blkdebug', 'node-name': 'blocks', image: 'disk', align: 512, 'max-transfer': 4096 };
  run.play({ verb: 'qmp', command: 'blockdev-add', arguments: jsonObject(own) });
  const reopened = (...all: Parameters<typeof jsonObject>[0][]): Action => {
    const options = all.map((one) => jsonObject({ driver: 'blkdebug', 'node-name': 'blocks', ...one }));
    return { verb: 'qmp', command: 'blockdev-reopen', arguments: jsonObject({ options }) };
  };
  t.equal(namesOneOfSeveral(run, reopened({}), RESET), true);
  t.equal(namesOneOfSeveral(run, reopened({ align: 512 }), RESET), false);
  t.equal(namesOneOfSeveral(run, reopened({ align: 4096, 'max-transfer': 4096 }), OPTION), false);
  t.equal(namesOneOfSeveral(run, reopened({ align: 4096, 'max-transfer': 8192 }), OPTION), true);
  const other = { ...own, driver: 'null-co', size: 1024 };
  t.equal(namesOneOfSeveral(run, reopened(other), OPTION), true);
  const once = { align: 4096, 'max-transfer': 4096 };
  t.equal(namesOneOfSeveral(run, reopened(once, { 'node-name': 'disk' }), OPTION), false);
  t.equal(namesOneOfSeveral(run, reopened(once, once), OPTION), true, 'a node is named twice');
});

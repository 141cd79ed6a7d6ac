import t from 'tap';
import { type Json, jsonObject } from '../../../spec/json/value.js';
import type { Session } from '../../target/target.js';
import type { History } from '../history.js';
import { leftovers } from './leftovers.js';

const ASKED = ['qmp', 'command:query-jobs'];

/** What is left after a command, by these answers. */
async function left(answers: { jobs?: Json[]; bitmaps?: Json[]; drv?: string }, more: string[] = []) {
  const node = jsonObject({
    'node-name': 'disk',
    drv: answers.drv ?? 'raw',
    'dirty-bitmaps': answers.bitmaps ?? [],
  });
  const session = {
    qmp: async (command: string) => ({
      return:
        command === 'query-jobs' ? (answers.jobs ?? []) : command === 'query-named-block-nodes' ? [node] : [],
    }),
  } as unknown as Session;
  const action = { verb: 'qmp', command: 'job-dismiss', arguments: jsonObject({ id: 'j0' }) } as const;
  const history: History = {
    property: 'jobs',
    format: 'raw',
    requires: [...ASKED, ...more],
    steps: [{ line: 0, action }],
  };
  return leftovers(session, history, 0);
}

const PLAIN = jsonObject({ name: 'b0', busy: false });
const BUSY = jsonObject({ name: 'b0', busy: true });
const UNNAMED = jsonObject({ busy: false });

t.test('bitmaps that a job leaves', async (t) => {
  t.equal(await left({ bitmaps: [PLAIN] }), null);
  t.match(await left({ bitmaps: [PLAIN, UNNAMED] }), { kind: 'differs', oracle: 'left of a job' });
  t.match(await left({ bitmaps: [BUSY] }), { kind: 'differs', oracle: 'left of a job', observed: [/"b0"/] });
  t.equal(await left({ bitmaps: [BUSY, UNNAMED], jobs: [jsonObject({ id: 'j0' })] }), null, 'there is a job');
  t.equal(await left({ bitmaps: [BUSY, UNNAMED], drv: 'copy-before-write' }), null, 'a filter may own it');
  for (const command of ['block-export-add', 'nbd-server-add']) {
    t.equal(await left({ bitmaps: [BUSY] }, [`command:${command}`]), null, 'an export may own it');
    t.match(await left({ bitmaps: [UNNAMED] }, [`command:${command}`]), { oracle: 'left of a job' });
  }
});

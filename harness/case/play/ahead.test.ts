import t from 'tap';
import { jsonObject } from '../../../spec/json/value.js';
import type { Reply } from '../../target/target.js';
import type { Action, Step } from '../case.js';
import { parseDialogue } from '../dialogue.js';
import { Ahead } from './ahead.js';

const ADD = '-> {"execute": "block-dirty-bitmap-add", "arguments": {"node": "disk", "name": "b"}}\n';
const QUERY = '-> {"execute": "query-named-block-nodes"}\n';
const DEL = '-> {"execute": "blockdev-del", "arguments": {"node-name": "disk"}}\n';
const BACKUP = '-> {"execute": "blockdev-backup", "arguments": {"device": "disk"}}\n';
const CLEARS = '-> {"execute": "transaction", "arguments": {"actions": [{"type": "abort", "data": {}}]}}\n';
const SNAPSHOTS =
  '-> {"execute": "transaction", "arguments": {"actions": [{"type": "blockdev-snapshot", "data": {}}]}}\n';

/** How many commands have been sent when the reply to each command is asked for, and whether they are in order. */
async function sentAt(dialogue: string): Promise<number[]> {
  const steps: Step[] = parseDialogue(dialogue);
  const sent: Action[] = [];
  const ahead = new Ahead(steps, async (command): Promise<Reply> => {
    sent.push(command);
    return { return: jsonObject() };
  });
  const counts: number[] = [];
  const asked: Action[] = [];
  for (const [index, { action }] of steps.entries()) {
    if (action.verb !== 'qmp') continue;
    asked.push(action);
    await ahead.reply(index, action);
    counts.push(sent.length);
  }
  t.strictSame(sent, asked, 'each is sent once, in the order of the steps');
  return counts;
}

t.test('commands that are done with their reply go ahead, up to the next one that is not', async (t) => {
  t.same(await sentAt(ADD + ADD + QUERY + DEL + ADD + ADD), [3, 3, 3, 4, 6, 6]);
  t.same(await sentAt(`${ADD}${CLEARS}io disk: read 0 512\n${ADD}`), [2, 2, 3]);
  t.same(await sentAt(SNAPSHOTS + ADD), [1, 2]);
});

t.test('nothing goes ahead once something may go on by itself', async (t) => {
  t.same(await sentAt(ADD + ADD + BACKUP + ADD + ADD), [2, 2, 3, 4, 5]);
});

t.test('a limited number is on its way', async (t) => {
  const counts = await sentAt(ADD.repeat(40));
  t.ok(
    counts.every((sent, asked) => sent - asked <= 16),
    String(counts),
  );
});

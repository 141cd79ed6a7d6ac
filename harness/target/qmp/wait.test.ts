/** The step `wait` on real QEMU: what is printed does not depend on luck, and jobs do not outlive their case. */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { parseDialogue } from '../../case/dialogue.js';
import { type Played, play } from '../../case/play/play.js';
import { context, leftovers, QEMUS } from '../fixtures.js';
import type { Session } from '../target.js';

const NODES = ['a', 'b', 'c', 'd'].map(
  (name) =>
    `-> {"execute": "blockdev-add", "arguments": {"driver": "null-co", "node-name": "${name}", "size": 4194304}}`,
);
const backup = (id: string, from: string, to: string, more = '') =>
  `{"type": "blockdev-backup", "data": {"job-id": "${id}", "device": "${from}", "target": "${to}", "sync": "full"${more}}}`;
const transaction = (mode: string, ...actions: string[]) =>
  `-> {"execute": "transaction", "arguments": {"actions": [${actions.join(', ')}], "properties": {"completion-mode": "${mode}"}}}`;

/** Drains of one job pause the others, a mirror is ready soon, a slow backup is paused, resumed and cancelled. */
const STORY = [
  ...NODES,
  transaction('individual', backup('j0', 'a', 'b'), backup('j1', 'c', 'd', ', "auto-finalize": false')),
  'wait j1: BLOCK_JOB_PENDING',
  'wait j0: null',
  '-> {"execute": "job-finalize", "arguments": {"id": "j1"}}',
  'wait j1: null',
  '-> {"execute": "blockdev-mirror", "arguments": {"job-id": "m", "device": "a", "target": "b", "sync": "full"}}',
  'wait m: BLOCK_JOB_READY',
  '-> {"execute": "job-pause", "arguments": {"id": "m"}}',
  'wait m: standby',
  '-> {"execute": "job-resume", "arguments": {"id": "m"}}',
  'wait m: ready',
  '-> {"execute": "job-complete", "arguments": {"id": "m"}}',
  'wait m: null',
  transaction('grouped', backup('j0', 'a', 'b'), backup('j1', 'c', 'd', ', "speed": 1')),
  'wait j0: waiting',
  '-> {"execute": "job-pause", "arguments": {"id": "j1"}}',
  'wait j1: paused',
  '-> {"execute": "job-cancel", "arguments": {"id": "j1"}}',
  'wait j1: null, any offset',
  'wait j0: null',
].join('\n');

async function transcript(session: Session, dialogue: string): Promise<string[]> {
  const played: Played = { lines: [], step: 0, allowed: false };
  const context = {
    files: new Set<string>(),
    within: <T>(request: Promise<T>) => request,
    errorId: () => undefined,
    comparable: (lines: readonly string[]) => lines,
  };
  await play(parseDialogue(dialogue), session, context, played);
  return played.lines
    .map((line) => line.text)
    .filter((line) => !line.startsWith('->') && line !== '<- {"return": {}}');
}

/** Threads that take all the processors there are. */
function load(): Worker[] {
  return Array.from(
    { length: availableParallelism() },
    () => new Worker('for (;;);', { eval: true, stdout: false, stderr: false }),
  );
}

for (const { name, skip, create } of QEMUS) {
  t.test(`${name}: twelve times the same, also under load`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const workers = load();
    t.teardown(() => Promise.all(workers.map((worker) => worker.terminate())));
    for (let round = 0; round < 12; round++) {
      if (round === 6) await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
      const session = await target.begin(context());
      t.same(await transcript(session, STORY), EXPECTED, `round ${round}`);
      await session.end();
    }
  });

  t.test(`${name}: jobs that a case leaves behind are gone, and so are their events`, { skip }, async (t) => {
    const target = create();
    t.teardown(() => target.close());
    const session = await target.begin(context());
    const left = [
      ...NODES,
      transaction(
        'grouped',
        backup('slow', 'a', 'b', ', "speed": 1, "auto-dismiss": false'),
        backup('quick', 'c', 'd'),
      ),
      '-> {"execute": "blockdev-create", "arguments": {"job-id": "made", "options": {"driver": "file", "filename": "", "size": 0}}}',
      'wait made: concluded',
      'wait quick: waiting',
      '-> {"execute": "job-pause", "arguments": {"id": "slow"}}',
    ].join('\n');
    await transcript(session, left);
    const before = leftovers();
    await session.end();
    const next = await target.begin(context());
    t.same(leftovers(), before, 'it is the same process');
    t.same(await next.qmp('query-jobs', undefined), { return: [] });
    t.same(await next.qmp('query-named-block-nodes', undefined), { return: [] });
    t.same(next.events(), []);
    await next.end();
  });
}

const REPORT = '"len": 4194304, "offset": 4194304, "speed": 0';
const EXPECTED = [
  'wait j1: BLOCK_JOB_PENDING',
  '   created running waiting pending',
  '   BLOCK_JOB_PENDING {"id": "j1", "type": "backup"}',
  'wait j0: null',
  '   created running waiting pending',
  `   BLOCK_JOB_COMPLETED {"device": "j0", ${REPORT}, "type": "backup"}`,
  '   concluded null',
  'wait j1: null',
  `   BLOCK_JOB_COMPLETED {"device": "j1", ${REPORT}, "type": "backup"}`,
  '   concluded null',
  'wait m: BLOCK_JOB_READY',
  '   created running ready',
  `   BLOCK_JOB_READY {"device": "m", ${REPORT}, "type": "mirror"}`,
  'wait m: standby',
  '   standby',
  'wait m: ready',
  '   ready',
  'wait m: null',
  '   waiting pending',
  `   BLOCK_JOB_COMPLETED {"device": "m", ${REPORT}, "type": "mirror"}`,
  '   concluded null',
  'wait j0: waiting',
  '   created running waiting',
  'wait j1: paused',
  '   created running paused',
  'wait j1: null, any offset',
  '   running aborting',
  '   BLOCK_JOB_CANCELLED {"device": "j1", "len": 4194304, "offset": "any", "speed": 1, "type": "backup"}',
  '   concluded null',
  'wait j0: null',
  '   aborting',
  `   BLOCK_JOB_CANCELLED {"device": "j0", ${REPORT}, "type": "backup"}`,
  '   concluded null',
];

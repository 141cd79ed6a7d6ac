import t from 'tap';
import { type JsonObject, jsonObject } from '../../../spec/json/value.js';
import type { Session } from '../../target/target.js';
import { parseDialogue } from '../dialogue.js';
import { type Played, play } from './play.js';
import { foldPauses } from './wait.js';

const status = (id: string, state: string): JsonObject =>
  jsonObject({ event: 'JOB_STATUS_CHANGE', data: jsonObject({ id, status: state }) });
const path = (id: string, ...states: string[]): JsonObject[] => states.map((state) => status(id, state));
const event = (name: string, data: JsonObject): JsonObject =>
  jsonObject({ event: name, data: Object.assign(jsonObject(), data) });

/** Plays a dialogue with a session in which commands do nothing, and events come in the given portions. */
async function played(
  text: string,
  portions: JsonObject[][],
  jobs: string[] = [],
  state: string | string[] = 'running',
): Promise<string[]> {
  let now = [...(portions.shift() ?? [])];
  const stateNow = (): string =>
    typeof state === 'string' ? state : (state.length > 1 ? state.shift() : state[0])!;
  const session = {
    directory: null,
    qmp: async (command: string) => {
      now.push(...(command === 'next' ? (portions.shift() ?? []) : []));
      return {
        return:
          command === 'query-jobs' ? jobs.map((id) => jsonObject({ id, status: stateNow() })) : jsonObject(),
      };
    },
    restart: async () => {
      now = [];
    },
    events: () => now.splice(0),
    moreEvents: async () => {
      now.push(...(portions.shift() ?? []));
      return now.length > 0;
    },
  } as unknown as Session;
  const played: Played = { lines: [], step: 0, allowed: false };
  const context = {
    files: new Set<string>(),
    within: <T>(request: Promise<T>) => request,
    errorId: () => undefined,
    comparable: (lines: readonly string[]) => lines,
  };
  await play(parseDialogue(text), session, context, played);
  return played.lines.map((line) => line.text).filter((line) => !/^(->|<-)/.test(line));
}

t.test('pauses that came to nothing are not told', (t) => {
  const fold = (text: string) => foldPauses(text.split(' ')).join(' ');
  t.equal(fold('created running paused running waiting'), 'created running waiting');
  t.equal(fold('created running paused running paused running paused'), 'created running paused');
  t.equal(fold('running ready standby ready standby ready waiting'), 'running ready waiting');
  t.equal(fold('running ready standby'), 'running ready standby');
  t.equal(fold('paused running'), 'paused running');
  t.end();
});

t.test('a pause that is told between the question for the state and its answer', async (t) => {
  const events = path('j0', 'created', 'running', 'paused');
  const lines = await played('wait j0: paused', [events], ['j0'], ['running', 'running', 'paused']);
  t.same(lines, ['wait j0: paused', '   created running paused']);
});

t.test('the states of one job, whenever and among whatever they come', async (t) => {
  const all = [
    ...path('j0', 'created', 'running'),
    status('j1', 'created'),
    ...path('j0', 'waiting', 'concluded'),
  ];
  for (let cut = 0; cut <= all.length; cut++) {
    const lines = await played('wait j0: concluded', [all.slice(0, cut), all.slice(cut)], ['j0']);
    t.same(lines, ['wait j0: concluded', '   created running waiting concluded'], `cut at ${cut}`);
  }
});

t.test('a wait goes on where the last one was, also within a pause', async (t) => {
  const portion = path(
    'j0',
    'created',
    'running',
    'paused',
    'running',
    'paused',
    'running',
    'ready',
    'standby',
    'ready',
  );
  const lines = await played('wait j0: running\nwait j0: ready\n-> {"execute": "next"}\nwait j0: waiting', [
    portion,
    path('j0', 'waiting'),
  ]);
  t.same(
    lines.filter((line) => line.startsWith(' ')),
    ['   created running', '   ready', '   waiting'],
  );
});

t.test('events of block jobs stand where they came, each once', async (t) => {
  const failed = event('BLOCK_JOB_ERROR', { device: 'j0', operation: 'read', action: 'ignore' });
  const lines = await played('wait j0: BLOCK_JOB_COMPLETED, any offset\nwait j0: null', [
    [
      ...path('j0', 'created', 'running'),
      failed,
      failed,
      event('BLOCK_JOB_PENDING', { id: 'j0', type: 'backup' }),
      ...path('j0', 'waiting'),
      event('BLOCK_JOB_COMPLETED', { device: 'j0', offset: 17, len: 42 }),
      ...path('j0', 'concluded', 'null'),
    ],
  ]);
  t.same(lines.slice(1), [
    '   created running',
    '   BLOCK_JOB_ERROR {"action": "ignore", "device": "j0", "operation": "read"}',
    '   BLOCK_JOB_PENDING {"id": "j0", "type": "backup"}',
    '   waiting',
    '   BLOCK_JOB_COMPLETED {"device": "j0", "len": 42, "offset": "any"}',
    'wait j0: null',
    '   concluded null',
  ]);
});

t.test('a pause that is over was not the one that is waited for', async (t) => {
  const brief = path('j0', 'created', 'running', 'paused', 'running');
  const own = path('j0', 'paused');
  const lines = await played('wait j0: paused', [brief, own], ['j0'], 'paused');
  t.same(lines.slice(1), ['   created running paused']);
  const ended = await played(
    'wait j0: paused',
    [[...brief, ...path('j0', 'waiting', 'concluded')]],
    ['j0'],
    'concluded',
  );
  t.same(ended.slice(1), ['   created running waiting concluded', '   ! it does not come']);
});

t.test('what cannot come any more is not waited for', async (t) => {
  const never = '   ! it does not come';
  t.same((await played('wait j0: ready', [], [])).slice(1), ['   ! there is no such job']);
  t.same((await played('wait j0: ready', [], ['j0'])).slice(1), [never]);
  const ended = () => path('j0', 'created', 'aborting', 'concluded', 'null');
  t.same((await played('wait j0: ready', [ended()])).slice(1), ['   created aborting concluded', never]);
  t.same((await played('wait j0: BLOCK_JOB_READY', [ended()])).slice(1), [
    '   created aborting concluded',
    never,
  ]);
  t.same((await played('wait GONE {"id": "a"}', [[]])).slice(1), [never]);
});

t.test('a new job of an old id has no past; after a restart nobody has', async (t) => {
  const again = await played('wait j0: concluded\n-> {"execute": "next"}\nwait j0: concluded', [
    path('j0', 'created', 'concluded', 'null'),
    path('j0', 'created', 'running', 'concluded'),
  ]);
  t.same(again.slice(3), ['   created running concluded']);
  const restarted = await played('-> {"execute": "next"}\nrestart\nwait j0: concluded', [
    [],
    path('j0', 'created', 'concluded'),
  ]);
  t.same(restarted.slice(-1), ['   ! there is no such job']);
});

t.test('other events: printed as they come, unless a step waits for their name', async (t) => {
  const gone = (id: string) => event('GONE', { id, more: { in: 'it' } as unknown as JsonObject });
  const lines = await played('-> {"execute": "next"}\nwait GONE {"id": "b", "more": {"in": "it"}}', [
    [event('SEEN', { id: 'a' })],
    [gone('a'), gone('b')],
  ]);
  t.same(lines, [
    'event SEEN {"id": "a"}',
    'wait GONE {"id": "b", "more": {"in": "it"}}',
    '   GONE {"id": "b", "more": {"in": "it"}}',
  ]);
});

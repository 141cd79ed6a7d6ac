import t from 'tap';
import { contest } from '../../bench/reduce/contest.js';
import { PROBLEMS } from '../../bench/reduce/problems.js';
import type { History } from '../history.js';
import { parseHistory, stepLines } from '../history-text.js';
import { reduce } from './reduce.js';

for (const problem of PROBLEMS) {
  t.test(`to the minimum: ${problem.name}`, async (t) => {
    let tried = 0;
    for (let seed = 1; seed <= 3; seed++) {
      const both = await contest(problem, seed);
      if (both === null) continue;
      tried++;
      t.equal(both.ours.steps, problem.minimum, `seed ${seed}:\n${stepLines(both.ours.history).join('\n')}`);
      t.ok(problem.shows(both.ours.history), 'it still shows it');
      t.ok(both.ours.steps <= both.theirs.steps);
    }
    t.ok(tried > 0, 'some seed shows it');
  });
}

function history(steps: readonly string[]): History {
  const lines = ['property: bitmap', 'format: raw', 'requires: []', 'steps:'];
  return parseHistory([...lines, ...steps.map((step) => `  - ${step}`), ''].join('\n'), 'test');
}

async function left(
  before: readonly string[],
  shows: (text: string) => boolean,
  more: { probes?: number } = {},
): Promise<string[]> {
  const { history: after } = await reduce(history(before), {
    shows: async (candidate) => shows(stepLines(candidate.steps).join('\n')),
    ...more,
  });
  return stepLines(after.steps).map((line) => line.replace(/^ {2}- /, ''));
}

t.test('simpler verbs, plain names, no options', async (t) => {
  const lines = await left(
    [
      'open: {node: node17, size: 8M, readOnly: true, discard: ignore}',
      'qmp: {block-dirty-bitmap-add: {node: node17, name: bitmap-of-monday, granularity: 512, persistent: true}}',
      'kill: {}',
      'qmp: {transaction: {actions: [{type: block-dirty-bitmap-clear, data: {node: node17, name: bitmap-of-monday}}], properties: {completion-mode: grouped}}}',
    ],
    (text) => /add:.*name/.test(text) && /dirty-bitmap-clear/.test(text) && /kill|restart/.test(text),
  );
  t.same(lines, [
    'qmp: {block-dirty-bitmap-add: {name: b0}}',
    'restart: {}',
    'qmp: {block-dirty-bitmap-clear: {}}',
  ]);
});

t.test('sizes that belong together get smaller together', async (t) => {
  const lines = await left(
    ['open: {node: disk, size: 1048576}', 'io: {node: disk, write: [1048576, 65536], pattern: 5}'],
    (text) => {
      const [, size] = /size: (\d+)/.exec(text) ?? [];
      const [, offset, length] = /\[(\d+), (\d+)\]/.exec(text) ?? [];
      return size !== undefined && size === offset && Number(size) >= 1000 && Number(length) > 0;
    },
  );
  t.same(lines, ['open: {node: disk, size: 1000}', 'io: {node: disk, write: [1000, 1], pattern: 0}']);
});

t.test('it ends at its limits, and says so', async (t) => {
  const many = Array.from({ length: 40 }, (_, i) => `observe: n${i}`);
  let probes = 0;
  const reduced = await reduce(history(many), {
    shows: async ({ steps }) => {
      probes++;
      return steps.length >= 20;
    },
    probes: 7,
  });
  t.equal(probes, 7);
  t.equal(reduced.probes, 7);
  t.notOk(reduced.isComplete);
  const late = await reduce(history(many), { shows: async () => true, ms: 0 });
  t.match(late, { probes: 0, isComplete: false, history: { steps: { length: 40 } } });
});

t.test('what cannot be played is not probed; the same comes out twice', async (t) => {
  const many = Array.from({ length: 12 }, (_, i) => `observe: n${i % 5}`);
  const seen: string[] = [];
  const options = {
    isValid: ({ steps }: History) => steps.length % 2 === 0,
    shows: async ({ steps }: History) => {
      seen.push(stepLines(steps).join('\n'));
      return steps.length >= 4;
    },
  };
  const one = await reduce(history(many), options);
  t.equal(one.history.steps.length, 4);
  t.equal(new Set(seen).size, seen.length, 'nothing is probed twice');
  t.ok(seen.every((text) => text === '' || text.split('\n').length % 2 === 0));
  t.same((await reduce(history(many), options)).history, one.history);
});

t.test('whoever wants an end is heard, also where nothing that is tried can be played', async (t) => {
  const stop = new AbortController();
  let asked = 0;
  const reduced = await reduce(history(Array.from({ length: 60 }, (_, i) => `observe: n${i}`)), {
    isValid: () => {
      if (asked++ === 0) setImmediate(() => stop.abort());
      return false;
    },
    shows: async () => t.fail('nothing is probed'),
    signal: stop.signal,
  });
  t.match(reduced, { probes: 0, isComplete: false });
  t.ok(asked <= 2, `${asked} were looked at`);
});

t.test('it requires what its steps do, and what it is told', async (t) => {
  const before = {
    ...history([
      'open: {node: disk, size: 64K}',
      'qmp: {query-jobs: {}}',
      'qmp: {block-export-del: {id: e}}',
      'observe: disk',
    ]),
    requires: ['command:block-export-add', 'command:query-jobs', 'driver:blkdebug', 'node', 'qmp'],
  };
  const asked: (readonly string[])[] = [];
  const shows = async ({ requires, steps }: History): Promise<boolean> => {
    asked.push(requires);
    return stepLines(steps).join('\n').includes('open');
  };
  const told = await reduce(before, { shows, requires: ['driver:blkdebug'] });
  t.same(told.history.requires, ['driver:blkdebug', 'node']);
  t.ok(
    asked.every((requires) => !requires.includes('command:block-export-add')),
    'candidates, too',
  );
  const untold = await reduce(before, { shows });
  t.same(untold.history.requires, ['command:block-export-add', 'driver:blkdebug', 'node']);
});

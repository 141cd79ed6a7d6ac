import t from 'tap';
import { parseHistory } from '../history-text.js';
import { type Judged, newFindings, type PropertySummary, summaryJson, summaryText } from './summary.js';

const property = (name: string, histories: number, goals: readonly [string, number][]): PropertySummary => ({
  name,
  histories,
  steps: histories * 10,
  bad: 0,
  unplayable: 0,
  reasons: new Map(),
  goals: new Map(goals),
});

t.test('goals count as never reached only where somebody tried', (t) => {
  const properties = [
    property('nbd', 7, [
      ['an export with two bitmaps', 3],
      ['an export goes while a client uses it', 0],
    ]),
    property('devices', 0, [['a drive is empty', 0]]),
  ];
  const text = summaryText(
    { plans: [], programs: [], sessions: 1, rounds: [], states: 0, findings: [], properties },
    'out/fuzz/1f2e3d4c',
  );
  t.match(text, /^no history yet, or none that the target can play: devices$/m);
  t.match(text, /^never reached:\n {2}nbd: an export goes while a client uses it\n\n/m);
  t.notMatch(text, /devices: a drive/);
  t.end();
});

/** A finding that was played again so often; null: it was not. */
function finding(id: string, rerun: { shown: number; of: number } | null): Judged {
  const signature = { id, kind: 'crash', where: 'a command', what: 'SIGSEGV' } as const;
  const outcome = { kind: 'crash', step: 0, message: '', stderr: '' } as const;
  const history = parseHistory('property: x\nformat: raw\nsteps:\n  - observe: d\n', 'test');
  const found = { signature, outcome, round: 1, target: 't', program: 'p', version: 'v' };
  const files = { path: `out/${id}`, found, history, rerun, minimal: null };
  const isReliable = rerun !== null && rerun.shown === rerun.of;
  const state = rerun?.shown === 0 ? 'once' : 'new';
  return { id, ids: [id], count: 1, known: undefined, state, isReliable, files };
}

t.test('what is new, what showed once only, and what nobody has played again', (t) => {
  const findings = [
    finding('always', { shown: 5, of: 5 }),
    finding('now-and-then', { shown: 2, of: 5 }),
    finding('never', { shown: 0, of: 5 }),
    finding('unknown', null),
  ];
  const summary = { plans: [], programs: [], sessions: 1, rounds: [], states: 0, findings, properties: [] };
  const idsOf = (some: readonly Judged[]): string[] => some.map(({ id }) => id);
  t.same(idsOf(newFindings(summary, false)), ['always', 'now-and-then', 'unknown']);
  t.same(idsOf(newFindings(summary, true)), ['always']);
  const text = summaryText(summary, 'out');
  t.match(text, /^4 findings, 3 of them new, 1 that did not show again$/m);
  t.match(text, /^ {2}new 1× {2}always .*5 of 5 times\)$/m);
  t.match(text, /^ {2}new 1×, not every time {2}now-and-then .*2 of 5 times\)$/m);
  t.match(text, /^ {2}once 1× {2}never .*0 of 5 times\)$/m);
  t.match(text, /^ {2}new 1×, not played again {2}unknown .*\(1 steps\)$/m);
  const states = summaryJson(summary)
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { state?: string }).state);
  t.same(states, ['new', 'new', 'once', 'new', undefined]);
  t.end();
});

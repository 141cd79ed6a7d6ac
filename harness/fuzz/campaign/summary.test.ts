import t from 'tap';
import { type PropertySummary, summaryText } from './summary.js';

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

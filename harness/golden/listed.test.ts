import t from 'tap';
import type { ExpectedDeviation } from './expected.js';
import { type Standing, standingOf } from './listed.js';

const entry = (members: Partial<ExpectedDeviation>): ExpectedDeviation => ({
  case: 'a',
  format: undefined,
  versions: ['7.2'],
  reason: 'because',
  link: undefined,
  hunk: [' -> q', '-<- one', '+<- other', '@@', ' -> r', '-   two'].join('\n'),
  ...members,
});

const CRASH = entry({ hunk: [' -> q', '-<- one', '-wait j', '-   two', '+! crash'].join('\n') });

/** What is said of a difference by these entries. */
function standing(hunk: string[] | undefined, entries: ExpectedDeviation[], version = '10.0.2'): Standing {
  return standingOf(entries, { case: 'a', format: 'raw', version, hunk: hunk?.join('\n') }).standing;
}

t.test('what gives the golden', (t) => {
  t.equal(standing(undefined, []), 'same');
  t.equal(standing(undefined, [entry({ case: 'b' })]), 'same');
  t.equal(standing(undefined, [entry({ format: 'qcow2' })]), 'same', 'of another format');
  t.equal(standing(undefined, [entry({ format: 'raw' })]), 'fixed');
  t.equal(standing(undefined, [entry({ versions: [] })]), 'fixed');
  t.equal(standing(undefined, [entry({ versions: ['10.0'] })]), 'fixed', 'of this version');
  t.equal(standing(undefined, [entry({ versions: ['10.0'] })], '7.2.22'), 'same', 'it came later');
  t.equal(standing(undefined, [entry({ versions: ['10.0', '7.2'] })], '7.2.22'), 'fixed');
  t.equal(standing(undefined, [entry({ versions: ['7.20'] })], '7.2.22'), 'same');
  t.equal(standing(undefined, [entry({ versions: ['10'] })]), 'fixed');
  t.equal(standing(undefined, [entry({ versions: ['abc'] })]), 'fixed');
  t.end();
});

t.test('what deviates', (t) => {
  const listed = [entry({})];
  t.equal(standing([' -> q', '-<- one', '+<- other'], []), 'new', 'nothing is listed');
  t.equal(standing(listed[0]!.hunk.split('\n'), listed), 'still', 'listed for another version');
  t.equal(standing([' -> q', '-<- one', '+<- other'], listed), 'still', 'a part of it');
  t.equal(standing([' -> q', '-<- one', '+<- third'], listed), 'new');
  t.equal(standing([' -> q', '-<- one', '-<- more', '+<- other'], listed), 'new', 'more is missing');
  t.equal(
    standing([' -> r', '-   three'], listed),
    'new',
    'nothing else is observed, but something is missing',
  );
  t.equal(standing([' -> q', '-<- one', '+<- other'], [entry({ format: 'qcow2' })]), 'new');
  const split = [entry({ hunk: '-a\n+b' }), entry({ hunk: '-c\n+d' })];
  t.equal(standing(['-a', '+b', '-c', '+d'], split), 'new', 'two entries are two ways, not one');
  t.end();
});

t.test('what ends the target', (t) => {
  const end = (...lines: string[]): Standing => standing(lines, [CRASH]);
  t.equal(end('-<- one', '-wait j', '-   two', '+! crash'), 'still');
  t.equal(end(' <- one', '-wait j', '-   two', '+! crash'), 'still', 'the answer came first');
  t.equal(end(' wait j', '-   two', '+! crash'), 'new', 'a later step');
  t.equal(end('--> q', '-<- one', '-wait j', '-   two', '+! crash'), 'new', 'an earlier one');
  t.equal(end('-<- one', '-wait j', '-   two', '+! hang'), 'new');
  t.equal(end('-<- one'), 'new', 'it goes on');
  t.equal(standing(['-<- one', '+<- other', '+! crash'], [entry({})]), 'new');
  t.end();
});

/** What transcripts say of the step `nbd` is read back as it was, and mistakes in it have their place. */
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { packageRoot } from '../cli/environment.js';
import { loadSuite, parseCase } from './load/load.js';
import { ProblemError, problemText } from './load/problem.js';
import { nbdText, parseNbdQuestion } from './nbd-dialogue.js';
import { type NbdAction, REQUEST_FLAGS, REQUESTS, type RequestFlag } from './nbd-step.js';

const name = fc.string({ unit: 'binary', maxLength: 12 });
const plain = fc.stringMatching(/^[a-z][a-z0-9]{0,5}$/);
const size = fc.nat(2 ** 40);
const flags = Object.keys(REQUEST_FLAGS) as RequestFlag[];
const byte = fc.option(fc.nat(255), { nil: undefined });

const step = fc.oneof(
  fc
    .record({
      op: fc.constant('connect'),
      socket: plain,
      replies: fc.constantFrom('simple', 'structured'),
      export: fc.option(name),
      contexts: fc.array(name, { maxLength: 3 }),
    })
    // Contexts are those of an export; a name that is a keyword may only follow the keyword it belongs to.
    .map((one) => (one.export === null ? { ...one, contexts: [] } : one)),
  fc.record({ op: fc.constantFrom('list', 'disconnect', 'ended') }),
  fc.record({ op: fc.constantFrom('info', 'go'), export: name }),
  fc.record({
    op: fc.constantFrom('contexts', 'choose'),
    export: name,
    queries: fc.array(name, { maxLength: 3 }),
  }),
  fc.record({ op: fc.constant('option'), option: fc.nat(), hex: fc.constantFrom('', '00', '0a ff') }),
  fc
    .record({
      op: fc.constant('request'),
      request: fc.oneof(fc.constantFrom(...Object.keys(REQUESTS)), fc.nat(65535)),
      offset: size,
      length: size,
      flags: fc.uniqueArray(fc.constantFrom(...flags)),
      pattern: byte,
      chunks: fc.boolean(),
    })
    .map((one) => (one.request === 'flush' ? { ...one, offset: 0, length: 0 } : one)),
);

t.test('the question of any step is read back as the step', (t) => {
  fc.assert(
    fc.property(plain, step, (connection, one) => {
      const action = { verb: 'nbd', connection, ...one } as NbdAction;
      t.same(parseNbdQuestion(nbdText(action)), action);
    }),
  );
  t.end();
});

t.test('so are those of all cases', async (t) => {
  const { cases } = await loadSuite(join(packageRoot(), 'cases'));
  let count = 0;
  for (const { id, steps } of cases) {
    for (const { action } of steps) {
      if (action.verb !== 'nbd') continue;
      count++;
      t.same(parseNbdQuestion(nbdText(action)), action, id);
    }
  }
  t.ok(count > 200);
});

function load(text: string) {
  return parseCase(`id: x\ntitle: A title\nrules: [NBD-001]\nsteps:\n  - nbd: ${text}\n`, {
    file: 'x.yaml',
    area: 'demo',
    slug: 'x',
  });
}

t.test('what a step needs', (t) => {
  t.same(load('{connect: c0, export: a}').requires, ['nbd']);
  t.same(load('{run: nbdinfo --size x}').requires, ['client:nbdinfo']);
  t.end();
});

t.test('what is wrong with a step', (t) => {
  for (const [text, message] of [
    ['{run: rm -r x}', /"rm" is none of the clients nbdinfo/],
    ['{run: "nbdinfo \'x"}', /x\.yaml:5:\d+: /],
    ['{on: c0}', /exactly one thing to do/],
    ['{on: c0, read: [0, 1], write: [0, 1]}', /exactly one thing to do/],
    ['{read: [0, 1]}', /exactly one thing to do/],
    ['{on: c0, read: [0, 1], flags: [foo]}', /must be one of fua, no-hole/],
    ['{on: c0, raed: [0, 1]}', /unknown member "raed", did you mean "read"/],
    ['{on: c0, type: 42}', /range/],
    ['{on: c0, read: [0, x]}', /a size is/],
  ] as const) {
    try {
      load(text);
      t.fail(text);
    } catch (error) {
      if (!(error instanceof ProblemError)) throw error;
      t.match(error.problems.map(problemText).join('\n'), message, text);
    }
  }
  t.end();
});

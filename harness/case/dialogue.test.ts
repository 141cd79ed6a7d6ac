import fc from 'fast-check';
import t from 'tap';
import { type JsonObject, JsonReal, jsonObject } from '../../spec/json/value.js';
import type { Action } from './case.js';
import { DialogueError, dialoguesIn, parseDialogue } from './dialogue.js';
import { questionLines } from './play/question.js';

const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
const bytes = fc.maxSafeNat();
const byte = fc.nat(255);
const span = { offset: bytes, length: bytes };
const maybe = (member: string): fc.Arbitrary<object> => fc.constantFrom({}, { [member]: true });

const request = fc.oneof(
  fc
    .tuple(fc.record({ op: fc.constant('write'), ...span, pattern: byte }), maybe('fua'))
    .map(([a, b]) => ({ ...a, ...b })),
  fc.tuple(fc.record({ op: fc.constant('zero'), ...span }), maybe('unmap')).map(([a, b]) => ({ ...a, ...b })),
  fc.record({ op: fc.constant('discard'), ...span }),
  fc.record({ op: fc.constant('read'), ...span }),
  fc.record({ op: fc.constant('read'), ...span, pattern: byte }),
  fc.record({ op: fc.constant('flush') }),
);

// Keys that look like integers are reordered by JavaScript itself: no member of QMP does.
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.constantFrom('1.50', '1e3', '-0.0').map((text) => new JsonReal(text)),
    fc.array(tie('value'), { maxLength: 3 }),
    fc
      .array(fc.tuple(name, tie('value')), { maxLength: 3 })
      .map((members) => jsonObject(Object.fromEntries(members) as JsonObject)),
  ),
}));

const path = fc.oneof(
  fc.stringMatching(/^[a-z~%.-]{1,6}(\/[a-z0-9]{1,6})?$/),
  fc.string({ unit: 'binary', minLength: 1 }),
);
const hex = fc
  .uint8Array({ maxLength: 4 })
  .map((some) => [...some].map((one) => one.toString(16).padStart(2, '0')).join(' '));
const piece = fc.oneof(
  fc.record({ text: fc.string({ unit: 'binary', minLength: 1 }), times: fc.integer({ min: 1, max: 9999 }) }),
  fc.record({ hex }),
);
const content = fc.oneof(
  fc.record({ kind: fc.constant('size'), size: bytes }),
  fc.record({ kind: fc.constant('fill'), byte, size: bytes }),
  fc.record({ kind: fc.constant('hex'), hex }),
  fc.record({
    kind: fc.constant('text'),
    text: fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^[ -~]{0,9}(\n[ -~]{0,9}){0,3}$/)),
    pieces: fc.array(fc.tuple(fc.stringMatching(/^[A-Z]{1,4}$/), piece), { maxLength: 2 }),
  }),
);
const trust = fc.constantFrom('stranger', 'local');

const any = fc.array(fc.stringMatching(/^[a-z]{1,5}(-[a-z]{1,5})?$/), { maxLength: 2 });
const wait = fc.oneof(
  fc.record({ verb: fc.constant('wait'), any, job: name, state: fc.constantFrom('paused', 'null') }),
  fc.record({ verb: fc.constant('wait'), any, job: name, event: fc.constant('BLOCK_JOB_READY') }),
  fc.record({
    verb: fc.constant('wait'),
    any,
    event: fc.constant('DEVICE_DELETED'),
    match: fc.dictionary(name, value, { noNullPrototype: false }),
  }),
);

const action = fc.oneof(
  wait,
  fc.record({ verb: fc.constant('file'), file: path, content }),
  fc.record({ verb: fc.constant('descriptor'), file: path, trust, verify: fc.boolean() }),
  fc.record({ verb: fc.constant('check'), file: path, trust, repair: fc.boolean() }),
  fc.record({ verb: fc.constant('log'), text: fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/) }),
  fc.record({ verb: fc.constant('create'), file: name, size: bytes }),
  fc.record({
    verb: fc.constant('open'),
    node: name,
    size: fc.option(bytes),
    driver: fc.constantFrom('format', 'null-co'),
    readOnly: fc.boolean(),
    discard: fc.constantFrom('ignore', 'unmap'),
    policy: fc.constantFrom('writeback', 'writethrough', undefined),
  }),
  fc.record({ verb: fc.constantFrom('restart', 'kill') }),
  fc.record({
    verb: fc.constant('qmp'),
    command: name,
    arguments: fc.option(fc.dictionary(name, value, { noNullPrototype: false }), { nil: undefined }),
  }),
  fc.record({ verb: fc.constant('raw'), text: fc.stringMatching(/^[!-~][ -~]{0,20}$/) }),
  fc.record({ verb: fc.constant('io'), node: name, request }),
  fc.record({ verb: fc.constant('observe'), node: name }),
) as fc.Arbitrary<Action>;

t.test('a dialogue is read back as the steps it was written from', (t) => {
  fc.assert(
    fc.property(fc.array(action, { maxLength: 5 }), (actions) => {
      const lines = actions.flatMap((one) => [
        ...questionLines(one),
        ...(one.verb === 'qmp' ? [] : ['   ok']),
        '<- {"return": [',
        '     1',
        '   ]}',
        'event A {}',
        '',
      ]);
      const again = parseDialogue(lines.join('\n')).map((step) => step.action);
      return again.flatMap(questionLines).join('\n') === actions.flatMap(questionLines).join('\n');
    }),
  );
  t.end();
});

t.test('a file is read back exactly, whatever is in it', (t) => {
  fc.assert(
    fc.property(path, content, (file, inside) => {
      const asked = { verb: 'file', file, content: inside } as Action;
      const lines = [...questionLines(asked), '   ok', 'check d'];
      const [step, after] = parseDialogue(lines.join('\n'));
      t.same(step!.action, asked);
      t.match(after!.action, { verb: 'check' });
    }),
  );
  t.end();
});

t.test('blocks fenced as qmp', (t) => {
  const markdown =
    'Words.\n\n```qmp\nobserve disk\n   size 1\n```\n\n```yaml\nobserve: x\n```\n\n- item\n\n  ```qmp reference\n  # a\n  ```\n';
  t.same(dialoguesIn(markdown), [
    { referenceOnly: false, text: 'observe disk\n   size 1\n', line: 4 },
    { referenceOnly: true, text: '# a\n', line: 15 },
  ]);
  t.same(parseDialogue('observe disk\n   size 1\n', 4), [
    { line: 4, action: { verb: 'observe', node: 'disk' } },
  ]);
  t.end();
});

t.test('a request laid out over several lines is one request', (t) => {
  const [step] = parseDialogue(
    '-> {"execute": "transaction",\n    "arguments": {"actions": [\n      ]}}\n<- {"return": {}}\n',
  );
  t.match(step!.action, { verb: 'qmp', command: 'transaction', arguments: { actions: [] } });
  t.end();
});

t.test('a request that is no plain command is sent as it stands', (t) => {
  for (const text of [
    '{"execute": 1}',
    '{"execute": "a", "id": 1}',
    '{"execute": "a", "arguments": 3}',
    '[1]',
  ]) {
    t.same(parseDialogue(`-> ${text}`)[0]!.action, { verb: 'raw', text });
  }
  t.end();
});

t.test('what is no dialogue', (t) => {
  for (const [text, wanted] of [
    ['observe\n', /line 7: neither a question nor an answer: observe/],
    ['-> {"execute"', /line 7: not JSON, which is sent with "-> raw"/],
    ['io disk: wirte 0 1', /not a request: wirte/],
    ['io disk: write 0 1', /names its pattern/],
    ['open disk: many bytes', /not a size: many/],
  ] as const) {
    t.throws(() => parseDialogue(text, 7), wanted);
    t.throws(() => parseDialogue(text, 7), DialogueError);
  }
  t.end();
});

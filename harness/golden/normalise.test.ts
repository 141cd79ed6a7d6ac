import fc from 'fast-check';
import t from 'tap';
import { replyLines } from '../case/play/answer.js';
import { transcriptOf } from '../case/play/transcript.js';
import type { Target } from '../target/target.js';
import { NORMALISERS, normalise } from './normalise.js';

function texts(kind: Target['kind'], text: string, other = ''): string {
  return normalise(kind, transcriptOf(text), transcriptOf(other))
    .map((line) => line.text)
    .join('\n');
}

t.test('every normaliser has a name of its own and a reason', (t) => {
  t.same(
    NORMALISERS.map((normaliser) => normaliser.name),
    [
      'member-order',
      'json-filename',
      'scratch-path',
      'generated-node-name',
      'unnamed-device',
      'host-allocation',
      'tool-name',
      'format-name',
      'tool-advice',
      'io-time',
      'io-usage',
      'io-prompt',
      'progress',
      'create-options',
      'format-details',
      'allocated-space',
      'map-owner',
      'json-answer',
      'host-time',
      'stored-order',
      'info-order',
      'writer',
      'error-text',
      'sha256-optional',
    ],
  );
  t.ok(NORMALISERS.every((normaliser) => normaliser.reason.length > 20));
  t.end();
});

t.test('member-order: objects are sorted, lists are not', (t) => {
  const context = { directory: null, errorId: () => undefined };
  t.same(replyLines({ return: { b: [2, 1, { d: 1, c: 2 }], a: 0 } }, context), [
    '<- {"return": {"a": 0, "b": [2, 1, {"c": 2, "d": 1}]}}',
  ]);
  t.end();
});

t.test('stored-order: in a graph, and only bitmaps that are stored', (t) => {
  const line = (names: string): string => `   disk: {format}, 512 bytes, ${names}`;
  t.equal(
    texts(
      'qsd',
      line('bitmap b1 (stored), bitmap c, bitmap b0 (stored), bitmap a, bitmap "a (stored), b" (stored)'),
    ),
    line('bitmap "a (stored), b" (stored), bitmap c, bitmap b0 (stored), bitmap a, bitmap b1 (stored)'),
  );
  const reply = '<- {"return": ", bitmap b (stored), bitmap a (stored)"}';
  t.equal(texts('qsd', reply), reply);
  t.end();
});

t.test('json-filename: sorted inside, and only what is JSON', (t) => {
  const context = { directory: '/tmp/x', errorId: () => undefined };
  t.same(
    replyLines({ return: 'json:{"file": {"size": 1, "driver": "/tmp/x/f"}, "driver": "raw"}' }, context),
    [`<- {"return": ${JSON.stringify('json:{"driver": "raw", "file": {"driver": "$f", "size": 1}}')}}`],
  );
  t.same(replyLines({ return: 'json:{x' }, context), ['<- {"return": "json:{x"}']);
  t.end();
});

t.test('unnamed-device: same stays same, different stays different', (t) => {
  const path = (number: number): string => `"/machine/peripheral-anon/device[${number}]/virtio-backend"`;
  t.equal(texts('qsd', `${path(62)} ${path(7)}\n${path(62)}`), `${path(0)} ${path(1)}\n${path(0)}`);
  t.equal(texts('qsd', '"/machine/peripheral/device[3]"'), '"/machine/peripheral/device[3]"');
  t.end();
});

t.test('generated-node-name: same stays same, different stays different', (t) => {
  t.equal(
    texts('qsd', '"#block123" "#block045"\n"#block123" x#blocky'),
    '"#block1" "#block2"\n"#block1" x#blocky',
  );
  t.equal(texts('qsd', '#block7'), texts('qsd', '#block912'));
  t.not(texts('qsd', '#block7 #block7'), texts('qsd', '#block7 #block8'));
  t.end();
});

t.test('host-allocation: only the value', (t) => {
  t.equal(
    texts('qsd', '{"actual-size": 4096, "virtual-size": 4096}'),
    '{"actual-size": "host", "virtual-size": 4096}',
  );
  t.end();
});

t.test('error-text: of adapters only the id counts', (t) => {
  const line = '<- error BMP-E-BUSY GenericError: Bitmap is busy';
  t.equal(texts('adapter', line), '<- error BMP-E-BUSY');
  t.equal(texts('adapter', '<- error QBM-E-TAIL: bitmap "b0"'), '<- error QBM-E-TAIL', 'one without a place');
  t.equal(texts('adapter', '<- error QBM-E-JSON 2:18: text'), '<- error QBM-E-JSON');
  t.equal(texts('qsd', line), line);
  t.end();
});

t.test('sha256-optional: lines go only where one side has none', (t) => {
  const some = '   b0: x\n      dirty none\n      sha256 ab';
  const none = '   b0: x\n      dirty none';
  t.equal(texts('adapter', some, none), none);
  t.equal(texts('adapter', none, some), none);
  t.equal(texts('adapter', some, some), some);
  t.equal(texts('qsd', some, none), some);
  t.end();
});

t.test('normalising twice is normalising once, and never reorders', (t) => {
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('#block12', '"actual-size": 5', '<- error A B: c', '      sha256 ab'),
  );
  const kind = fc.constantFrom<Target['kind']>('reference', 'adapter', 'qsd');
  fc.assert(
    fc.property(kind, fc.array(line), (kind, lines) => {
      const input = lines.map((text, step) => ({ text, step }));
      const once = normalise(kind, input, input);
      t.same(normalise(kind, once, once), once);
      return once.every((line, index) => index === 0 || once[index - 1]!.step < line.step);
    }),
  );
  t.end();
});

import { Ajv } from 'ajv';
import t from 'tap';
import { context, leftovers, nodeScript } from '../fixtures.js';
import { parseTarget } from '../parse.js';
import { type NodeObservation, TargetFault } from '../target.js';

import schema = require('../schema/adapter-v1-request.schema.json');

/** An adapter that answers a command or an operation as its table says, or that all is well. */
function adapter(answers: Record<string, unknown> = {}): string {
  return nodeScript(`
    import { createInterface } from "node:readline";
    const answers = ${JSON.stringify(answers).replaceAll('\\', '\\\\').replaceAll("'", '')};
    createInterface({ input: process.stdin }).on("line", (line) => {
      const { seq, ...request } = JSON.parse(line);
      const op = request.ops?.[0]?.op;
      let answer = answers[op ?? request.cmd];
      if (answer === "die") process.exit(7);
      if (answer === "log") { console.error("I am lost"); return; }
      if (answer === "hang") return;
      if (answer === "garbage") { console.log("Traceback (most recent call last):"); return; }
      if (request.cmd === "hello") answer ??= { protocol: 1, name: "toy", version: "0.1", capabilities: ["bitmap", "transaction", "resize", "close"] };
      answer ??= op ? { results: [{ ok: true }] } : { ok: true };
      console.log(JSON.stringify({ seq, ...answer }));
      if (request.cmd === "bye") process.exit(0);
    });`);
}

function start(answers: Record<string, unknown> = {}) {
  return parseTarget(`adapter:${adapter(answers)}`).create();
}

t.test('a case on an adapter', async (t) => {
  const dirty = [
    ['0', '65536'],
    ['65536', '512'],
  ];
  const bitmap = { granularity: '65536', count: '131072', recording: true, busy: false, persistent: false };
  const bitmaps = [
    { name: 'b', ...bitmap, inconsistent: false, dirty, sha256: 'a'.repeat(64) },
    { name: 'a', ...bitmap, inconsistent: false, dirty: null },
  ];
  const target = start({
    observe: { size: '66048', bitmaps },
    read: { results: [{ mismatch: { at: '5', found: 255 } }] },
    write: { results: [{ errno: 'ENOSPC' }] },
    'bitmap-add': { results: [{ error: 'BMP-E-EXISTS', message: 'there is one' }] },
    'bitmap-merge': { results: [{ skipped: true, reason: 'not yet', link: 'https://x.example' }] },
  });
  t.teardown(() => target.close());
  const identity = await target.identify();
  t.equal(identity.program, 'toy 0.1');
  t.ok(identity.capabilities.has('command:block-dirty-bitmap-merge'));
  t.notOk(identity.capabilities.has('qmp'));

  const session = await target.begin(context());
  t.same(await session.open('d0', { size: 66048, driver: 'format' }), { return: {} });
  t.same(await session.qmp('block-dirty-bitmap-clear', { node: 'd0', name: 'b' }), { return: {} });
  t.same(await session.qmp('block-dirty-bitmap-add', { node: 'd0', name: 'b' }), {
    error: { class: 'GenericError', desc: 'there is one', id: 'BMP-E-EXISTS' },
  });
  await t.rejects(session.qmp('block-dirty-bitmap-merge', { node: 'd0', target: 'b', bitmaps: ['a'] }), {
    name: 'Declined',
    message: 'not yet',
    link: 'https://x.example',
  });
  await t.rejects(session.qmp('query-block', undefined), { name: 'Declined' });
  await t.rejects(session.qmpText('{}'), { name: 'Declined' });
  await t.rejects(session.restart('kill'), { name: 'Declined' });
  await t.rejects(session.open('d0', { existing: true, driver: 'format' }), { name: 'Declined' });
  const read = await session.io('d0', { op: 'read', offset: 0, length: 9, pattern: 1 });
  t.same(read, { mismatch: { at: 5, found: 255 } });
  t.same(await session.io('d0', { op: 'write', offset: 0, length: 9, pattern: 1 }), { errno: 'ENOSPC' });
  const seen = (await session.observe('d0')) as NodeObservation;
  t.same(
    seen.bitmaps.map(({ name, dirty, sha256 }) => [name, dirty, sha256]),
    [
      ['a', null, null],
      ['b', [{ offset: 0, length: 66048 }], 'a'.repeat(64)],
    ],
  );
  t.same(await session.qmp('blockdev-del', { 'node-name': 'd0' }), { return: {} });
  await session.end();
});

const FAULTS: readonly (readonly [
  name: string,
  answers: Record<string, unknown>,
  kind: string,
  message: RegExp,
])[] = [
  ['dies', { flush: 'die' }, 'crash', /apply: .* ended with code 7/],
  ['hangs', { flush: 'hang' }, 'hang', /apply: no reply within 1000 ms/],
  ['hangs with a word', { flush: 'log' }, 'hang', /it printed:\n {2}\| I am lost/],
  ['prints what is no JSON', { flush: 'garbage' }, 'garbage', /not an answer: .*Traceback/],
  [
    'counts wrongly',
    { flush: { seq: 99, results: [{ ok: true }] } },
    'garbage',
    /"seq" must be \d+, as in the request/,
  ],
  ['gives no result', { flush: { results: [] } }, 'garbage', /0 results for 1 operation/],
  [
    'gives an odd result',
    { flush: { results: [{ okay: true }] } },
    'garbage',
    /results\[0\] has none of "ok", "error"/,
  ],
  [
    'gives a wrong result',
    { flush: { results: [{ error: 'no' }] } },
    'garbage',
    /results\[0\]\.error must match pattern/,
  ],
  [
    'says too much',
    { flush: { results: [{ ok: true, x: 1 }] } },
    'garbage',
    /results\[0\] has an unknown member "x"/,
  ],
  ['forgets its results', { flush: { ok: true } }, 'garbage', /must have required property 'results'/],
];

for (const [name, answers, kind, message] of FAULTS) {
  t.test(`an adapter that ${name}`, async (t) => {
    const target = start(answers);
    t.teardown(() => target.close());
    const session = await target.begin(context({ limitMs: name.startsWith('hangs') ? 1000 : 20_000 }));
    await t.rejects(session.io('d0', { op: 'flush' }), { name: 'TargetFault', kind, message });
    await t.rejects(session.io('d0', { op: 'flush' }), TargetFault);
    await session.end();
    const next = await target.begin(context());
    t.same(await next.qmp('block-dirty-bitmap-clear', { node: 'd0', name: 'b' }), { return: {} });
    await next.end();
  });
}

t.test('numbers that are no strings, and an observation that is not whole', async (t) => {
  for (const [observed, message] of [
    [{ size: 66048, bitmaps: [] }, /size must be string/],
    [{ size: '0x10', bitmaps: [] }, /size must be a string of decimal digits/],
    [{ size: '1', bitmaps: [{ name: 'b' }] }, /bitmaps\[0\] must have required property 'granularity'/],
  ] as const) {
    const target = start({ observe: observed });
    const session = await target.begin(context());
    await t.rejects(session.observe('d0'), { kind: 'garbage', message });
    await session.end();
    await target.close();
  }
});

t.test('bitmap results are no guest errors', async (t) => {
  const target = start({ 'bitmap-clear': { results: [{ errno: 'EIO' }] } });
  t.teardown(() => target.close());
  const session = await target.begin(context());
  const asked = session.qmp('block-dirty-bitmap-clear', { node: 'd0', name: 'b' });
  await t.rejects(asked, { kind: 'garbage', message: /is no guest I\/O/ });
  await session.end();
});

t.test('a hello of another protocol', async (t) => {
  const target = start({ hello: { protocol: 2, name: 'toy', version: '', capabilities: [] } });
  await t.rejects(target.identify(), { kind: 'garbage', message: /protocol must be 1/ });
});

t.test('the schema of requests is itself a schema', async (t) => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
  t.ok(validate({ seq: 1, cmd: 'apply', ops: [{ op: 'flush', node: 'd0' }] }));
  t.notOk(validate({ seq: 1, cmd: 'apply', ops: [{ op: 'flush' }] }));
});

t.test('no process is left', async (t) => {
  t.same(leftovers(), []);
});

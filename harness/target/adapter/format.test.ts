/** The format part of the adapter protocol: a small adapter that keeps the files it was given and answers from a table. */
import { Ajv } from 'ajv';
import t from 'tap';
import { context, nodeScript } from '../fixtures.js';
import { parseTarget } from '../parse.js';
import type { FormatPart, Session, Target } from '../target.js';

import schema = require('../schema/adapter-v1-request.schema.json');

const LOOK = { trust: 'stranger', verify: false } as const;
const CHECK = { trust: 'stranger', repair: false } as const;

/** Answers a request for an image by its name; without one, with what it was asked and the files that it has. */
function start(answers: Record<string, unknown> = {}): Target {
  const script = nodeScript(`
    import { createInterface } from "node:readline";
    const answers = ${JSON.stringify(answers).replaceAll('\\', '\\\\').replaceAll("'", '')};
    let files = {};
    createInterface({ input: process.stdin }).on("line", (line) => {
      const { seq, cmd, ...request } = JSON.parse(line);
      let answer = { ok: true };
      if (cmd === "hello") answer = { protocol: 1, name: "toy", version: "0.1", capabilities: ["format", "repair"] };
      if (cmd === "reset") files = {};
      if (cmd === "load") for (const { name, ...file } of request.files) files[name] = file;
      if (cmd === "load" && request.files[0].name in answers) answer = answers[request.files[0].name];
      if (cmd === "inspect" || cmd === "check")
        answer = answers[request.name] ?? { error: "QBM-E-NO-FILE", message: JSON.stringify({ request, files }) };
      console.log(JSON.stringify({ seq, ...answer }));
      if (cmd === "bye") process.exit(0);
    });`);
  return parseTarget(`adapter:${script}`).create();
}

async function begin(target: Target): Promise<{ session: Session; format: FormatPart }> {
  const session = await target.begin(context());
  return { session, format: session.format! };
}

t.test('files and questions reach the adapter', async (t) => {
  const target = start();
  t.teardown(() => target.close());
  t.ok((await target.identify()).capabilities.has('format'));
  const { session, format } = await begin(target);
  await format.put('disk.data', 2 ** 53 - 1);
  await format.put('vm/b0', Uint8Array.of(5, 2));
  await format.put('vm/b0', Uint8Array.of(255));
  const asked = async (answer: Promise<unknown>): Promise<unknown> => {
    const { error } = (await answer) as { error: { text: string } };
    return JSON.parse(error.text);
  };
  const files = { 'disk.data': { size: '9007199254740991' }, 'vm/b0': { content: '/w==' } };
  t.same(await asked(format.inspect('disk.qbm', LOOK)), {
    request: { name: 'disk.qbm', trust: 'stranger' },
    files,
  });
  t.same(await asked(format.inspect('disk.qbm', { trust: 'local', verify: true })), {
    request: { name: 'disk.qbm', trust: 'local', verify: 'checksums' },
    files,
  });
  t.same(await asked(format.check('disk.qbm', { trust: 'local', repair: true })), {
    request: { name: 'disk.qbm', trust: 'local', repair: true },
    files,
  });
  await session.end();
  const next = await begin(target);
  t.same(await asked(next.format.check('disk.qbm', CHECK)), {
    request: { name: 'disk.qbm', trust: 'stranger' },
    files: {},
  });
  await next.session.end();
});

t.test('its answers', async (t) => {
  const facts = { type: 'dirty', granularity: '512', recording: true, inconsistent: false };
  const areas = [
    ['0', '512'],
    ['512', '512'],
  ];
  const finding = { id: 'QBM-E-TAIL', severity: 'error' };
  const target = start({
    open: {
      size: '1024',
      bitmaps: [
        { name: 'b', ...facts, areas },
        { name: 'a', ...facts, recording: false, inconsistent: true, areas: null },
      ],
      backing: { file: 'base', format: 'raw' },
    },
    refused: { error: 'QBM-E-JSON', line: 3, column: 14, message: 'a comma' },
    bare: { error: 'QBM-E-LOOP' },
    found: { findings: [{ ...finding, bitmap: 'b0' }, finding] },
    mended: { repaired: [finding], findings: [] },
    later: { skipped: true, reason: 'not yet', link: 'https://x.example' },
    huge: { skipped: true, reason: 'no room' },
  });
  t.teardown(() => target.close());
  const { session, format } = await begin(target);
  t.same(await format.inspect('open', LOOK), {
    size: 1024,
    bitmaps: [
      { name: 'a', ...facts, granularity: 512, recording: false, inconsistent: true, areas: null },
      { name: 'b', ...facts, granularity: 512, areas: [{ offset: 0, length: 1024 }] },
    ],
    backing: { file: 'base', format: 'raw' },
  });
  const place = { line: 3, column: 14 };
  t.same(await format.inspect('refused', LOOK), { error: { id: 'QBM-E-JSON', text: 'a comma', place } });
  t.same(await format.check('bare', CHECK), { error: { id: 'QBM-E-LOOP', text: '', place: null } });
  t.same(await format.check('found', CHECK), {
    repaired: [],
    findings: [
      { ...finding, bitmap: 'b0' },
      { ...finding, bitmap: null },
    ],
  });
  t.same(await format.check('mended', { ...CHECK, repair: true }), {
    repaired: [{ ...finding, bitmap: null }],
    findings: [],
  });
  const declined = { name: 'Declined', message: 'not yet', link: 'https://x.example' };
  await t.rejects(format.inspect('later', LOOK), declined);
  await t.rejects(format.check('later', CHECK), declined);
  await t.rejects(format.put('huge', 2 ** 50), { name: 'Declined', message: 'no room' });
  await session.end();
});

const WRONG: readonly (readonly [name: string, answer: object, message: RegExp])[] = [
  ['a number', { size: 1024, bitmaps: [] }, /size must be string/],
  [
    'half a place',
    { error: 'QBM-E-JSON', line: 3 },
    /must have property column when property line is present/,
  ],
  ['an id of another part', { error: 'BMP-E-BUSY' }, /error must match pattern/],
  [
    'a bitmap of no type',
    { size: '0', bitmaps: [{ name: 'b' }] },
    /bitmaps\[0\] must have required property/,
  ],
  ['ok', { ok: true }, /must have required property 'size'/],
];

for (const [name, answer, message] of WRONG) {
  t.test(`an answer that is ${name}`, async (t) => {
    const target = start({ d: answer });
    t.teardown(() => target.close());
    const { session, format } = await begin(target);
    await t.rejects(format.inspect('d', LOOK), { kind: 'garbage', message });
    await session.end();
  });
}

t.test('a check that is no check', async (t) => {
  const target = start({
    d: { findings: [{ id: 'QBM-E-TAIL', severity: 'bad' }] },
    e: { size: '0', bitmaps: [] },
  });
  t.teardown(() => target.close());
  for (const [name, message] of [
    ['d', /findings\[0\]\.severity must be equal to one of the allowed values/],
    ['e', /must have required property 'findings'/],
  ] as const) {
    const { session, format } = await begin(target);
    await t.rejects(format.check(name, CHECK), { kind: 'garbage', message });
    await session.end();
  }
});

t.test('the schema of requests', async (t) => {
  const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
  const good = [
    { cmd: 'load', files: [{ name: 'a', content: '' }] },
    { cmd: 'load', files: [{ name: 'a', size: '9007199254740991' }] },
    { cmd: 'inspect', name: 'a', trust: 'local', verify: 'checksums' },
    { cmd: 'check', name: 'a', trust: 'stranger', repair: true },
  ];
  for (const request of good) t.ok(validate({ seq: 1, ...request }), JSON.stringify(validate.errors));
  const bad = [
    { cmd: 'load', files: [{ name: 'a', content: '', size: '0' }] },
    { cmd: 'load', files: [{ name: 'a', size: 0 }] },
    { cmd: 'inspect', name: 'a' },
    { cmd: 'check', name: 'a', trust: 'stranger', repair: false },
  ];
  for (const request of bad) t.notOk(validate({ seq: 1, ...request }), JSON.stringify(request));
});

/**
 * The input layer against the real one: hostile input goes to a qemu-storage-daemon and to a monitor over a mirror of
 * its commands, and the replies must be equal. Without the daemon the tests are skipped; with CI set they fail instead.
 */
import fc from 'fast-check';
import t from 'tap';
import { readJson } from '../json/read.js';
import { isJsonObject, type Json, JsonReal } from '../json/value.js';
import { writeJson } from '../json/write.js';
import { readDialogues, readRules } from './dialogue-for-tests.js';
import { ErrorTable } from './errors.js';
import { HOSTILE_ARGUMENTS, HOSTILE_ENVELOPES, HOSTILE_TEXTS } from './hostile-for-tests.js';
import { INPUT_ERRORS } from './input-errors.js';
import { MIRROR } from './job/mirror-for-tests.js';
import { Monitor } from './monitor.js';
import { Daemon, daemonVersion } from './qsd-for-tests.js';
import { compareSchema, schemaOf } from './schema.js';
import { runCommand } from './validate.js';

const version = daemonVersion();
const measured = version?.startsWith('7.2.');
const skip = measured ? false : `qemu-storage-daemon 7.2 is not in PATH (found: ${version ?? 'none'})`;
const NODE = ['--blockdev', 'null-co,node-name=n,size=1048576'];
const INPUT = new ErrorTable(INPUT_ERRORS);

if (skip && process.env.CI) {
  t.test('the real monitor is there', (t) => {
    t.fail(skip);
    t.end();
  });
}

/** Brings any parser back to rest: the line break ends an unfinished string, FF what is unfinished otherwise. */
const REST = Uint8Array.of(0x0a, 0xff, 0x0a);

function atRest(input: string | Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(input), REST]);
}

function openMonitor(): Monitor {
  const monitor = new Monitor({ execute: (command) => runCommand(MIRROR, undefined, command) });
  monitor.feed('{"execute": "qmp_capabilities"}');
  return monitor;
}

async function openDaemon(): Promise<Daemon> {
  const daemon = new Daemon(...NODE);
  await daemon.line();
  // the first mark would be refused before negotiation, so the session is opened by hand
  await daemon.ask('{"execute": "qmp_capabilities"}');
  return daemon;
}

/** A reply without what may differ: the order of members, the spelling of reals, and what was returned. */
function essence(reply: Json): string {
  const level = (value: Json): Json => {
    if (Array.isArray(value)) return value.map(level);
    // an id of 1E2 comes back as 100, and 1e-400 as 0
    if (value instanceof JsonReal)
      return Number.isSafeInteger(value.value) ? value.value : `real ${value.value}`;
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, level(member)]));
  };
  if (isJsonObject(reply) && 'return' in reply)
    return writeJson(level({ ...reply, return: {} }), { sorted: true });
  return writeJson(level(reply), { sorted: true });
}

async function replies(daemon: Daemon, input: Uint8Array): Promise<string[]> {
  return (await daemon.ask(input)).map((line) => essence(readJson(line, { depth: 4096 })));
}

t.test('hostile text and envelopes are answered as QEMU answers them', { skip }, async (t) => {
  using daemon = await openDaemon();
  for (const input of [...HOSTILE_TEXTS, ...HOSTILE_ENVELOPES]) {
    const ours = openMonitor().feed(atRest(input)).map(essence);
    const name = JSON.stringify(typeof input === 'string' ? input : Buffer.from(input).toString('latin1'));
    t.strictSame(ours, await replies(daemon, atRest(input)), name.slice(0, 100));
  }
});

t.test('the dialogues of QMP.md hold for the real program', { skip }, async (t) => {
  using daemon = await openDaemon();
  for (const { rule, sent } of readDialogues(readRules())) {
    const ours = openMonitor().feed(sent).map(essence);
    t.strictSame(ours, await replies(daemon, Buffer.from(sent)), `${rule} ${sent.trim()}`);
  }
});

t.test('before negotiation and with oob', { skip }, async (t) => {
  const enable = '{"execute":"qmp_capabilities","arguments":{"enable":["oob"]}}';
  const sessions = [
    '{"execute":"x"}{"execute":"query-version","arguments":{"x":1}}{"foo":1}{"execute":1}{"exec-oob":"x"}[1]{}',
    '{"execute":"qmp_capabilities","arguments":{"enable":["x"]}}{"execute":"qmp_capabilities","arguments":{"x":1}}',
    '{"execute":"qmp_capabilities","arguments":{"enable":"oob"}}{"execute":"qmp_capabilities","arguments":{"enable":[1]}}',
    `${enable}{"exec-oob":"x"}{"exec-oob":"query-version","id":1}{"exec-oob":"qmp_capabilities"}{"exec-oob":2}`,
    `${enable}{"exec-oob":"query-version","arguments":[]}{"execute":"query-version","exec-oob":"x"}${enable}`,
  ];
  for (const session of sessions) {
    using daemon = new Daemon();
    await daemon.line();
    const monitor = new Monitor({ execute: (command) => runCommand(MIRROR, undefined, command) });
    t.strictSame(monitor.feed(session).map(essence), await replies(daemon, Buffer.from(session)), session);
  }
});

/** Sends a command with arguments to both; where ours lets it through, the daemon's input layer must too. */
async function sameVerdict(daemon: Daemon, command: string, args: string): Promise<string | undefined> {
  const text = `{"execute":${JSON.stringify(command)},"arguments":${args}}`;
  const [ours] = openMonitor().feed(text);
  const theirs = readJson((await daemon.ask(text))[0]!);
  const error = isJsonObject(theirs) && isJsonObject(theirs.error) ? theirs.error : undefined;
  if (isJsonObject(ours) && 'error' in ours) {
    return essence(ours) === essence(theirs)
      ? undefined
      : `${text}\nours   ${essence(ours)}\ntheirs ${essence(theirs)}`;
  }
  const id = error && INPUT.idOf(String(error.desc), String(error.class));
  return id === undefined ? undefined : `${text}\nours   accepted\ntheirs ${essence(theirs)}`;
}

t.test('hostile arguments are refused as QEMU refuses them', { skip }, async (t) => {
  using daemon = await openDaemon();
  for (const [command, args] of HOSTILE_ARGUMENTS) {
    t.equal(await sameVerdict(daemon, command, args), undefined, `${command} ${args}`);
  }
});

const FRAGMENTS = [
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"a"',
  '"execute"',
  "'b'",
  '1',
  '-0',
  '0',
  '1.5',
  '2e3',
  'true',
  'null',
]
  .concat([
    ' ',
    '\n',
    '\t',
    '"',
    "'",
    '\\',
    '\\u00',
    'e',
    '.',
    '-',
    '@',
    'A',
    '%',
    '\u0001',
    '\u00fc',
    '"\\ud800"',
    'x',
  ])
  .concat(['{"execute":"x"}', '{"a":1}', '"id":']);

t.test('random pieces of JSON are answered as QEMU answers them', { skip }, async (t) => {
  using daemon = await openDaemon();
  const soup = fc.array(
    fc.oneof({ weight: 6, arbitrary: fc.constantFrom(...FRAGMENTS) }, fc.string({ maxLength: 3 })),
    {
      maxLength: 14,
    },
  );
  // members of an envelope are checked in an order that is left open (QMP-004): two faults there prove nothing
  const decided = (texts: readonly string[]): boolean =>
    texts.every((text) => !text.includes('QMP input member'));
  await fc.assert(
    fc.asyncProperty(soup, async (pieces) => {
      const input = atRest(pieces.join(''));
      const [ours, theirs] = [openMonitor().feed(input).map(essence), await replies(daemon, input)];
      if (decided(ours)) t.strictSame(ours, theirs, { at: null });
      return writeJson(ours) === writeJson(theirs) || !decided(ours);
    }),
    { numRuns: 1000, seed: 7222 },
  );
});

const VALUES = [
  '1',
  '-1',
  '1.5',
  '"a"',
  '"n"',
  'null',
  'true',
  '[]',
  '{}',
  '[1]',
  '["a"]',
  '4294967296',
  '1e400',
  '"abort"',
];
const MEMBERS = [
  'node',
  'name',
  'granularity',
  'persistent',
  'disabled',
  'target',
  'bitmaps',
  'size',
  'node-name',
  'device',
].concat(['actions', 'properties', 'type', 'data', 'driver', 'file', 'cache', 'direct', 'completion-mode']);

t.test('random arguments are refused as QEMU refuses them', { skip }, async (t) => {
  using daemon = await openDaemon();
  const { value } = fc.letrec<{ value: string }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      { weight: 3, arbitrary: fc.constantFrom(...VALUES) },
      fc.array(tie('value'), { maxLength: 2 }).map((items) => `[${items.join(',')}]`),
      fc.dictionary(fc.constantFrom(...MEMBERS), tie('value'), { maxKeys: 3 }).map(
        (object) =>
          `{${Object.entries(object)
            .map(([name, text]) => `"${name}":${text}`)
            .join(',')}}`,
      ),
    ),
  }));
  const bitmaps = value.map((v) => `{"node":"n","target":"t","bitmaps":[${v}]}`);
  const actions = fc
    .tuple(fc.constantFrom('abort', 'block-dirty-bitmap-add', 'block-dirty-bitmap-clear'), value)
    .map(([type, data]) => `{"actions":[{"type":"${type}","data":${data}}]}`);
  const add = value.map((v) => `{"node":"n","name":"a","granularity":${v}}`);
  const file = value.map((v) => `{"driver":"raw","node-name":"r","file":${v}}`);
  const call = fc.oneof(
    fc.tuple(fc.constant('block-dirty-bitmap-merge'), bitmaps),
    fc.tuple(fc.constant('transaction'), actions),
    fc.tuple(fc.constant('block-dirty-bitmap-add'), add),
    fc.tuple(fc.constant('blockdev-add'), file),
  );
  await fc.assert(
    fc.asyncProperty(call, async ([command, args]) => {
      const difference = await sameVerdict(daemon, command, args);
      // which of several unexpected members is named is left open (QMP-029)
      if (difference !== undefined && (difference.match(/is unexpected/g) ?? []).length < 2)
        throw new Error(difference);
    }),
    { numRuns: 1000, seed: 7222 },
  );
  t.pass('1000 calls');
});

t.test('the schema of the mirror is contained in the real one', { skip }, async (t) => {
  using daemon = await openDaemon();
  const reply = readJson((await daemon.ask('{"execute": "query-qmp-schema"}'))[0]!);
  const theirs = isJsonObject(reply) ? reply.return! : null;
  for (const name of MIRROR.keys()) t.strictSame(compareSchema(schemaOf(MIRROR), theirs, name), [], name);
});

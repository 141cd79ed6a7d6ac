import fc from 'fast-check';
import t from 'tap';
import { isJsonObject, type Json, jsonObject } from '../json/value.js';
import { writeJson } from '../json/write.js';
import { readDialogues, readRules } from './dialogue-for-tests.js';
import { ErrorTable, QmpError } from './errors.js';
import { HOSTILE_ARGUMENTS, HOSTILE_ENVELOPES, HOSTILE_TEXTS } from './hostile-for-tests.js';
import { INPUT_ERRORS } from './input-errors.js';
import { MIRROR } from './job/mirror-for-tests.js';
import { Monitor, type MonitorOptions } from './monitor.js';
import { runCommand } from './validate.js';

const INPUT = new ErrorTable(INPUT_ERRORS);

function open(options?: MonitorOptions): Monitor {
  const monitor = new Monitor({ execute: (command) => runCommand(MIRROR, undefined, command) }, options);
  t.strictSame(monitor.feed('{"execute": "qmp_capabilities"}').map(written), ['{"return": {}}'], {
    at: null,
  });
  return monitor;
}

const written = (reply: Json): string => writeJson(reply);

/** A reply as QMP.md writes it. */
function shown(reply: Json): string {
  const error = isJsonObject(reply) ? reply.error : undefined;
  if (!isJsonObject(error) || (isJsonObject(reply) && 'id' in reply)) return writeJson(reply);
  const [errorClass, desc] = [String(error.class), String(error.desc)];
  return `error ${INPUT.idOf(desc, errorClass)} ${errorClass}: ${desc}`;
}

t.test('the dialogues of QMP.md', (t) => {
  const dialogues = readDialogues(readRules());
  t.ok(dialogues.length > 25);
  for (const { rule, sent, expected } of dialogues) {
    t.strictSame(open().feed(sent).map(shown), expected, `${rule} ${sent.trim()}`);
  }
  t.end();
});

t.test('every rule has its form', (t) => {
  const sections = readRules().split('\n### ').slice(1);
  const seen = new Set<string>();
  for (const section of sections) {
    const [heading, level] = section.split('\n');
    const id = /^(QMP-[0-9]{3}) · \S/.exec(heading!)?.[1];
    t.ok(id !== undefined && !seen.has(id), heading ?? '');
    t.match(level, /^\*(must|should|may) · (qemu 7\.2|decision: .+)\*$/, heading ?? '');
    t.equal(section.match(/^```(qmp|text)$/gm)?.length, 1, `${heading}: one example`);
    seen.add(id!);
  }
  t.end();
});

t.test('greeting and negotiation (QMP-001, QMP-002)', (t) => {
  const calls: string[] = [];
  const monitor = new Monitor({
    execute: ({ name }) => {
      calls.push(name);
      return 1;
    },
  });
  t.equal(
    written(monitor.greeting()),
    '{"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}',
  );
  const shownAll = (text: string): string[] => monitor.feed(text).map(shown);
  t.match(shownAll('{"execute": "a"}'), [/^error QMP-E-NEGOTIATE-FIRST CommandNotFound: /]);
  t.match(shownAll('{"execute": "qmp_capabilities", "arguments": {"enable": ["x"]}}'), [/QMP-E-ENUM/]);
  t.strictSame(shownAll('{"execute": "qmp_capabilities", "arguments": {"enable": ["oob"]}, "id": 1}'), [
    '{"return": {}, "id": 1}',
  ]);
  t.match(shownAll('{"execute": "qmp_capabilities"}'), [/QMP-E-NEGOTIATED/]);
  t.match(shownAll('{"exec-oob": "qmp_capabilities"}'), [/QMP-E-OOB-UNSUPPORTED/]);
  t.strictSame(shownAll('{"exec-oob": "b"}'), ['{"return": 1}']);
  t.strictSame(calls, ['b']);
  t.end();
});

t.test('only a QmpError is an answer', (t) => {
  const broken = new Monitor({
    execute: ({ name }) => {
      throw name === 'a' ? new QmpError('X-E-A', 'DeviceNotFound', 'text') : new RangeError('a mistake');
    },
  });
  broken.feed('{"execute": "qmp_capabilities"}');
  t.equal(
    broken.feed('{"execute": "a"}').map(written)[0],
    '{"error": {"class": "DeviceNotFound", "desc": "text"}}',
  );
  t.throws(() => broken.feed('{"execute": "b"}'), RangeError);
  t.end();
});

t.test('limits: what is too much is answered and forgotten', (t) => {
  const texts = (input: string | Uint8Array, limits: MonitorOptions['limits']): string[] =>
    open({ limits: limits! }).feed(input).map(shown);
  const size = /QMP-E-JSON-SIZE/;
  t.match(texts('"0123456789012345678901234567890123456789" ', { size: 41 }), [size]);
  t.match(texts('"012345678901234567890123456789012345678" ', { size: 42 }), [/QMP-E-NOT-OBJECT/]);
  t.match(texts(`["${'a'.repeat(30)}","${'b'.repeat(10)}"]`, { size: 40 })[0], size);
  t.match(texts(`"${'1'.repeat(100)}`, { size: 40 })[0], size, 'a token that never ends');
  t.match(texts(`[${'1,'.repeat(60)}`, { count: 100 })[0], /QMP-E-JSON-COUNT/);
  t.match(texts('['.repeat(1025), {}), [/QMP-E-JSON-DEPTH/]);
  t.end();
});

t.test('a long input is read in time that grows with its length', (t) => {
  const monitor = open();
  const chunk = new TextEncoder().encode(
    `{"execute": "transaction", "arguments": {"actions": [${' '.repeat(65536)}`,
  );
  // a thousand unfinished chunks inside of one string: the token limit is what ends it, not the memory
  t.strictSame(monitor.feed(chunk), []);
  t.strictSame(monitor.feed(`"${'a'.repeat(2 ** 20)}`), []);
  for (let i = 0; i < 16; i++) t.strictSame(monitor.feed('b'.repeat(2 ** 16)), [], { at: null });
  t.match(monitor.feed('"]}}').map(shown), [/QMP-E-TYPE GenericError: .*'actions\[0\]', expected: object/]);
  t.end();
});

t.test('where input is cut means nothing (QMP-008)', (t) => {
  const commands = HOSTILE_ARGUMENTS.map(([name, args]) => `{"execute":"${name}","arguments":${args}}`);
  const piece = fc.constantFrom<string | Uint8Array>(
    ...HOSTILE_TEXTS,
    ...HOSTILE_ENVELOPES,
    ...commands,
    '\n',
    '\u00fc',
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 6 }),
      fc.infiniteStream(fc.integer({ min: 1, max: 7 })),
      (pieces, cuts) => {
        const input = Uint8Array.from(
          pieces.flatMap((one) => [...(typeof one === 'string' ? new TextEncoder().encode(one) : one)]),
        );
        const whole = open().feed(input).map(written);
        const cut = open();
        const parts: string[] = [];
        for (let at = 0; at < input.length; ) {
          const length = cuts.next().value;
          parts.push(...cut.feed(input.subarray(at, at + length)).map(written));
          at += length;
        }
        t.strictSame(parts, whole, { at: null });
      },
    ),
    { numRuns: 100 },
  );
  t.end();
});

t.test('a command cut at every byte', (t) => {
  const input = new TextEncoder().encode('{"execute": "x\u00fc\u{1f600}", "id": -12.5e1}\n');
  const whole = open().feed(input).map(written);
  for (let at = 0; at <= input.length; at++) {
    const monitor = open();
    const replies = [...monitor.feed(input.subarray(0, at)), ...monitor.feed(input.subarray(at))];
    t.strictSame(replies.map(written), whole, { at: null });
  }
  t.end();
});

t.test('an id called __proto__ and other names of JavaScript are names', (t) => {
  const [reply] = open().feed('{"execute": "constructor", "id": {"__proto__": 1}}');
  t.match(shown(reply!), /The command constructor has not been found.*"id": \{"__proto__": 1\}/);
  t.match(open().feed('{"__proto__": 1}').map(shown), [/'__proto__' is unexpected/]);
  t.equal(written(jsonObject({ a: 1 })), '{"a": 1}');
  t.end();
});

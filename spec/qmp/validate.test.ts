import t, { type Test } from 'tap';
import { readJson } from '../json/read.js';
import { isJsonObject, JsonReal } from '../json/value.js';
import { writeJson } from '../json/write.js';
import { commandsOf, commandTable, defineCommand } from './command.js';
import { QmpError } from './errors.js';
import { TransactionAction } from './job/mirror-for-tests.js';
import {
  alternate,
  any,
  array,
  bool,
  empty,
  enumeration,
  extend,
  type Infer,
  int,
  int8,
  int16,
  int32,
  nothing,
  number,
  optional,
  required,
  size,
  str,
  struct,
  type Type,
  uint8,
  uint32,
  uint64,
  union,
} from './types.js';
import { encodeReply, exactNumber, parseArguments, parseValue, ReplyFault, runCommand } from './validate.js';

const of = (type: Type, json: string): unknown => parseValue(type, readJson(json), 'a');

function refused(t: Test, type: Type, json: string, id: string, desc: string): void {
  try {
    of(type, json);
    t.fail(`${json} is no ${type.name}`);
  } catch (error) {
    t.ok(error instanceof QmpError);
    t.match(error, { id, desc }, `${type.name} ${json}`);
  }
}

t.test('integers (QMP-025, QMP-026)', (t) => {
  for (const type of [int, int8, int16, int32]) {
    t.equal(of(type, '-128'), -128);
    for (const json of ['1.0', '"1"', 'true', 'null', '9223372036854775808', '-9223372036854775809']) {
      refused(t, type, json, 'QMP-E-TYPE', "Invalid parameter type for 'a', expected: integer");
    }
  }
  refused(t, int8, '128', 'QMP-E-RANGE', "Parameter 'a' expects int8_t");
  refused(t, int32, '2147483648', 'QMP-E-RANGE', "Parameter 'a' expects int32_t");
  refused(t, uint8, '256', 'QMP-E-RANGE', "Parameter 'a' expects uint8_t");
  refused(t, array(uint32), '[4294967296]', 'QMP-E-RANGE', "Parameter 'null' expects uint32_t");
  refused(t, array(uint32), '["x"]', 'QMP-E-UNSIGNED', "Parameter 'a[0]' expects uint64");
  t.equal(of(int, '9223372036854775807'), 2n ** 63n - 1n);
  t.equal(of(uint64, '-1'), 2n ** 64n - 1n, 'QMP-024');
  t.equal(of(size, '18446744073709551615'), 2n ** 64n - 1n);
  t.equal(of(uint64, '-9223372036854775808'), 2n ** 63n);
  refused(t, uint64, '18446744073709551616', 'QMP-E-UNSIGNED', "Parameter 'a' expects uint64");
  t.equal(exactNumber(2 ** 53 - 1, 'a'), 2 ** 53 - 1);
  t.throws(() => exactNumber(2n ** 53n, 'size'), /Parameter 'size' is beyond 2\^53-1/);
  t.end();
});

t.test('number, null and any', (t) => {
  t.equal(of(number, '1.5'), 1.5);
  t.equal(of(number, '3'), 3);
  refused(t, number, '"3"', 'QMP-E-TYPE', "Invalid parameter type for 'a', expected: number");
  t.equal(of(nothing, 'null'), null);
  refused(t, nothing, '0', 'QMP-E-TYPE', "Invalid parameter type for 'a', expected: null");
  t.strictSame(of(any, '[1.50]'), [new JsonReal('1.50')]);
  t.end();
});

t.test('the order of checks', (t) => {
  const Inner = struct('Inner', { x: int, y: optional(int) });
  const Outer = struct('Outer', { first: Inner, second: required(str), third: optional(array(Inner)) });
  const say = (json: string): string => {
    try {
      const value = readJson(json);
      return writeJson(parseArguments(Outer, isJsonObject(value) ? value : undefined) as never);
    } catch (error) {
      return (error as Error).message;
    }
  };
  t.equal(say('{"z": 1, "second": 1, "third": 1}'), "Parameter 'first' is missing");
  t.equal(say('{"z": 1, "second": 1, "first": {"z": 1}}'), "Parameter 'first.x' is missing");
  t.equal(say('{"z": 1, "second": 1, "first": {"z": 1, "x": 1}}'), "Parameter 'first.z' is unexpected");
  t.equal(
    say('{"z": 1, "second": 1, "first": {"x": 1}}'),
    "Invalid parameter type for 'second', expected: string",
  );
  t.equal(
    say('{"z": 1, "second": "", "first": {"x": 1}, "third": [{"x": 1}, {}]}'),
    "Parameter 'third[1].x' is missing",
  );
  t.equal(say('{"z": 1, "second": "", "first": {"x": 1}}'), "Parameter 'z' is unexpected");
  t.equal(say('{"second": "", "first": {"x": 1}}'), '{"first": {"x": 1}, "second": ""}');
  t.end();
});

t.test('types are inferred', (t) => {
  const Ref = alternate('Ref', { string: str, object: struct('Named', { name: str }), null: nothing });
  const Args = extend(struct('Base', { on: bool }), 'Args', {
    ref: Ref,
    kind: optional(enumeration('Kind', ['one', { name: 'two', doc: 'twice' }])),
    bytes: optional(size),
  });
  const args: Infer<typeof Args> = { on: true, ref: { name: 'n' }, kind: 'two' };
  // @ts-expect-error a value that the enum has not
  const wrong: Infer<typeof Args> = { on: true, ref: 'n', kind: 'three' };
  const action: Infer<typeof TransactionAction> = { type: 'abort', data: {} };
  // @ts-expect-error the branch has other members
  const branch: Infer<typeof TransactionAction> = { type: 'block-dirty-bitmap-clear', data: { node: 'n' } };
  // the discriminator narrows, as in `switch (action.type)`
  const named = (one: Infer<typeof TransactionAction>): string =>
    one.type === 'block-dirty-bitmap-merge' ? one.data.target : one.type;
  t.ok(args && wrong && branch);
  t.equal(named(action), 'abort');
  const command = defineCommand({
    name: 'c',
    doc: '',
    args: Args,
    returns: struct('Reply', { length: int }),
    rules: [],
    execute: (context: { log: string[] }, { on, bytes = 0 }) => {
      context.log.push(String(on satisfies boolean));
      return { length: bytes satisfies number | bigint };
    },
  });
  const context = { log: [] };
  const table = commandTable([command]);
  const given = readJson('{"on": true, "ref": null, "bytes": 7}');
  t.strictSame(
    writeJson(runCommand(table, context, { name: 'c', arguments: isJsonObject(given) ? given : undefined })),
    '{"length": 7}',
  );
  t.strictSame(context.log, ['true']);
  t.throws(() => runCommand(table, context, { name: 'd' }), /has not been found/);
  t.throws(() => runCommand(table, context, { name: 'c', oob: true }), /does not support OOB/);
  t.throws(() => commandTable([command, command]), /defined twice/);
  t.end();
});

t.test('a reply is held to its declaration', (t) => {
  const Reply = struct('Reply', { list: array(int), note: optional(str) });
  const reply = (value: unknown): string => writeJson(encodeReply(Reply, value));
  t.equal(reply({ note: undefined, list: [1, 2n ** 60n] }), '{"list": [1, 1152921504606846976]}');
  t.throws(() => reply({ list: [0.5] }), new ReplyFault('list[0]', 'is no int'));
  t.throws(() => reply({}), new ReplyFault('list', 'is missing from Reply'));
  t.throws(() => reply({ list: [], x: 1 }), /'x'/);
  t.throws(() => reply(null), /itself is no Reply/);
  t.equal(writeJson(encodeReply(number, 0.5)), '0.5');
  t.throws(() => encodeReply(uint8, 256), ReplyFault);
  t.throws(() => encodeReply(nothing, 0), ReplyFault);
  t.throws(() => encodeReply(enumeration('E', ['a']), 'b'), ReplyFault);
  t.throws(() => encodeReply(alternate('A', { string: str }), 1), ReplyFault);
  t.equal(
    writeJson(encodeReply(TransactionAction, { type: 'abort', data: {} })),
    '{"type": "abort", "data": {}}',
  );
  const define = commandsOf<unknown>();
  const quiet = define({
    name: 'q',
    doc: '',
    args: empty,
    returns: empty,
    rules: [],
    execute: () => undefined,
  });
  t.equal(writeJson(runCommand(commandTable([quiet]), undefined, { name: 'q' })), '{}');
  t.end();
});

t.test('declarations that cannot be are refused', (t) => {
  const Kind = enumeration('Kind', ['a', 'b']);
  t.throws(() => struct('S', { 7: str }), /cannot be called 7/);
  t.throws(() => enumeration('E', ['a', 'a']), /declared twice/);
  t.throws(() => extend(struct('B', { a: str }), 'S', { a: str }), /declared twice/);
  t.throws(
    () => union('U', { base: { k: str }, discriminator: 'k', branches: {} }),
    /must be a required enum/,
  );
  t.throws(
    () => union('U', { base: { k: optional(Kind) }, discriminator: 'k', branches: {} }),
    /required enum/,
  );
  const branches = { c: empty } as { a?: typeof empty };
  t.throws(() => union('U', { base: { k: Kind }, discriminator: 'k', branches }), /'c' is no value of Kind/);
  const clash = { a: struct('A', { k: str }) };
  t.throws(() => union('U', { base: { k: Kind }, discriminator: 'k', branches: clash }), /declared twice/);
  t.end();
});

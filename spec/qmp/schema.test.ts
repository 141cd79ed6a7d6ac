import t from 'tap';
import type { Json } from '../json/value.js';
import { writeJson } from '../json/write.js';
import { commandsOf, commandTable } from './command.js';
import { referenceOf } from './docs.js';
import { MIRROR } from './job/mirror-for-tests.js';
import { compareSchema, schemaOf } from './schema.js';
import {
  alternate,
  any,
  array,
  empty,
  enumeration,
  int,
  number,
  optional,
  str,
  struct,
  type Type,
  union,
} from './types.js';

const define = commandsOf<unknown>();
const tableOf = (args: ReturnType<typeof struct>) =>
  commandTable([
    define({ name: 'c', doc: 'Does it.', args, returns: empty, rules: ['X-001'], execute: () => undefined }),
  ]);
const schema = (args: unknown): Json => schemaOf(tableOf(args as ReturnType<typeof struct>));

t.test('the schema of the mirror (QMP-031)', (t) => {
  const entries = schemaOf(MIRROR);
  const line = (name: string): string => writeJson(entries.find((one) => one.name === name) ?? null);
  t.equal(
    line('x-debug-block-dirty-bitmap-sha256'),
    '{"name": "x-debug-block-dirty-bitmap-sha256", "meta-type": "command", "arg-type": "BlockDirtyBitmap", "ret-type": "BlockDirtyBitmapSha256", "features": ["unstable"]}',
  );
  t.equal(
    line('q_obj_block_resize-arg'),
    '{"name": "q_obj_block_resize-arg", "meta-type": "object", "members": [{"name": "device", "type": "str", "default": null, "features": ["deprecated"]}, {"name": "node-name", "type": "str", "default": null}, {"name": "size", "type": "int"}]}',
  );
  t.equal(
    line('BlockDirtyBitmapOrStr'),
    '{"name": "BlockDirtyBitmapOrStr", "meta-type": "alternate", "members": [{"type": "str"}, {"type": "BlockDirtyBitmap"}]}',
  );
  t.equal(
    line('[TransactionAction]'),
    '{"name": "[TransactionAction]", "meta-type": "array", "element-type": "TransactionAction"}',
  );
  t.match(
    line('TransactionAction'),
    /"tag": "type", "variants": \[\{"case": "abort", "type": "AbortWrapper"\}/,
  );
  t.match(line('BlockdevDriver'), /"values": \["null-co", "raw"\]/);
  t.equal(line('int'), '{"name": "int", "meta-type": "builtin", "json-type": "int"}');
  t.equal(new Set(entries.map((one) => one.name)).size, entries.length, 'names occur once');
  const names = new Set(entries.map((one) => one.name));
  const used = [...writeJson(entries).matchAll(/"(?:type|arg-type|ret-type|element-type)": "([^"]*)"/g)];
  t.ok(
    used.length > 50 && used.every((match) => names.has(match[1]!)),
    'every type that is used is described',
  );
  t.throws(() => schema(struct('S', { a: struct('T', {}), b: struct('T', {}) })), /two types are called T/);
  t.end();
});

t.test('containment', (t) => {
  for (const name of MIRROR.keys())
    t.strictSame(compareSchema(schemaOf(MIRROR), schemaOf(MIRROR), name), [], name);
  const differ = (ours: Type, theirs: Type, expected: string[]): void => {
    t.strictSame(compareSchema(schema(ours), schema(theirs), 'c'), expected);
  };
  const K = enumeration('K', ['a', 'b']);
  differ(struct('A', { x: int }), struct('B', {}), ['c.x: theirs has no such member']);
  differ(struct('A', {}), struct('B', { x: int }), ['c.x: required in theirs, unknown to ours']);
  differ(struct('A', {}), struct('B', { x: optional(int) }), []);
  differ(struct('A', { x: optional(int) }), struct('B', { x: int }), [
    'c.x: optional in ours, required in theirs',
  ]);
  differ(struct('A', { x: int }), struct('B', { x: str }), ['c.x: ours is int, theirs string']);
  differ(struct('A', { x: int, y: K, z: str }), struct('B', { x: number, y: str, z: any }), []);
  differ(struct('A', { x: array(int) }), struct('B', { x: array(str) }), [
    'c.x[]: ours is int, theirs string',
  ]);
  differ(struct('A', { x: K }), struct('B', { x: enumeration('L', ['b']) }), [
    "c.x: theirs has no value 'a'",
  ]);
  const Both = alternate('Both', { string: str, number: int });
  differ(struct('A', { x: Both }), struct('B', { x: alternate('One', { string: str }) }), [
    'c.x: theirs takes no number',
  ]);
  const U = union('U', { base: { k: K }, discriminator: 'k', branches: { a: struct('Ua', { m: int }) } });
  const V = union('V', { base: { k: K }, discriminator: 'k', branches: { b: struct('Vb', { n: int }) } });
  differ(U, V, ['c(a).m: theirs has no such member', 'c(b).n: required in theirs, unknown to ours']);
  differ(U, struct('B', { k: K }), ['c: ours is told apart by k, theirs by undefined']);
  t.strictSame(compareSchema(schemaOf(MIRROR), [], 'transaction'), ['transaction: is no command of theirs']);
  t.end();
});

t.test('the reference names every command, argument and type', (t) => {
  const text = referenceOf(MIRROR);
  for (const name of MIRROR.keys()) t.match(text, `## \`${name}\`\n`);
  t.match(text, '| `granularity` | uint32 | optional | bytes |');
  t.match(text, '| `actions` | list of [TransactionAction](#transactionaction-union) | required |');
  t.match(text, '### TransactionAction (union)\n');
  t.match(text, '| `device` | str | optional | (deprecated) |');
  t.match(text, 'Features: unstable.');
  t.match(referenceOf(tableOf(empty as never)), 'Arguments: none.\n\nReturns: nothing.\n\nRules: X-001.\n');
  t.end();
});

import fc from 'fast-check';
import t from 'tap';
import { nodeSha256 } from '../host/sha256.js';
import { type Json, type JsonObject, jsonObject } from '../json/value.js';
import { MemoryStorage } from '../storage/memory-storage.js';
import { COMMANDS } from './command-table.js';
import { ERROR_TABLE } from './error-table.js';
import { QmpError } from './errors.js';
import { Machine } from './machine.js';

function machine(): Machine {
  const storage = new MemoryStorage();
  storage.put('disk.img', 1049088);
  const made = new Machine({ storage, makeHash: nodeSha256 });
  const file = { driver: 'file', 'node-name': 'disk-file', filename: 'disk.img' };
  made.execute({ name: 'blockdev-add', arguments: object({ driver: 'raw', 'node-name': 'disk', file }) });
  return made;
}

const object = (value: { [name: string]: unknown }): JsonObject =>
  jsonObject(value as { [name: string]: Json });

/** Runs a command; an error reply is fine, any other exception is a mistake of the specification. */
function run(on: Machine, name: string, args: JsonObject): string {
  try {
    on.execute({ name, arguments: args });
    return 'ok';
  } catch (error) {
    if (!(error instanceof QmpError)) throw error;
    return error.id;
  }
}

/** Everything that can be seen from outside. */
function look(on: Machine): string {
  const seen = [JSON.stringify(on.execute({ name: 'query-named-block-nodes' }))];
  for (const node of on.graph.nodes) {
    for (const { name } of node.bitmaps) {
      const hash = {
        name: 'x-debug-block-dirty-bitmap-sha256',
        arguments: object({ node: node.name, name }),
      };
      seen.push(JSON.stringify(on.execute(hash)));
    }
  }
  return seen.join('\n');
}

const node = fc.constantFrom('disk', 'disk', 'disk', 'disk-file', 'nope');
const name = fc.constantFrom('a', 'b', 'c', '');
const granularity = fc.constantFrom(512, 4096, 65536, 2147483648, 3);
const add = fc.record(
  { node, name, granularity, disabled: fc.boolean(), persistent: fc.constant(false) },
  { requiredKeys: ['node', 'name'] },
);
const source = fc.oneof(name, fc.record({ node, name }));
const merge = fc.record({ node, target: name, bitmaps: fc.array(source, { maxLength: 3 }) });
const at = fc.record({ node, name });
const action: fc.Arbitrary<{ type: string; data: JsonObject }> = fc.oneof(
  ...(
    [
      ['add', add],
      ['remove', at],
      ['clear', at],
      ['enable', at],
      ['disable', at],
      ['merge', merge],
    ] as const
  ).map(([verb, data]) =>
    (data as fc.Arbitrary<{ [name: string]: unknown }>).map((value) => ({
      type: `block-dirty-bitmap-${verb}`,
      data: object(value),
    })),
  ),
);
const range = fc.record({
  offset: fc.integer({ min: 0, max: 1049088 }),
  length: fc.integer({ min: 0, max: 70000 }),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: action.map(
      ({ type, data }) =>
        (on: Machine) =>
          run(on, type, data),
    ),
  },
  {
    weight: 3,
    arbitrary: range.map(({ offset, length }) => (on: Machine) => {
      on.io('disk', { op: 'zero', offset, length });
      return 'io';
    }),
  },
  {
    weight: 1,
    arbitrary: fc
      .record({ 'node-name': node, size: fc.constantFrom(0, 512, 65536, 65537, 1048576, 1049088, 3000000) })
      .map((args) => (on: Machine) => run(on, 'block_resize', object(args))),
  },
);

t.test('any history leaves the machine whole (REF-011)', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const on = machine();
      for (const one of steps) {
        one(on);
        const wrong = on.verify();
        if (wrong.length > 0) throw new Error(wrong.join('\n'));
      }
    }),
    { numRuns: 300 },
  );
  t.end();
});

t.test('a transaction that fails has changed nothing that can be seen (TXN-003)', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), fc.array(action, { maxLength: 8 }), (steps, actions) => {
      const on = machine();
      for (const one of steps) one(on);
      const before = look(on);
      const failing = [...actions, { type: 'abort', data: object({}) }] as unknown as Json[];
      const outcome = run(on, 'transaction', object({ actions: failing }));
      if (outcome === 'ok') throw new Error('it did not fail');
      return look(on) === before && on.verify().length === 0;
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('a transaction of one action is that command (TXN-001)', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), action, (steps, { type, data }) => {
      const [alone, inside] = [machine(), machine()];
      for (const one of steps) {
        one(alone);
        one(inside);
      }
      const direct = run(alone, type, data);
      const wrapped = run(inside, 'transaction', object({ actions: [{ type, data }] as unknown as Json }));
      return direct === wrapped && look(alone) === look(inside);
    }),
    { numRuns: 500 },
  );
  t.end();
});

t.test('every error text that the table knows leads back to its id', (t) => {
  t.ok(ERROR_TABLE.definitions.length > 50);
  t.equal(ERROR_TABLE.idOf('Bitmap already exists: b0', 'GenericError'), 'BMP-E-EXISTS');
  t.equal(ERROR_TABLE.idOf("Node 'x' not found", 'GenericError'), 'REF-E-NODE-NOT-FOUND');
  t.equal(ERROR_TABLE.idOf("Dirty bitmap 'x' not found", 'GenericError'), 'BMP-E-NOT-FOUND');
  t.equal(ERROR_TABLE.idOf('no such text', 'GenericError'), undefined);
  t.end();
});

t.test('every command names rules, has a first sentence, and documents itself', (t) => {
  for (const command of COMMANDS.values()) {
    t.ok(command.rules.length > 0, command.name);
    t.match(command.doc, /\.$/, command.name);
  }
  t.end();
});

t.test('resizing a file below keeps the bitmap above as long as its node (REF-010)', (t) => {
  const on = machine();
  run(on, 'block-dirty-bitmap-add', object({ node: 'disk', name: 'b0' }));
  t.equal(run(on, 'block_resize', object({ 'node-name': 'disk-file', size: 2097152 })), 'ok');
  on.io('disk', { op: 'zero', offset: 2097151, length: 1 });
  t.same([...on.graph.find('disk')!.bitmap('b0')!.dirtyAreas()], [{ offset: 2031616, length: 65536 }]);
  t.end();
});

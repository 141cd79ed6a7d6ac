import { Ajv } from 'ajv';
import fc from 'fast-check';
import t from 'tap';
import type { JsonObject } from '../../../spec/json/value.js';
import { adapterSupports, mapCommand, mapRequest } from './ops.js';

import schema = require('../schema/adapter-v1-request.schema.json');

const validate = new Ajv({ allowUnionTypes: true }).compile(schema);
const isRequest = (op: unknown) => validate({ seq: 1, cmd: 'apply', ops: [op] });

t.test('commands and their operations', async (t) => {
  const b = { node: 'n', name: 'b' };
  for (const [command, args, op] of [
    ['block-dirty-bitmap-add', b, { op: 'bitmap-add', ...b }],
    [
      'block-dirty-bitmap-add',
      { ...b, granularity: 4096, disabled: true },
      { op: 'bitmap-add', ...b, granularity: '4096', disabled: true },
    ],
    ['block-dirty-bitmap-remove', b, { op: 'bitmap-remove', ...b }],
    ['block-dirty-bitmap-enable', b, { op: 'bitmap-enable', ...b }],
    [
      'block-dirty-bitmap-merge',
      { node: 'n', target: 't', bitmaps: ['a', { node: 'm', name: 'c' }] },
      { op: 'bitmap-merge', node: 'n', target: 't', bitmaps: ['a', { node: 'm', name: 'c' }] },
    ],
    [
      'transaction',
      {
        actions: [
          { type: 'block-dirty-bitmap-clear', data: b },
          { type: 'abort', data: {} },
        ],
      },
      { op: 'transaction', actions: [{ op: 'bitmap-clear', ...b }, { op: 'abort' }] },
    ],
    ['block_resize', { 'node-name': 'n', size: -1 }, { op: 'resize', node: 'n', size: '-1' }],
    [
      'block_resize',
      { 'node-name': 'n', size: 2n ** 62n },
      { op: 'resize', node: 'n', size: '4611686018427387904' },
    ],
  ] as [string, JsonObject, object][]) {
    t.same(mapCommand(command, args), { op }, command);
    t.ok(isRequest(op), JSON.stringify(validate.errors));
  }
  t.same(mapCommand('blockdev-del', { 'node-name': 'n' }), { close: 'n' });
});

t.test('what QMP itself refuses is no operation', async (t) => {
  const b = { node: 'n', name: 'b' };
  for (const [command, args] of [
    ['block-dirty-bitmap-add', undefined],
    ['block-dirty-bitmap-add', { node: 'n' }],
    ['block-dirty-bitmap-add', { ...b, extra: 1 }],
    ['block-dirty-bitmap-add', { ...b, granularity: '4096' }],
    ['block-dirty-bitmap-add', { ...b, granularity: -1 }],
    ['block-dirty-bitmap-add', { ...b, granularity: 2 ** 32 }],
    ['block-dirty-bitmap-add', { ...b, disabled: 1 }],
    ['block-dirty-bitmap-freeze', b],
    ['block-dirty-bitmap-merge', { node: 'n', target: 't', bitmaps: [1] }],
    ['block-dirty-bitmap-merge', { node: 'n', target: 't' }],
    ['transaction', { actions: [], properties: {} }],
    ['transaction', { actions: [{ type: 'blockdev-backup', data: {} }] }],
    ['block_resize', { device: 'd', size: 1 }],
    ['query-block', undefined],
  ] as [string, JsonObject | undefined][]) {
    t.notOk(adapterSupports(command, args), `${command} ${JSON.stringify(args)}`);
  }
});

t.test('every guest request is a request of the schema', async () => {
  const range = { offset: fc.maxSafeNat(), length: fc.maxSafeNat() };
  const flag = fc.boolean();
  const byte = fc.integer({ min: 0, max: 255 });
  const request = fc.oneof(
    fc.record(
      { op: fc.constant('read' as const), ...range, pattern: byte },
      { requiredKeys: ['op', 'offset', 'length'] },
    ),
    fc.record({ op: fc.constant('write' as const), ...range, pattern: byte, fua: flag }),
    fc.record({ op: fc.constant('zero' as const), ...range, unmap: flag }),
    fc.record({ op: fc.constant('discard' as const), ...range }),
    fc.record({ op: fc.constant('flush' as const) }),
  );
  fc.assert(fc.property(fc.string(), request, (node, io) => isRequest(mapRequest(node, io))));
});

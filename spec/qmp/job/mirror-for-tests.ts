/**
 * A few commands of QEMU 7.2 declared as QEMU declares them, that do nothing: for the tests of the input layer, which
 * must not depend on the real command table. Only tests import this.
 */
import { commandsOf, commandTable } from '../command.js';
import {
  alternate,
  array,
  bool,
  empty,
  enumeration,
  extend,
  int,
  lazy,
  optional,
  str,
  struct,
  type Type,
  uint32,
  uint64,
  union,
} from '../types.js';

const BlockDirtyBitmap = struct('BlockDirtyBitmap', { node: str, name: str });
const BlockDirtyBitmapAdd = struct('BlockDirtyBitmapAdd', {
  node: str,
  name: str,
  granularity: optional(uint32, { doc: 'bytes' }),
  persistent: optional(bool),
  disabled: optional(bool),
});
const BlockDirtyBitmapOrStr = alternate('BlockDirtyBitmapOrStr', { string: str, object: BlockDirtyBitmap });
const BlockDirtyBitmapMerge = struct('BlockDirtyBitmapMerge', {
  node: str,
  target: str,
  bitmaps: array(BlockDirtyBitmapOrStr),
});
const Abort = struct('Abort', {});

const wrap = <V>(name: string, data: Type<V>) => struct(name, { data });
const TransactionActionKind = enumeration('TransactionActionKind', [
  'abort',
  'block-dirty-bitmap-add',
  'block-dirty-bitmap-clear',
  'block-dirty-bitmap-merge',
]);
export const TransactionAction = union('TransactionAction', {
  base: { type: TransactionActionKind },
  discriminator: 'type',
  branches: {
    abort: wrap('AbortWrapper', Abort),
    'block-dirty-bitmap-add': wrap('BlockDirtyBitmapAddWrapper', BlockDirtyBitmapAdd),
    'block-dirty-bitmap-clear': wrap('BlockDirtyBitmapWrapper', BlockDirtyBitmap),
    'block-dirty-bitmap-merge': wrap('BlockDirtyBitmapMergeWrapper', BlockDirtyBitmapMerge),
  },
});
const ActionCompletionMode = enumeration('ActionCompletionMode', ['individual', 'grouped']);
const TransactionProperties = struct('TransactionProperties', {
  'completion-mode': optional(ActionCompletionMode),
});

const BlockdevCacheOptions = struct('BlockdevCacheOptions', {
  direct: optional(bool),
  'no-flush': optional(bool),
});
export const BlockdevRef: Type = alternate('BlockdevRef', {
  string: str,
  object: lazy('BlockdevOptions', (): Type => BlockdevOptions),
});
const BlockdevOptionsGenericFormat = struct('BlockdevOptionsGenericFormat', { file: BlockdevRef });
const BlockdevOptions = union('BlockdevOptions', {
  base: {
    driver: enumeration('BlockdevDriver', ['null-co', 'raw']),
    'node-name': optional(str),
    discard: optional(enumeration('BlockdevDiscardOptions', ['ignore', 'unmap'])),
    cache: optional(BlockdevCacheOptions),
    'read-only': optional(bool),
  },
  discriminator: 'driver',
  branches: {
    'null-co': struct('BlockdevOptionsNull', {
      size: optional(int),
      'latency-ns': optional(uint64),
      'read-zeroes': optional(bool),
    }),
    raw: extend(BlockdevOptionsGenericFormat, 'BlockdevOptionsRaw', {
      offset: optional(int),
      size: optional(int),
    }),
  },
});

const define = commandsOf<unknown>();
const done = (): undefined => undefined;

export const MIRROR = commandTable([
  define({
    name: 'query-version',
    doc: 'The version.',
    args: struct('q_obj_query-version-arg', {}),
    returns: empty,
    rules: [],
    execute: done,
  }),
  define({
    name: 'block-dirty-bitmap-add',
    doc: 'Adds.',
    args: BlockDirtyBitmapAdd,
    returns: empty,
    rules: [],
    execute: done,
  }),
  define({
    name: 'block-dirty-bitmap-merge',
    doc: 'Merges.',
    args: BlockDirtyBitmapMerge,
    returns: empty,
    rules: [],
    execute: done,
  }),
  define({
    name: 'x-debug-block-dirty-bitmap-sha256',
    doc: 'Hashes.',
    args: BlockDirtyBitmap,
    returns: struct('BlockDirtyBitmapSha256', { sha256: str }),
    features: ['unstable'],
    rules: [],
    execute: () => ({ sha256: '' }),
  }),
  define({
    name: 'transaction',
    doc: 'All or nothing.',
    args: struct('q_obj_transaction-arg', {
      actions: array(TransactionAction),
      properties: optional(TransactionProperties),
    }),
    returns: empty,
    rules: [],
    execute: done,
  }),
  define({
    name: 'block_resize',
    doc: 'Resizes.',
    args: struct('q_obj_block_resize-arg', {
      device: optional(str, { features: ['deprecated'] }),
      'node-name': optional(str),
      size: int,
    }),
    returns: empty,
    rules: [],
    execute: done,
  }),
  define({
    name: 'blockdev-add',
    doc: 'Opens a node.',
    args: BlockdevOptions,
    returns: empty,
    rules: [],
    execute: done,
  }),
]);

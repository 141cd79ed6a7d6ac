/** The options of blockdev-add: a union by driver, nested where a node has children. */

import { IO_TYPES } from '../../block/drivers/blkdebug.js';
import { BLKDEBUG_EVENTS } from '../../block/drivers/blkdebug-events.js';
import {
  alternate,
  array,
  bool,
  enumeration,
  type Infer,
  int,
  int32,
  lazy,
  nothing,
  optional,
  str,
  struct,
  type Type,
  uint32,
  uint64,
  union,
} from '../types.js';
import { BlockDirtyBitmap } from './bitmap.js';
import { BlockPermission } from './block-graph.js';

export const BlockdevDriver = enumeration('BlockdevDriver', [
  'blkdebug',
  'copy-on-read',
  'throttle',
  'copy-before-write',
  'file',
  'null-co',
  'qbm',
  'raw',
  'snapshot-access',
]);
const BlockdevDiscardOptions = enumeration('BlockdevDiscardOptions', ['ignore', 'unmap']);
export const BlockdevDetectZeroesOptions = enumeration('BlockdevDetectZeroesOptions', ['off', 'on', 'unmap']);
const OnOffAuto = enumeration('OnOffAuto', ['auto', 'on', 'off']);
const BlockdevAioOptions = enumeration('BlockdevAioOptions', ['threads', 'native', 'io_uring']);

const BlockdevCacheOptions = struct('BlockdevCacheOptions', {
  direct: optional(bool),
  'no-flush': optional(bool),
});

/** Options of the node or the name of one; written out, because the type contains itself. */
export type BlockdevRefValue = string | NestedOptions;
type NestedOptions = BaseOptions &
  (
    | BlkdebugOptions
    | CopyOnReadOptions
    | ThrottleOptions
    | CbwOptions
    | SnapshotAccessOptions
    | FileOptions
    | NullOptions
    | QbmOptions
    | RawOptions
  );
interface FileOptions extends Infer<typeof BlockdevOptionsFile> {
  readonly driver: 'file';
}
interface NullOptions extends Infer<typeof BlockdevOptionsNull> {
  readonly driver: 'null-co';
}
interface BlkdebugOptions extends BlkdebugOwn {
  readonly driver: 'blkdebug';
  readonly image: BlockdevRefValue;
}
type BlkdebugOwn = Infer<typeof BlkdebugOwnOptions>;
interface CopyOnReadOptions {
  readonly driver: 'copy-on-read';
  readonly file: BlockdevRefValue;
  readonly bottom?: string | undefined;
}
interface ThrottleOptions {
  readonly driver: 'throttle';
  readonly file: BlockdevRefValue;
  readonly 'throttle-group': string;
}
interface CbwOptions {
  readonly driver: 'copy-before-write';
  readonly file: BlockdevRefValue;
  readonly target: BlockdevRefValue;
  readonly bitmap?: { readonly node: string; readonly name: string } | undefined;
  readonly 'on-cbw-error'?: 'break-guest-write' | 'break-snapshot' | undefined;
  readonly 'cbw-timeout'?: number | undefined;
}
interface SnapshotAccessOptions {
  readonly driver: 'snapshot-access';
  readonly file: BlockdevRefValue;
}
interface RawOptions {
  readonly driver: 'raw';
  readonly file: BlockdevRefValue;
  readonly offset?: number | bigint | undefined;
  readonly size?: number | bigint | undefined;
}
interface QbmOptions {
  readonly driver: 'qbm';
  readonly file?: BlockdevRefValue | undefined;
  readonly policy?: 'writeback' | 'writethrough' | undefined;
  readonly trusted?: boolean | undefined;
  readonly image?: BlockdevRefValue | undefined;
  readonly bitmaps?: readonly QbmBitmapPart[] | undefined;
  readonly backing?: BlockdevRefValue | null | undefined;
}
interface QbmBitmapPart {
  readonly name: string;
  readonly file: BlockdevRefValue;
  readonly granularity: number;
  readonly type?: 'dirty' | 'allocation' | undefined;
  readonly recording?: boolean | undefined;
}
interface BaseOptions {
  readonly 'node-name'?: string | undefined;
  readonly discard?: 'ignore' | 'unmap' | undefined;
  readonly cache?:
    | { readonly direct?: boolean | undefined; readonly 'no-flush'?: boolean | undefined }
    | undefined;
  readonly 'read-only'?: boolean | undefined;
  readonly 'auto-read-only'?: boolean | undefined;
  readonly 'force-share'?: boolean | undefined;
  readonly 'detect-zeroes'?: 'off' | 'on' | 'unmap' | undefined;
}

export const BlockdevRef: Type<BlockdevRefValue> = alternate(
  'BlockdevRef',
  {
    string: str,
    object: lazy<NestedOptions>('BlockdevOptions', () => BlockdevOptions),
  },
  'the options of a new node, or the name of one',
);

const BlockdevRefOrNull: Type<BlockdevRefValue | null> = alternate(
  'BlockdevRefOrNull',
  {
    string: str,
    object: lazy<NestedOptions>('BlockdevOptions', () => BlockdevOptions),
    null: nothing,
  },
  'the options of a new node, the name of one, or null for none',
);

const BlockdevOptionsFile = struct('BlockdevOptionsFile', {
  filename: str,
  'pr-manager': optional(str),
  locking: optional(OnOffAuto),
  aio: optional(BlockdevAioOptions),
  'aio-max-batch': optional(int),
  'drop-cache': optional(bool),
  'x-check-cache-dropped': optional(bool, { features: ['unstable'] }),
});

const BlockdevOptionsNull = struct('BlockdevOptionsNull', {
  size: optional(int, { doc: 'bytes; default 1 GiB' }),
  'latency-ns': optional(uint64),
  'read-zeroes': optional(bool),
});

const BlockdevOptionsCbw = struct('BlockdevOptionsCbw', {
  file: BlockdevRef,
  target: { type: BlockdevRef, optional: false, doc: 'where what was there in the beginning is copied' },
  bitmap: optional(BlockDirtyBitmap, { doc: 'only what it has dirty is kept' }),
  'on-cbw-error': optional(enumeration('OnCbwError', ['break-guest-write', 'break-snapshot']), {
    doc: 'whether the write fails with the copy, which is the default, or what was kept is given up',
  }),
  'cbw-timeout': optional(uint32, { doc: 'seconds; has no meaning here: there is no time' }),
});

const BlkdebugEvent = enumeration('BlkdebugEvent', BLKDEBUG_EVENTS);
const BlkdebugInjectErrorOptions = struct('BlkdebugInjectErrorOptions', {
  event: { type: BlkdebugEvent, optional: false, doc: 'makes the rule active' },
  state: optional(int, { doc: 'in which the event has to come; default: any' }),
  iotype: optional(enumeration('BlkdebugIOType', IO_TYPES), { doc: 'default: all but block-status' }),
  errno: optional(int, { doc: 'of Linux; default 5, EIO' }),
  sector: optional(int, { doc: 'that a request has to contain; default: any' }),
  once: optional(bool, { doc: 'the rule is gone after its first fault; default false' }),
  immediately: optional(bool, { doc: 'makes no difference here' }),
});

const BlkdebugSetStateOptions = struct('BlkdebugSetStateOptions', {
  event: BlkdebugEvent,
  state: optional(int, { doc: 'in which the event has to come; default: any' }),
  new_state: int,
});

const BLKDEBUG_OWN = {
  align: optional(int),
  'max-transfer': optional(int32),
  'opt-write-zero': optional(int32),
  'max-write-zero': optional(int32),
  'opt-discard': optional(int32),
  'max-discard': optional(int32),
  'inject-error': optional(array(BlkdebugInjectErrorOptions)),
  'set-state': optional(array(BlkdebugSetStateOptions)),
  'take-child-perms': optional(array(BlockPermission)),
  'unshare-child-perms': optional(array(BlockPermission)),
};
const BlkdebugOwnOptions = struct('BlkdebugOwnOptions', BLKDEBUG_OWN);
const BlockdevOptionsBlkdebug = struct('BlockdevOptionsBlkdebug', { image: BlockdevRef, ...BLKDEBUG_OWN });

const BlockdevOptionsCor = struct('BlockdevOptionsCor', {
  file: BlockdevRef,
  bottom: optional(str, { doc: 'name of the lowest node from which is copied; default: from all' }),
});

const BlockdevOptionsThrottle = struct('BlockdevOptionsThrottle', {
  'throttle-group': { type: str, optional: false, doc: 'id of an object of type throttle-group' },
  file: BlockdevRef,
});

const BlockdevOptionsGenericFormat = struct('BlockdevOptionsGenericFormat', { file: BlockdevRef });

const BlockdevOptionsRaw = struct('BlockdevOptionsRaw', {
  file: BlockdevRef,
  offset: optional(int, { doc: 'bytes into the child; default 0' }),
  size: optional(int, { doc: 'bytes; default: to the end of the child' }),
});

const QbmBitmap = struct('QbmBitmap', {
  name: str,
  file: { type: BlockdevRef, optional: false, doc: 'where its bits are' },
  granularity: { type: uint32, optional: false, doc: 'bytes a bit' },
  type: optional(enumeration('QbmBitmapType', ['dirty', 'allocation']), { doc: 'default dirty' }),
  recording: optional(bool, { doc: 'default true' }),
});

const BlockdevOptionsQbm = struct('BlockdevOptionsQbm', {
  file: optional(BlockdevRef, { doc: 'the descriptor; or the parts, given by the others' }),
  policy: optional(enumeration('QbmPolicy', ['writeback', 'writethrough']), {
    doc: 'when dirty bits reach the disk: at the end (the default), or before the data',
  }),
  trusted: optional(bool, { doc: 'whether the descriptor may name files anywhere; default false' }),
  image: optional(BlockdevRef, { doc: 'the data image' }),
  bitmaps: optional(array(QbmBitmap)),
  backing: optional(BlockdevRefOrNull, {
    doc: 'what is read where the allocation bitmap is clear; default: what the descriptor says',
  }),
});

export const BlockdevOptions: Type<NestedOptions> & ReturnType<typeof declare> = declare();

function declare() {
  return union('BlockdevOptions', {
    base: {
      driver: BlockdevDriver,
      'node-name': optional(str, { doc: 'needed for the node that the command itself makes' }),
      discard: optional(BlockdevDiscardOptions, { doc: 'whether a discard is passed on; default ignore' }),
      cache: optional(BlockdevCacheOptions),
      'read-only': optional(bool, { doc: 'default: as the node above, or false' }),
      'auto-read-only': optional(bool),
      'force-share': optional(bool),
      'detect-zeroes': optional(BlockdevDetectZeroesOptions),
    },
    discriminator: 'driver',
    branches: {
      blkdebug: BlockdevOptionsBlkdebug,
      'copy-on-read': BlockdevOptionsCor,
      throttle: BlockdevOptionsThrottle,
      'copy-before-write': BlockdevOptionsCbw,
      'snapshot-access': BlockdevOptionsGenericFormat,
      file: BlockdevOptionsFile,
      'null-co': BlockdevOptionsNull,
      qbm: BlockdevOptionsQbm,
      raw: BlockdevOptionsRaw,
    },
  });
}

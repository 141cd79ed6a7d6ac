/** Opens filters from checked options: what each asks for, in its order. spec/block/FILTERS.md and FLEECING.md. */
import { type BlkdebugOptions, openBlkdebug } from '../../block/drivers/blkdebug.js';
import { demandOfFile, demandOfTarget, openCopyBeforeWrite } from '../../block/drivers/copy-before-write.js';
import { demandOfCopyOnRead, openCopyOnRead } from '../../block/drivers/copy-on-read.js';
import type { Driver } from '../../block/drivers/driver.js';
import { openSnapshotAccess } from '../../block/drivers/snapshot-access.js';
import { openThrottle } from '../../block/drivers/throttle.js';
import type { Demand, Edge } from '../../block/edge.js';
import { BlockError } from '../../block/errors.js';
import { alignOf, type Limits } from '../../block/limits/limits.js';
import type { Node } from '../../block/node.js';
import { ALL, CONSISTENT_READ, RESIZE, WRITE, WRITE_UNCHANGED } from '../../block/permissions.js';
import { jsonObject } from '../../json/value.js';
import { findBitmap } from '../commands/bitmap.js';
import type { BlockdevRefValue } from '../commands/blockdev-options.js';
import type { Opener } from './open-qbm.js';

export type FilterOptions = Extract<
  Exclude<BlockdevRefValue, string>,
  { driver: 'blkdebug' | 'copy-before-write' | 'copy-on-read' | 'snapshot-access' | 'throttle' }
>;

/** @param below the child, which is nobody's yet */
export function openFilter(opener: Opener, options: FilterOptions, below: Node): Driver {
  const role = options.driver === 'blkdebug' ? 'image' : 'file';
  const file = (demand?: Demand): Edge => opener.adopt([[below, role, 'filtered', demand]])[0]!;
  switch (options.driver) {
    case 'copy-before-write':
      return openFleecing(opener, options, file(demandOfFile));
    case 'snapshot-access':
      return openSnapshotAccess(file());
    case 'copy-on-read':
      return openCopyOnRead(file(demandOfCopyOnRead), bottomOf(opener, options.bottom));
    case 'throttle':
      return openThrottle(file(), options['throttle-group'], opener.machine.objects);
    case 'blkdebug':
      return openBlkdebug(file(demandOfBlkdebug(options)), blkdebugOptions(options, below));
  }
}

function openFleecing(
  opener: Opener,
  options: Extract<FilterOptions, { driver: 'copy-before-write' }>,
  file: Edge,
): Driver {
  const [target] = opener.adopt([[opener.child(options.target, 'target'), 'target', 'part', demandOfTarget]]);
  const bitmap = options.bitmap === undefined ? null : findBitmap(opener.machine, options.bitmap).bitmap;
  const onError = options['on-cbw-error'] ?? 'break-guest-write';
  return openCopyBeforeWrite(file, target!, { bitmap, onError });
}

/** REF-081 */
function bottomOf(opener: Opener, name: string | undefined): Node | null {
  if (name === undefined) return null;
  const bottom = opener.machine.graph.find(name);
  // REF-014
  if (name === opener.node.name) throw new BlockError('REF-E-BOTTOM-FILTER', { node: name });
  if (bottom === undefined) throw new BlockError('REF-E-BOTTOM', { node: name });
  if (bottom.driver.shown !== undefined) throw new BlockError('REF-E-BOTTOM-FILTER', { node: name });
  return bottom;
}

const PERMISSIONS = {
  'consistent-read': CONSISTENT_READ,
  write: WRITE,
  'write-unchanged': WRITE_UNCHANGED,
  resize: RESIZE,
} as const;

/** What it takes besides what its users need, and what it does not share, whatever they do. REF-088 */
function demandOfBlkdebug(options: Extract<FilterOptions, { driver: 'blkdebug' }>): Demand {
  const bits = (names: readonly (keyof typeof PERMISSIONS)[] = []): number =>
    names.reduce((sum, name) => sum | PERMISSIONS[name], 0);
  const take = bits(options['take-child-perms']);
  const kept = ALL & ~bits(options['unshare-child-perms']);
  return (_image, _own, { needs, shares }) => ({ needs: needs | take, shares: shares & kept });
}

/** Limits, and what each has to be a multiple of beside the alignment. */
const LIMITS = [
  ['max-transfer', null],
  ['opt-write-zero', null],
  ['max-write-zero', 'opt-write-zero'],
  ['opt-discard', null],
  ['max-discard', 'opt-discard'],
] as const;
const INT_MAX = 2 ** 31 - 1;

/** Before its child is looked for. REF-088 @throws BlockError REF-E-NEGATIVE */
export function checkLimits(options: Extract<FilterOptions, { driver: 'blkdebug' }>): void {
  for (const name of ['align', ...LIMITS.map(([limit]) => limit)] as const)
    if (Number(options[name] ?? 0) < 0) throw new BlockError('REF-E-NEGATIVE', { name });
}

/** REF-088 @throws BlockError REF-E-BLKDEBUG-LIMIT */
function blkdebugOptions(
  options: Extract<FilterOptions, { driver: 'blkdebug' }>,
  below: Node,
): BlkdebugOptions {
  const align = Number(options.align ?? 0);
  if (align >= INT_MAX || (align > 0 && 2 ** Math.round(Math.log2(align)) !== align)) {
    throw new BlockError('REF-E-BLKDEBUG-LIMIT', { name: 'align', value: align });
  }
  const block = Math.max(align, alignOf(below));
  for (const [name, whole] of LIMITS) {
    const value = Number(options[name] ?? 0);
    const unit = Math.max(block, whole === null ? 0 : Number(options[whole] ?? 0));
    if (value >= INT_MAX || value % unit !== 0) {
      throw new BlockError('REF-E-BLKDEBUG-LIMIT', { name, value });
    }
  }
  const given = (['align', ...LIMITS.map(([name]) => name)] as const).flatMap((name) => {
    const value = options[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    injectErrors: options['inject-error'] ?? [],
    setStates: options['set-state'] ?? [],
    given: jsonObject(Object.fromEntries(given)),
    limits: limitsGiven(options),
  };
}

/** Those that are not 0, which says nothing. */
function limitsGiven(options: Extract<FilterOptions, { driver: 'blkdebug' }>): Limits {
  const given = {
    align: options.align,
    maxTransfer: options['max-transfer'],
    optWriteZero: options['opt-write-zero'],
    maxWriteZero: options['max-write-zero'],
    optDiscard: options['opt-discard'],
    maxDiscard: options['max-discard'],
  };
  return Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      Number(value ?? 0) === 0 ? [] : [[name, Number(value)]],
    ),
  );
}

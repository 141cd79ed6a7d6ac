/** The six commands on dirty bitmaps, and the hash of one. BITMAPS.md. Each is what its action in a transaction does too. */
import { bitmapUsable, CHANGE, KEEP, REMOVE } from '../../bitmap/check.js';
import { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { checkGranularity, defaultGranularity } from '../../bitmap/granularity.js';
import { mergeAll } from '../../bitmap/merge.js';
import { checkNameGiven, checkNameLength } from '../../bitmap/name.js';
import { sha256 } from '../../bitmap/serialise.js';
import type { BitmapStore } from '../../block/drivers/driver.js';
import type { Node } from '../../block/node.js';
import { bitmapExists, bitmapNotFound, nodeNotFound, notPersistable } from '../bitmap-errors.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { alternate, array, bool, empty, type Infer, optional, str, struct, uint32 } from '../types.js';

const define = commandsOf<Machine>();

export const BlockDirtyBitmap = struct('BlockDirtyBitmap', {
  node: { type: str, optional: false, doc: 'name of the node' },
  name: { type: str, optional: false, doc: 'name of the bitmap' },
});

export const BlockDirtyBitmapAdd = struct('BlockDirtyBitmapAdd', {
  node: { type: str, optional: false, doc: 'name of the node' },
  name: { type: str, optional: false, doc: 'name of the bitmap, 1 to 1023 bytes' },
  granularity: optional(uint32, { doc: 'bytes a bit; default: the cluster size of the node, 4 to 64 KiB' }),
  persistent: optional(bool, { doc: 'stored with the image; default false' }),
  disabled: optional(bool, { doc: 'not recording yet; default false' }),
});

export const BlockDirtyBitmapOrStr = alternate(
  'BlockDirtyBitmapOrStr',
  { string: str, object: BlockDirtyBitmap },
  'a bitmap of the same node by its name, or of any node',
);

export const BlockDirtyBitmapMerge = struct('BlockDirtyBitmapMerge', {
  node: { type: str, optional: false, doc: 'name of the node of the target' },
  target: { type: str, optional: false, doc: 'name of the bitmap that is merged into' },
  bitmaps: { type: array(BlockDirtyBitmapOrStr), optional: false, doc: 'the sources' },
});

export const BlockDirtyBitmapSetPersistent = struct('BlockDirtyBitmapSetPersistent', {
  node: { type: str, optional: false, doc: 'name of the node' },
  name: { type: str, optional: false, doc: 'name of the bitmap' },
  persistent: bool,
});

const BlockDirtyBitmapSha256 = struct('BlockDirtyBitmapSha256', { sha256: str });

/** A bitmap and the node it is on. */
export interface Found {
  readonly node: Node;
  readonly bitmap: DirtyBitmap;
}

/** @throws QmpError REF-E-NODE-NOT-FOUND, BMP-E-NOT-FOUND */
export function findBitmap(machine: Machine, at: Infer<typeof BlockDirtyBitmap>): Found {
  // BMP-035
  const node = machine.graph.findAny(at.node);
  if (node === undefined) throw nodeNotFound({ node: at.node });
  return { node, bitmap: bitmapOf(node, at.name) };
}

function bitmapOf(node: Node, name: string): DirtyBitmap {
  const bitmap = node.bitmap(name);
  if (bitmap === undefined) throw bitmapNotFound({ name });
  return bitmap;
}

/** Adds the bitmap and says where. */
export function addBitmap(machine: Machine, args: Infer<typeof BlockDirtyBitmapAdd>): Found {
  // PRECONDITIONS, in this order (BMP-034)
  checkNameGiven(args.name);
  const node = machine.graph.lookup(args.node, args.node);
  const granularity = args.granularity ?? defaultGranularity(node.driver.clusterSize); // BMP-004
  checkGranularity(granularity);
  const store = args.persistent ? storeOf(node) : undefined; // BMP-038
  store?.checkNew(args.name);
  if (node.bitmap(args.name) !== undefined) throw bitmapExists({ name: args.name }); // BMP-001
  checkNameLength(args.name);
  // EFFECTS
  const bitmap = new DirtyBitmap({ name: args.name, size: node.size, granularity, enabled: !args.disabled });
  node.addBitmap(bitmap);
  try {
    store?.persist(bitmap); // QBM-036
  } catch (error) {
    node.removeBitmap(bitmap);
    throw error;
  }
  return { node, bitmap };
}

/** What keeps the bitmaps of the node. @throws QmpError BMP-E-PERSISTENT */
function storeOf(node: Node): BitmapStore {
  if (node.driver.store === undefined) throw notPersistable({ node: node.deviceOrName });
  return node.driver.store;
}

/** Takes the bitmap off its node, and its stored copy, if it has one, from the disk. */
export function dropBitmap({ node, bitmap }: Found): void {
  if (bitmap.persistent) node.driver.store?.unpersist(bitmap);
  node.removeBitmap(bitmap);
}

/** Says that a stored bitmap was changed for good by a command. QBM-031 */
export function bitmapChanged({ node, bitmap }: Found): void {
  if (bitmap.persistent) node.driver.store?.changed(bitmap);
}

/** Makes the bitmap stored, or not; nothing, if it is so already. */
export function setPersistent({ node, bitmap }: Found, persistent: boolean): void {
  if (persistent === bitmap.persistent) return;
  if (persistent) storeOf(node).persist(bitmap);
  else storeOf(node).unpersist(bitmap);
}

/** The bitmap, if it may be removed now. */
export function removableBitmap(machine: Machine, args: Infer<typeof BlockDirtyBitmap>): Found {
  const found = findBitmap(machine, args);
  bitmapUsable(found.bitmap, REMOVE);
  return found;
}

/** The bitmap, if it may be cleared now. */
export function clearableBitmap(machine: Machine, args: Infer<typeof BlockDirtyBitmap>): Found {
  const found = findBitmap(machine, args);
  bitmapUsable(found.bitmap, CHANGE);
  return found;
}

/** The bitmap, if it may be enabled or disabled now. */
export function switchableBitmap(machine: Machine, args: Infer<typeof BlockDirtyBitmap>): Found {
  const found = findBitmap(machine, args);
  bitmapUsable(found.bitmap, KEEP);
  return found;
}

function switchBitmap(machine: Machine, args: Infer<typeof BlockDirtyBitmap>, enabled: boolean): void {
  const found = switchableBitmap(machine, args);
  found.bitmap.enabled = enabled;
  bitmapChanged(found);
}

/** Merges, or changes nothing. */
export function mergeBitmaps(machine: Machine, args: Infer<typeof BlockDirtyBitmapMerge>): Found {
  const target = findBitmap(machine, { node: args.node, name: args.target });
  mergeAll(target.bitmap, mergeSources(machine, target.node, args.bitmaps));
  return target;
}

/** Looked up one by one, so that errors come in the order of the list (BMP-021). */
function* mergeSources(
  machine: Machine,
  node: Node,
  sources: readonly Infer<typeof BlockDirtyBitmapOrStr>[],
): Generator<DirtyBitmap> {
  for (const source of sources) {
    yield typeof source === 'string' ? bitmapOf(node, source) : findBitmap(machine, source).bitmap;
  }
}

export const BITMAP_COMMANDS = [
  define({
    name: 'block-dirty-bitmap-add',
    doc: 'Adds a clean dirty bitmap to a node. It records from now on, unless it is added disabled.',
    args: BlockDirtyBitmapAdd,
    returns: empty,
    rules: ['BMP-001', 'BMP-002', 'BMP-003', 'BMP-004', 'BMP-034', 'BMP-038', 'BMP-039'],
    execute: (machine, args) => void addBitmap(machine, args),
  }),
  define({
    name: 'block-dirty-bitmap-remove',
    doc: 'Removes a dirty bitmap, also its stored copy.',
    args: BlockDirtyBitmap,
    returns: empty,
    rules: ['BMP-014', 'BMP-035', 'BMP-037'],
    execute(machine, args) {
      dropBitmap(removableBitmap(machine, args));
    },
  }),
  define({
    name: 'block-dirty-bitmap-clear',
    doc: 'Clears every bit of a dirty bitmap. It stays enabled or disabled as it is.',
    args: BlockDirtyBitmap,
    returns: empty,
    rules: ['BMP-014', 'BMP-035', 'BMP-036'],
    execute(machine, args) {
      const found = clearableBitmap(machine, args);
      const saved = found.bitmap.save();
      found.bitmap.clear();
      try {
        bitmapChanged(found);
      } catch (error) {
        found.bitmap.restore(saved); // whoever was refused goes on with the bits
        throw error;
      }
    },
  }),
  define({
    name: 'block-dirty-bitmap-enable',
    doc: 'Lets a dirty bitmap record again. What was written while it was disabled stays unknown to it.',
    args: BlockDirtyBitmap,
    returns: empty,
    rules: ['BMP-009', 'BMP-014', 'BMP-035'],
    execute(machine, args) {
      switchBitmap(machine, args, true);
    },
  }),
  define({
    name: 'block-dirty-bitmap-disable',
    doc: 'Stops a dirty bitmap from recording. Its content stays.',
    args: BlockDirtyBitmap,
    returns: empty,
    rules: ['BMP-009', 'BMP-014', 'BMP-035'],
    execute(machine, args) {
      switchBitmap(machine, args, false);
    },
  }),
  define({
    name: 'block-dirty-bitmap-merge',
    doc: 'Marks in a dirty bitmap whatever is dirty in others. On an error nothing is changed.',
    args: BlockDirtyBitmapMerge,
    returns: empty,
    rules: ['BMP-018', 'BMP-019', 'BMP-020', 'BMP-021', 'BMP-022', 'BMP-033'],
    execute: (machine, args) => bitmapChanged(mergeBitmaps(machine, args)),
  }),
  define({
    name: 'block-dirty-bitmap-set-persistent',
    doc: 'Makes a dirty bitmap stored with its image, or not stored any more. Proposed with QBM; QEMU has no such command.',
    args: BlockDirtyBitmapSetPersistent,
    returns: empty,
    rules: ['BMP-014', 'BMP-035', 'BMP-038', 'QBM-036'],
    execute: (machine, args) => setPersistent(clearableBitmap(machine, args), args.persistent),
  }),
  define({
    name: 'x-debug-block-dirty-bitmap-sha256',
    doc: 'The SHA-256 of the bits of a dirty bitmap, in whatever state it is.',
    args: BlockDirtyBitmap,
    returns: BlockDirtyBitmapSha256,
    rules: ['BMP-028', 'BMP-035'],
    features: ['unstable'],
    execute: (machine, args) => ({ sha256: sha256(findBitmap(machine, args).bitmap, machine.makeHash) }),
  }),
];

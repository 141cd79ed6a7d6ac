/**
 * What is put over a node, and what an image says is below it: blockdev-snapshot, blockdev-snapshot-sync, change-backing-file.
 * CHAINS.md.
 */
import { checkBlockers } from '../../block/blockers.js';
import { formatOf } from '../../block/chain/name.js';
import { setReadOnly } from '../../block/chain/reopen.js';
import { append, checkOverlay } from '../../block/chain/snapshot.js';
import { hasInChain, imageOf } from '../../block/chain/walk.js';
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import { flushBefore } from '../../block/request.js';
import { Refusal } from '../../refusal.js';
import { commandsOf } from '../command.js';
import { makeImage, NewImageMode } from '../drive/new-image.js';
import type { Machine } from '../machine.js';
import { openNode } from '../open/open.js';
import { type Prepared, runTransaction } from '../transaction.js';
import { empty, type Infer, optional, str, struct } from '../types.js';

const define = commandsOf<Machine>();

export const BlockdevSnapshot = struct('BlockdevSnapshot', {
  node: { type: str, optional: false, doc: 'who gets an overlay' },
  overlay: {
    type: str,
    optional: false,
    doc: 'the node that becomes its overlay: an image without a backing file',
  },
});

export const BlockdevSnapshotSync = struct('BlockdevSnapshotSync', {
  device: optional(str, { doc: 'name of a device' }),
  'node-name': optional(str, { doc: 'name of the node' }),
  'snapshot-file': { type: str, optional: false, doc: 'the file of the overlay' },
  'snapshot-node-name': optional(str, { doc: 'what the overlay is to be called' }),
  format: optional(str, { doc: 'of the overlay; default qbm' }),
  mode: optional(NewImageMode, { doc: 'default absolute-paths' }),
});

const ChangeBackingFileArguments = struct('ChangeBackingFileArguments', {
  device: { type: str, optional: false, doc: 'a node that no other uses, over the image' },
  'image-node-name': { type: str, optional: false, doc: 'the image whose descriptor is changed' },
  'backing-file': { type: str, optional: false, doc: 'as it is to be stored; empty for none' },
});

/** The node is there, nobody minds, and what was written to it is on disk. REF-030 */
function snapshotSource(machine: Machine, device: string | undefined, name: string | undefined): Node {
  const node = machine.graph.lookup(device, name);
  checkBlockers(node, 'external-snapshot');
  if (!node.readOnly) flushBefore(node, 'REF-E-SNAPSHOT-FLUSH');
  return node;
}

/** REF-031, REF-041, REF-042: `overlay` over `node`, and at the commit the node is only read any more. */
function over(machine: Machine, node: Node, overlay: Node): Prepared {
  checkOverlay(overlay);
  const { done, revert } = append(machine.graph, node, overlay);
  // A bitmap that the same transaction takes off the node has to go from its image first.
  return { commit: done, after: () => becomeReadOnly(machine, node), abort: revert };
}

/** Whoever must go on writing to the node is not kept from it: then it stays writable. */
function becomeReadOnly({ graph }: Machine, node: Node): void {
  try {
    setReadOnly(graph, node, true);
  } catch (refusal) {
    if (!(refusal instanceof Refusal)) throw refusal;
  }
}

export function prepareSnapshot(machine: Machine, args: Infer<typeof BlockdevSnapshot>): Prepared {
  const node = snapshotSource(machine, args.node, args.node);
  return over(machine, node, machine.graph.lookup(args.overlay, args.overlay));
}

/** REF-032: a new image, or one that is there, opened without its backing file. */
export function prepareSnapshotSync(machine: Machine, args: Infer<typeof BlockdevSnapshotSync>): Prepared {
  const { graph } = machine;
  const name = args['snapshot-node-name'];
  const node = snapshotSource(machine, args.device, args['node-name']);
  if (args['node-name'] !== undefined && name === undefined) throw new BlockError('REF-E-OVERLAY-NAME');
  if (name !== undefined && graph.find(name) !== undefined) throw new BlockError('REF-E-OVERLAY-NAME-TAKEN');
  const format = args.format ?? 'qbm';
  const isNew = args.mode !== 'existing';
  const { 'snapshot-file': file } = args;
  // REF-033
  const remove = isNew ? makeImage(machine, { file, format, size: node.size, backing: node }) : () => {};
  let overlay: Node | undefined;
  const letGo = (): void => {
    if (overlay === undefined) return;
    overlay.pinned -= 1;
    graph.release(overlay);
  };
  try {
    overlay = openOverlay(machine, node, { file, format, name, isNew });
    overlay.pinned += 1;
    const { commit, after, abort } = over(machine, node, overlay);
    return {
      ...(commit === undefined ? {} : { commit }),
      after() {
        after?.();
        letGo();
      },
      abort() {
        abort?.();
        letGo();
        remove();
      },
    };
  } catch (refusal) {
    letGo();
    remove();
    throw refusal;
  }
}

interface Overlay {
  readonly file: string;
  readonly format: string;
  readonly name: string | undefined;
  readonly isNew: boolean;
}

/** As the node below it: writable, and cached. */
function openOverlay(machine: Machine, node: Node, { file, format, name, isNew }: Overlay): Node {
  const { readOnly, discard, cacheDirect, cacheNoFlush } = node.options;
  const common = {
    ...(name === undefined ? {} : { 'node-name': name }),
    'read-only': readOnly,
    discard,
    cache: { direct: cacheDirect, 'no-flush': cacheNoFlush },
    file: { driver: 'file', filename: file },
  } as const;
  switch (format) {
    case 'qbm':
      return openNode(machine, { ...common, driver: 'qbm', backing: null, trusted: isNew }, undefined);
    case 'raw':
      return openNode(machine, { ...common, driver: 'raw' }, undefined);
    default:
      throw new BlockError('REF-E-FORMAT', { format });
  }
}

/** REF-034 */
function changeBackingFile(machine: Machine, args: Infer<typeof ChangeBackingFileArguments>): void {
  // PRECONDITIONS
  const { graph } = machine;
  const top = graph.lookup(args.device, args.device);
  if (!top.isRoot) throw new BlockError('REF-E-NOT-ROOT');
  const image = graph.lookup(undefined, args['image-node-name']);
  const { backing } = image;
  const isFilter = image.driver.shown !== undefined;
  if (backing === null && !isFilter) throw new BlockError('REF-E-NO-BACKING');
  checkBlockers(top, 'change');
  if (!hasInChain(top, image)) throw new BlockError('REF-E-OTHER-CHAIN', { device: args.device });
  const format = backing && formatOf(imageOf(backing));
  // EFFECTS
  const wasReadOnly = image.readOnly;
  if (wasReadOnly) setReadOnly(graph, image, false);
  try {
    if (format === null) throw notStored(args['backing-file']);
    image.driver.backing?.change(args['backing-file'], format);
  } finally {
    if (wasReadOnly) setReadOnly(graph, image, true);
  }
}

/** Of a filter nothing is stored. */
function notStored(file: string): BlockError {
  return new BlockError('REF-E-STORAGE', {
    file: `Could not change backing file to '${file}'`,
    reason: 'Operation not supported',
  });
}

export const CHAIN_COMMANDS = [
  define({
    name: 'blockdev-snapshot',
    doc: 'Puts an image over a node, which becomes its backing file: whoever used the node uses the image. The node is read-only from then on.',
    args: BlockdevSnapshot,
    returns: empty,
    rules: ['REF-030', 'REF-031'],
    features: ['allow-write-only-overlay'],
    execute: (machine, args) => runTransaction([() => prepareSnapshot(machine, args)]),
  }),
  define({
    name: 'blockdev-snapshot-sync',
    doc: 'As blockdev-snapshot, with a new image, or one that is opened for it. It goes with whoever uses it.',
    args: BlockdevSnapshotSync,
    returns: empty,
    rules: ['REF-030', 'REF-032', 'REF-033'],
    execute: (machine, args) => runTransaction([() => prepareSnapshotSync(machine, args)]),
  }),
  define({
    name: 'change-backing-file',
    doc: 'Changes what an image says is below it. What is below it now stays.',
    args: ChangeBackingFileArguments,
    returns: empty,
    rules: ['REF-034'],
    execute: changeBackingFile,
  }),
];

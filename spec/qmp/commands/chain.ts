/**
 * What is put over a node, and what an image says is below it: blockdev-snapshot, blockdev-snapshot-sync, change-backing-file.
 * CHAINS.md.
 */
import { checkBlockers } from '../../block/blockers.js';
import { BlockError } from '../../block/errors.js';
import { Node } from '../../block/node.js';
import { setReadOnly } from '../../block/reopen.js';
import { flush } from '../../block/request.js';
import { append, checkOverlay } from '../../block/snapshot.js';
import { JobError } from '../../job/errors.js';
import { createImage } from '../../qbm/create.js';
import { type ImageRef, imageRef } from '../../qbm/descriptor.js';
import { Refusal } from '../../refusal.js';
import { reasonOf } from '../../storage/reason.js';
import { StorageError } from '../../storage/storage.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import { openNode } from '../open.js';
import { type Prepared, runTransaction } from '../transaction.js';
import { empty, enumeration, type Infer, optional, str, struct } from '../types.js';

const define = commandsOf<Machine>();

export const BlockdevSnapshot = struct('BlockdevSnapshot', {
  node: { type: str, optional: false, doc: 'who gets an overlay' },
  overlay: {
    type: str,
    optional: false,
    doc: 'the node that becomes its overlay: an image without a backing file',
  },
});

const NewImageMode = enumeration('NewImageMode', [
  { name: 'existing', doc: 'an image that is there' },
  { name: 'absolute-paths', doc: 'a new one, whose backing file is the node' },
]);

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
  if (!node.readOnly) flush(node);
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
  const made = isNew ? createOverlay(machine, node, args['snapshot-file'], format) : [];
  const remove = (): void => {
    for (const file of made) removeFile(machine, file);
  };
  let overlay: Node | undefined;
  const letGo = (): void => {
    if (overlay === undefined) return;
    overlay.pinned -= 1;
    graph.release(overlay);
  };
  try {
    overlay = openOverlay(machine, node, { file: args['snapshot-file'], format, name, isNew });
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

/** An empty image that reads as `node` does: REF-033. @returns its files @throws JobError JOB-E-CREATE */
function createOverlay(machine: Machine, node: Node, file: string, format: string): readonly string[] {
  if (format === 'null-co') throw new BlockError('REF-E-FORMAT-CREATE', { format });
  if (format === 'raw' || format === 'file') throw new BlockError('REF-E-FORMAT-BACKING', { format });
  if (format !== 'qbm') throw new BlockError('REF-E-FORMAT', { format });
  const { storage, makeHash } = machine;
  const image = { size: node.size, backing: refOf(node, node, file), makeHash };
  try {
    return createImage(storage, file, image);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw new JobError('JOB-E-CREATE', { file, reason: reasonOf(error.errno) });
  }
}

/** What the descriptor `from` calls the image of `node`: without the directory, if it is beside it. */
function refOf(asked: Node, node: Node, from: string): ImageRef {
  const file = node.edge('file');
  const isWhole = node.driver.name === 'raw' && file?.use === 'filtered';
  // The whole of a node reads as that node does.
  if (isWhole && file.child.driver.name !== 'file') return refOf(asked, file.child, from);
  if (file?.child.driver.name !== 'file' || (node.driver.name !== 'qbm' && !isWhole))
    throw new BlockError('REF-E-BACKING-NAME', { node: asked.name });
  const directory = from.slice(0, from.lastIndexOf('/') + 1);
  const { filename } = file.child;
  const isBeside = filename.startsWith(directory) && !filename.slice(directory.length).startsWith('/');
  return imageRef(isBeside ? filename.slice(directory.length) : filename, node.driver.name);
}

/** Of an overlay that came to nothing. One that cannot be removed is left over. */
function removeFile({ storage }: Machine, file: string): void {
  try {
    storage.remove(file);
    storage.flushDirectory(file);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
  }
}

/** REF-034 */
function changeBackingFile(machine: Machine, args: Infer<typeof ChangeBackingFileArguments>): void {
  // PRECONDITIONS
  const { graph } = machine;
  const top = graph.lookup(args.device, args.device);
  if (top.parents.some(({ parent }) => parent instanceof Node)) throw new BlockError('REF-E-NOT-ROOT');
  const image = graph.lookup(undefined, args['image-node-name']);
  const { backing } = image;
  if (backing === null) throw new BlockError('REF-E-NO-BACKING');
  checkBlockers(top, 'change');
  if (!isInChain(top, image)) throw new BlockError('REF-E-OTHER-CHAIN', { device: args.device });
  const format = formatOf(backing);
  // EFFECTS
  const wasReadOnly = image.readOnly;
  if (wasReadOnly) setReadOnly(graph, image, false);
  try {
    image.driver.backing?.change(args['backing-file'], format);
  } finally {
    if (wasReadOnly) setReadOnly(graph, image, true);
  }
}

/** Of an image that is opened as this node is. @throws BlockError REF-E-BACKING-NAME */
function formatOf({ name, driver }: Node): string {
  if (driver.name === 'raw' || driver.name === 'file') return 'raw';
  if (driver.name === 'qbm') return 'qbm';
  throw new BlockError('REF-E-BACKING-NAME', { node: name });
}

function isInChain(top: Node, image: Node): boolean {
  for (let node: Node | null = top; node !== null; node = node.backing) if (node === image) return true;
  return false;
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

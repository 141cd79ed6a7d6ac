/**
 * The target of the `drive-*` commands: an image that the command opens by its file name, or makes. Nobody but the users that
 * it gets holds it. spec/job/BACKUP.md, JOB-140 to JOB-143.
 */
import { openFile } from '../../block/drivers/file.js';
import { BlockError } from '../../block/errors.js';
import type { Node } from '../../block/node.js';
import { looksLikeQbm } from '../../qbm/read-descriptor.js';
import type { Machine } from '../machine.js';
import { openNode } from '../open/open.js';
import { makeImage, pathOf } from './new-image.js';

/** Bytes of a file by which its format is found out. */
const PROBE = 4096;

export interface TargetImage {
  /** its name, which may begin with a protocol */
  readonly file: string;
  /** default: that of the source; of an image that is there, what it looks like */
  readonly format: string | undefined;
  readonly mode: 'existing' | 'absolute-paths' | undefined;
  /** what a new image says is below it */
  readonly newBacking: Node | null;
  /** what it is opened over: what the image says, nothing (null), or a node */
  readonly over: 'as stored' | Node | null;
  /** default: one that nobody can ask for */
  readonly nodeName?: string | undefined;
  /** the files that are made for it go with its node; default false */
  readonly isTemporary?: boolean | undefined;
  /** default: as the source */
  readonly discard?: 'ignore' | 'unmap';
  readonly detectZeroes?: 'off' | 'on' | 'unmap';
}

export interface Target {
  readonly node: Node;
  /** The command holds it no more: it stays as long as somebody uses it. JOB-143 */
  letGo(): void;
  /** Files that were made go; when nobody uses the node any more. */
  unmake(): void;
}

/** Writable, and cached as the source is. @throws BlockError, JobError, QbmError, StorageError; then nothing is left */
export function openTarget(machine: Machine, source: Node, image: TargetImage): Target {
  const { graph } = machine;
  const isNew = image.mode !== 'existing';
  const format = image.format ?? (isNew ? source.driver.name : undefined);
  const { file, newBacking: backing, over } = image;
  const allocation = backing !== null || (over !== null && over !== 'as stored');
  const unmake = isNew
    ? makeImage(machine, { file, format: format!, size: source.size, backing, allocation })
    : () => {};
  let node: Node;
  try {
    node = openIt(machine, source, { ...image, format });
  } catch (refusal) {
    unmake();
    throw refusal;
  }
  if (image.isTemporary) node.whenGone = unmake; // REF-152
  node.pinned += 1;
  return {
    node,
    letGo() {
      node.pinned -= 1;
      graph.release(node);
    },
    unmake,
  };
}

function openIt(machine: Machine, source: Node, image: TargetImage): Node {
  const { over } = image;
  const path = pathOf(image.file);
  const format = image.format ?? probe(machine, path);
  const common = {
    ...(image.nodeName === undefined ? {} : { 'node-name': image.nodeName }),
    'read-only': false,
    discard: image.discard ?? source.options.discard,
    ...(image.detectZeroes === undefined ? {} : { 'detect-zeroes': image.detectZeroes }),
    cache: { direct: source.options.cacheDirect, 'no-flush': source.options.cacheNoFlush },
  } as const;
  const file =
    path === null ? ({ driver: 'null-co' } as const) : ({ driver: 'file', filename: path } as const);
  if (format === 'qbm') {
    const backing = over === 'as stored' ? {} : { backing: over?.name ?? null };
    const trusted = image.mode !== 'existing';
    return openNode(machine, { ...common, driver: 'qbm', file, trusted, ...backing }, undefined);
  }
  if (format !== 'raw' && format !== file.driver) throw new BlockError('REF-E-DRIVER', { driver: format });
  const node =
    format === 'raw'
      ? openNode(machine, { ...common, driver: 'raw', file }, undefined)
      : openNode(machine, { ...common, ...file }, undefined);
  if (over === 'as stored' || over === null) return node;
  machine.graph.release(node);
  throw new BlockError('REF-E-DRIVER-BACKING', { driver: format, node: node.name });
}

/** JOB-142 @throws BlockError REF-E-OPEN, REF-E-LOCKED */
export function probe({ storage }: Machine, path: string | null): 'qbm' | 'raw' {
  if (path === null) return 'raw';
  if (path === '') throw new BlockError('REF-E-FILENAME');
  const driver = openFile(storage, path, 'read');
  try {
    const start = new Uint8Array(Math.min(PROBE, driver.length()));
    driver.read(0, start);
    return looksLikeQbm(start) ? 'qbm' : 'raw';
  } finally {
    driver.close();
  }
}

/** What blockdev-create does, by driver. spec/job/JOBS.md, JOB-032 to JOB-034. */
import type { Holder } from '../block/edge.js';
import { BlockError } from '../block/errors.js';
import type { Node } from '../block/node.js';
import { ALL, permissionNames, permissionsOf, RESIZE, WRITE } from '../block/permissions.js';
import type { Work } from '../job/driver.js';
import { JobError } from '../job/errors.js';
import { checkImageSize } from '../qbm/bitmap-file.js';
import { createImage, type NewImage } from '../qbm/create.js';
import { imageRef } from '../qbm/descriptor.js';
import { QbmError } from '../qbm/errors.js';
import { reasonOf } from '../storage/reason.js';
import { type Storage, type StorageErrno, StorageError, type StorageFile } from '../storage/storage.js';
import type { BlockdevRefValue } from './commands/blockdev-options.js';
import type { Machine } from './machine.js';
import { openNode } from './open/open.js';

type DriverName = Exclude<BlockdevRefValue, string>['driver'];

/** Written out as far as it is used, because options of nodes contain themselves. */
export type CreateOptions =
  | FileCreateOptions
  | QbmCreateOptions
  | { readonly driver: Exclude<DriverName, 'file' | 'qbm'> };
interface FileCreateOptions {
  readonly driver: 'file';
  readonly filename: string;
  readonly size: number | bigint;
  readonly preallocation?: 'off' | 'metadata' | 'falloc' | 'full' | undefined;
}
interface QbmCreateOptions {
  readonly driver: 'qbm';
  readonly file: BlockdevRefValue;
  readonly size?: number | bigint | undefined;
  readonly 'data-file'?: string | undefined;
  readonly 'backing-file'?: string | undefined;
  readonly 'backing-fmt'?: DriverName | undefined;
  readonly allocation?: boolean | undefined;
  readonly 'cluster-size'?: number | bigint | undefined;
}

/** Who writes to the nodes that an image is made on: it uses them for as long as that takes. */
const CREATOR: Holder = { kind: 'command', describe: () => 'an unnamed block device', blocks: () => null };

/** The work of the job, or undefined where the driver makes no images. */
export function createWork(machine: Machine, options: CreateOptions): (() => Work) | undefined {
  switch (options.driver) {
    case 'file':
      return function* () {
        yield;
        createFile(machine, options);
      };
    case 'qbm':
      return () => createQbm(machine, options);
    default:
      return undefined;
  }
}

/** JOB-032. @throws BlockError, JobError */
function createFile(machine: Machine, { filename, size, preallocation = 'off' }: FileCreateOptions): void {
  const file = openOrMake(machine.storage, filename);
  try {
    checkUsers(machine, filename);
    empty(file); // whatever fails now, what was in it is gone
    if (preallocation === 'metadata') throw new JobError('JOB-E-PREALLOCATION', { mode: preallocation });
    lengthen(file, size);
  } finally {
    file.close();
  }
}

/** @throws JobError JOB-E-CREATE; BlockError REF-E-LOCKED */
function openOrMake(storage: Storage, filename: string): StorageFile {
  const refused = (errno: StorageErrno) =>
    new JobError('JOB-E-CREATE', { file: filename, reason: reasonOf(errno) });
  if (filename === '') throw refused('ENOENT');
  try {
    return storage.kind(filename) === null
      ? storage.create(filename)
      : storage.open(filename, { write: true });
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    if (error.errno === 'EAGAIN') throw new BlockError('REF-E-LOCKED', { permission: 'write' });
    throw refused(error.errno);
  }
}

/** @throws BlockError REF-E-LOCKED; StorageError */
function empty(file: StorageFile): void {
  try {
    file.truncate(0);
  } catch (error) {
    if (!(error instanceof StorageError && error.errno === 'EAGAIN')) throw error;
    throw new BlockError('REF-E-LOCKED', { permission: 'resize' });
  }
}

/** @throws JobError JOB-E-CREATE-SIZE */
function lengthen(file: StorageFile, size: number | bigint): void {
  const refused = (reason: string) => new JobError('JOB-E-CREATE-SIZE', { reason });
  if (size >= 2n ** 63n) throw refused('Invalid argument');
  if (typeof size === 'bigint') throw refused(reasonOf('EFBIG')); // no file is longer than 2^53-1 here
  try {
    file.truncate(size);
  } catch (error) {
    if (!(error instanceof StorageError)) throw error;
    throw refused(reasonOf(error.errno));
  }
}

/** Whether the users of nodes on this file let somebody else write it and change its size. @throws BlockError, JobError */
export function checkUsers(machine: Machine, filename: string): void {
  const { graph, storage } = machine;
  const identity = storage.identity(filename);
  for (const node of graph.nodes) {
    if (node.driver.name !== 'file' || storage.identity(node.filename) !== identity) continue;
    const { needs, shares } = permissionsOf(node);
    for (const needed of [WRITE, RESIZE]) {
      if ((shares & needed) !== 0) continue;
      throw new BlockError('REF-E-LOCKED', { permission: permissionNames(needed) });
    }
    if ((needs & RESIZE) !== 0)
      throw new BlockError('REF-E-LOCKED-SHARED', { permission: permissionNames(RESIZE) });
  }
}

/** JOB-033. @throws BlockError, QbmError, JobError */
function* createQbm(machine: Machine, options: QbmCreateOptions): Work {
  yield;
  const { graph } = machine;
  const node = openRef(machine, options.file);
  try {
    if (node.driver.name !== 'file') throw new BlockError('REF-E-QBM-FILE', { driver: node.driver.name });
    const image = newImage(machine, node.filename, options);
    const needed = { needs: WRITE | RESIZE, shares: ALL };
    const use = graph.change((change) => change.hold(CREATOR, node, 'root', needed));
    try {
      createImage(machine.storage, node.filename, image);
    } finally {
      graph.change((change) => change.drop(use));
    }
  } finally {
    graph.release(node);
  }
}

function openRef(machine: Machine, ref: BlockdevRefValue): Node {
  return typeof ref === 'string' ? machine.graph.lookup(ref, ref) : openNode(machine, ref, undefined);
}

/** @throws JobError JOB-E-BACKING-FORMAT, JOB-E-BACKING-FORMAT-NEEDED, JOB-E-CREATE-ALLOCATION, JOB-E-CREATE-DATA; QbmError QBM-E-IMAGE-SIZE, QBM-E-NO-FILE */
function newImage({ makeHash, storage }: Machine, name: string, options: QbmCreateOptions): NewImage {
  const { size, 'data-file': dataFile, 'backing-file': backing, 'backing-fmt': format } = options;
  const { allocation = backing !== undefined } = options;
  if (backing === undefined && format !== undefined) throw new JobError('JOB-E-BACKING-FORMAT');
  if (backing !== undefined && format === undefined) throw new JobError('JOB-E-BACKING-FORMAT-NEEDED');
  if (backing !== undefined && !allocation) throw new JobError('JOB-E-CREATE-ALLOCATION');
  const isDataThere = size === undefined;
  if (isDataThere) {
    if (dataFile === undefined || allocation) throw new JobError('JOB-E-CREATE-DATA');
    if (storage.kind(storage.resolve(name, dataFile)) === null) {
      throw new QbmError('QBM-E-NO-FILE', { role: 'the data image', file: dataFile });
    }
  } else checkImageSize(size);
  const clusterSize = options['cluster-size'];
  return {
    size: Number(size ?? 0),
    isDataThere,
    ...(dataFile === undefined ? {} : { dataFile }),
    backing: backing === undefined ? null : imageRef(backing, format!),
    allocation,
    ...(clusterSize === undefined ? {} : { clusterSize: Number(clusterSize) }),
    makeHash,
    overEmpty: true,
  };
}

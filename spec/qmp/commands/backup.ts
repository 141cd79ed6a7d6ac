/** blockdev-backup and drive-backup: checks in QEMU's order, then a filter above the source, then the job. spec/job/BACKUP.md. */
import { bitmapUsable, CHANGE, KEEP } from '../../bitmap/check.js';
import type { DirtyBitmap } from '../../bitmap/dirty-bitmap.js';
import { checkBlockers } from '../../block/blockers.js';
import { type BackupFilter, insertBackupFilter } from '../../block/copy/backup-filter.js';
import type { Node } from '../../block/node.js';
import { ALL } from '../../block/permissions.js';
import { BackupBitmap, BackupDriver } from '../../job/backup.js';
import type { BlockJob } from '../../job/block-job.js';
import { JobError } from '../../job/errors.js';
import type { JobTxn } from '../../job/txn.js';
import { commandsOf } from '../command.js';
import { NewImageMode } from '../drive/new-image.js';
import { openTarget } from '../drive/target.js';
import type { Machine } from '../machine.js';
import { bool, empty, enumeration, type Infer, int, optional, str, struct } from '../types.js';
import { exactNumber } from '../validate.js';

const define = commandsOf<Machine>();

const MAX_WORKERS = 2 ** 31 - 1;

export const MirrorSyncMode = enumeration('MirrorSyncMode', [
  { name: 'top', doc: 'what the image itself has, without its backing file' },
  { name: 'full', doc: 'the whole disk' },
  { name: 'none', doc: 'only what is about to be changed' },
  { name: 'incremental', doc: 'what is dirty in the bitmap; mode on-success' },
  { name: 'bitmap', doc: 'what is dirty in the bitmap' },
]);

const BitmapSyncMode = enumeration('BitmapSyncMode', [
  { name: 'on-success', doc: 'after a backup that ended well the bitmap has only what came after it' },
  { name: 'never', doc: 'the bitmap stays as if there had been no backup' },
  { name: 'always', doc: 'after one that failed the bitmap has, besides, what was not copied' },
]);

export const BlockdevOnError = enumeration('BlockdevOnError', [
  { name: 'report', doc: 'the job fails' },
  { name: 'ignore', doc: 'the request is made again' },
  { name: 'enospc', doc: 'stop for ENOSPC, else report' },
  { name: 'stop', doc: 'the job is paused until somebody resumes it' },
  { name: 'auto', doc: 'as enospc' },
]);

const BackupPerf = struct('BackupPerf', {
  'use-copy-range': optional(bool, { doc: 'no matter here' }),
  'max-workers': optional(int, { doc: 'how many requests at once; no matter here' }),
  'max-chunk': optional(int, { doc: 'bytes of a request at most, 0 for no limit; no matter here' }),
});

/** What both commands have. */
const BACKUP = {
  'job-id': optional(str, { doc: 'default: the name of the drive' }),
  device: { type: str, optional: false, doc: 'what is backed up: a drive or a node' },
  sync: MirrorSyncMode,
  speed: optional(int, { doc: 'bytes a second; default 0: no limit' }),
  bitmap: optional(str, { doc: 'a bitmap of the source' }),
  'bitmap-mode': optional(BitmapSyncMode),
  compress: optional(bool, { doc: 'default false' }),
  'on-source-error': optional(BlockdevOnError, { doc: 'default report' }),
  'on-target-error': optional(BlockdevOnError, { doc: 'default report' }),
  'auto-finalize': optional(bool, { doc: 'default true' }),
  'auto-dismiss': optional(bool, { doc: 'default true' }),
  'filter-node-name': optional(str, { doc: 'of the filter above the source' }),
  'x-perf': optional(BackupPerf, { features: ['unstable'] }),
} as const;
const BackupCommon = struct('BackupCommon', BACKUP);
type Backup = Infer<typeof BackupCommon>;

export const BlockdevBackup = struct('BlockdevBackup', {
  ...BACKUP,
  target: { type: str, optional: false, doc: 'where to: a drive or a node of the same size' },
});

export const DriveBackup = struct('DriveBackup', {
  ...BACKUP,
  target: { type: str, optional: false, doc: 'where to: the name of an image' },
  format: optional(str, {
    doc: 'of the target; default: that of the source, or what an image that is there looks like',
  }),
  mode: optional(NewImageMode, { doc: 'default absolute-paths' }),
  'target-id': optional(str, {
    doc: 'name of its node, by which others can use it; QEMU has no such argument',
  }),
  'target-temporary': optional(bool, {
    doc: 'the files that are made go with the node; default false; QEMU has no such argument',
  }),
});

type Mode = Infer<typeof BitmapSyncMode>;
/** The bitmap to go by, or to leave behind, and when it is synchronised. */
interface Chosen {
  readonly bitmap: DirtyBitmap;
  readonly mode: Mode;
}

/**
 * The job of blockdev-backup, which has not been started.
 * @param txn the group that it ends with; absent: it is alone
 * @throws JobError, BitmapError, BlockError; then all is as before
 */
export function createBackup(machine: Machine, args: Infer<typeof BlockdevBackup>, txn?: JobTxn): BlockJob {
  const { graph } = machine;
  const source = graph.lookup(args.device, args.device);
  return createFor(machine, { source, target: graph.lookup(args.target, args.target) }, args, txn);
}

/**
 * The job of drive-backup, as {@link createBackup}, and what removes the files that were made for it. JOB-140
 * @throws besides QbmError, StorageError
 */
export function createDriveBackup(
  machine: Machine,
  args: Infer<typeof DriveBackup>,
  txn?: JobTxn,
): { readonly job: BlockJob; readonly unmake: () => void } {
  const source = machine.graph.lookup(args.device, args.device);
  checkBlockers(source, 'backup-source'); // before anything is made
  checkFleecing(machine, args);
  // JOB-141
  const below = withoutFilters(source).backing;
  const sync = args.sync === 'top' && below === null ? 'full' : args.sync;
  const isOverSource = sync === 'none' || (sync === 'full' && args['target-id'] !== undefined); // REF-150
  const target = openTarget(machine, source, {
    file: args.target,
    format: args.format,
    mode: args.mode,
    newBacking: sync === 'none' ? source : sync === 'top' ? below : null,
    over: isOverSource ? source : 'as stored',
    nodeName: args['target-id'],
    isTemporary: args['target-temporary'],
    discard: 'unmap',
    detectZeroes: 'unmap',
  });
  try {
    const job = createFor(machine, { source, target: target.node }, { ...args, sync }, txn);
    target.letGo(); // JOB-143
    return { job, unmake: target.unmake };
  } catch (refusal) {
    target.letGo();
    target.unmake();
    throw refusal;
  }
}

/** REF-150, REF-152 @throws BlockError REF-E-NAME-…, JobError JOB-E-TEMPORARY */
function checkFleecing(machine: Machine, args: Infer<typeof DriveBackup>): void {
  const { 'target-id': name, 'target-temporary': isTemporary, mode } = args;
  if (name !== undefined) machine.graph.checkName(name);
  if (isTemporary && mode === 'existing') throw new JobError('JOB-E-TEMPORARY');
}

/** What a node without filters shows: whose backing file counts. */
function withoutFilters(node: Node): Node {
  const { isFilter, shown } = node.driver;
  return isFilter === true && shown !== undefined ? withoutFilters(shown) : node;
}

interface Ends {
  readonly source: Node;
  readonly target: Node;
}

function createFor(machine: Machine, { source, target }: Ends, args: Backup, txn?: JobTxn): BlockJob {
  const { graph } = machine;
  const chosen = chosenBitmap(source, args);
  checkNodes(source, target, args);
  const bitmap = freeze(source, chosen);
  let filter: BackupFilter | null = null;
  try {
    // JOB-041
    if (source.size !== target.size) throw new JobError('JOB-E-SIZES');
    filter = insertBackupFilter(graph, source, target, args['filter-node-name'] ?? null);
    const { cluster } = filter.copying;
    const chunk = args['x-perf']?.['max-chunk'] ?? 0;
    if (chunk !== 0 && chunk < cluster) throw new JobError('JOB-E-CHUNK-CLUSTER', { chunk, cluster });
    return createJob(machine, { args, target, bitmap, filter, txn });
  } catch (refusal) {
    bitmap?.unfreeze();
    filter?.remove();
    throw refusal;
  }
}

/** JOB-040 @throws JobError, BitmapError */
function chosenBitmap(source: Node, args: Backup): Chosen | null {
  const { sync, bitmap: name } = args;
  const needsBitmap = sync === 'bitmap' || sync === 'incremental';
  if (needsBitmap && name === undefined) throw new JobError('JOB-E-BACKUP-BITMAP-NEEDED', { sync });
  let mode = args['bitmap-mode'];
  if (sync === 'incremental') {
    if (mode !== undefined && mode !== 'on-success') throw new JobError('JOB-E-BACKUP-INCREMENTAL');
    mode = 'on-success';
  }
  if (name === undefined) {
    if (mode !== undefined) throw new JobError('JOB-E-BACKUP-NO-BITMAP');
    return null;
  }
  const bitmap = source.bitmap(name);
  if (bitmap === undefined) throw new JobError('JOB-E-BACKUP-BITMAP-NOT-FOUND', { name });
  if (mode === undefined) throw new JobError('JOB-E-BACKUP-MODE-NEEDED');
  bitmapUsable(bitmap, KEEP);
  if (sync === 'none') throw new JobError('JOB-E-BACKUP-NONE');
  if (mode === 'never' && !needsBitmap) throw new JobError('JOB-E-BACKUP-NEVER', { sync });
  return { bitmap, mode };
}

/** JOB-041 @throws JobError, BlockError */
function checkNodes(source: Node, target: Node, args: Backup): void {
  if (source === target) throw new JobError('JOB-E-SAME-NODE');
  // No driver here can write compressed.
  if (args.compress) throw new JobError('JOB-E-COMPRESS', { device: target.deviceName ?? '' });
  checkBlockers(source, 'backup-source');
  checkBlockers(target, 'backup-target');
  const { 'max-workers': workers = 1, 'max-chunk': chunk = 0 } = args['x-perf'] ?? {};
  if (workers < 1 || workers > MAX_WORKERS) throw new JobError('JOB-E-WORKERS');
  if (chunk < 0) throw new JobError('JOB-E-CHUNK');
}

/** JOB-045 @throws BitmapError */
function freeze(source: Node, chosen: Chosen | null): BackupBitmap | null {
  if (chosen === null) return null;
  const { bitmap, mode } = chosen;
  if (mode !== 'never') bitmapUsable(bitmap, CHANGE);
  return new BackupBitmap(source, bitmap, mode);
}

interface Parts {
  readonly args: Backup;
  readonly target: Node;
  readonly bitmap: BackupBitmap | null;
  readonly filter: BackupFilter;
  readonly txn: JobTxn | undefined;
}

function createJob(machine: Machine, { args, target, bitmap, filter, txn }: Parts): BlockJob {
  const { sync } = args;
  const driver = new BackupDriver({
    sync: sync === 'incremental' ? 'bitmap' : sync,
    bitmap,
    filter,
    onSourceError: args['on-source-error'] ?? 'report',
    onTargetError: args['on-target-error'] ?? 'report',
  });
  const job = machine.jobs.createBlockJob(driver, {
    id: args['job-id'] ?? filter.node.deviceName ?? '',
    autoFinalize: args['auto-finalize'],
    autoDismiss: args['auto-dismiss'],
    txn,
  });
  try {
    // Whatever is needed of the target is needed by the filter.
    job.use(filter.node, 'main node', { needs: 0, shares: ALL });
    job.setSpeed(exactNumber(args.speed ?? 0, 'speed'));
    job.use(target, 'target', { needs: 0, shares: ALL });
  } catch (refusal) {
    job.discard(); // JOB-048
    throw refusal;
  }
  return job;
}

export const BACKUP_COMMANDS = [
  define({
    name: 'blockdev-backup',
    doc: 'Copies a disk, as it is now, to another node, while guests go on writing.',
    args: BlockdevBackup,
    returns: empty,
    rules: [
      'JOB-040',
      'JOB-041',
      'JOB-042',
      'JOB-043',
      'JOB-044',
      'JOB-045',
      'JOB-046',
      'JOB-047',
      'JOB-048',
    ],
    execute: (machine, args) => createBackup(machine, args).start(),
  }),
  define({
    name: 'drive-backup',
    doc: 'As blockdev-backup, to an image that is opened for it, or made.',
    args: DriveBackup,
    returns: empty,
    rules: ['JOB-140', 'JOB-141', 'JOB-142', 'JOB-143', 'REF-150', 'REF-151', 'REF-152'],
    execute: (machine, args) => createDriveBackup(machine, args).job.start(),
  }),
];

/** `transaction` and its actions. TRANSACTIONS.md. */

import type { BlockJob } from '../../job/block-job.js';
import { JobTxn } from '../../job/txn.js';
import { commandsOf } from '../command.js';
import type { Machine } from '../machine.js';
import {
  completionMode,
  type Prepare,
  type Prepared,
  runTransaction,
  transactionAborted,
} from '../transaction.js';
import { array, empty, enumeration, type Infer, optional, type StructType, struct, union } from '../types.js';
import { BlockdevBackup, createBackup, createDriveBackup, DriveBackup } from './backup.js';
import {
  addBitmap,
  BlockDirtyBitmap,
  BlockDirtyBitmapAdd,
  BlockDirtyBitmapMerge,
  BlockDirtyBitmapSetPersistent,
  bitmapChanged,
  clearableBitmap,
  dropBitmap,
  type Found,
  findBitmap,
  mergeBitmaps,
  removableBitmap,
  setPersistent,
  switchableBitmap,
} from './bitmap.js';
import { BlockdevSnapshot, BlockdevSnapshotSync, prepareSnapshot, prepareSnapshotSync } from './chain.js';

const define = commandsOf<Machine>();

const ActionCompletionMode = enumeration('ActionCompletionMode', [
  { name: 'individual', doc: 'jobs of the transaction complete or fail one by one' },
  { name: 'grouped', doc: 'jobs of the transaction complete together or fail together' },
]);

const TransactionProperties = struct('TransactionProperties', {
  'completion-mode': optional(ActionCompletionMode, { doc: 'default individual' }),
});

const TransactionActionKind = enumeration('TransactionActionKind', [
  { name: 'abort', doc: 'fails when it is prepared: for tests of the rest' },
  { name: 'block-dirty-bitmap-add' },
  { name: 'block-dirty-bitmap-remove' },
  { name: 'block-dirty-bitmap-clear' },
  { name: 'block-dirty-bitmap-enable' },
  { name: 'block-dirty-bitmap-disable' },
  { name: 'block-dirty-bitmap-merge' },
  { name: 'block-dirty-bitmap-set-persistent' },
  { name: 'blockdev-backup' },
  { name: 'blockdev-snapshot' },
  { name: 'blockdev-snapshot-sync' },
  { name: 'drive-backup' },
]);

/** Each branch carries its arguments in `data`. */
const wrap = <V>(name: string, data: StructType<V>) => struct(`${name}Wrapper`, { data });

export const TransactionAction = union('TransactionAction', {
  base: { type: TransactionActionKind },
  discriminator: 'type',
  branches: {
    abort: wrap('Abort', struct('Abort', {})),
    'block-dirty-bitmap-add': wrap('BlockDirtyBitmapAdd', BlockDirtyBitmapAdd),
    'block-dirty-bitmap-remove': wrap('BlockDirtyBitmapRemove', BlockDirtyBitmap),
    'block-dirty-bitmap-clear': wrap('BlockDirtyBitmapClear', BlockDirtyBitmap),
    'block-dirty-bitmap-enable': wrap('BlockDirtyBitmapEnable', BlockDirtyBitmap),
    'block-dirty-bitmap-disable': wrap('BlockDirtyBitmapDisable', BlockDirtyBitmap),
    'block-dirty-bitmap-merge': wrap('BlockDirtyBitmapMerge', BlockDirtyBitmapMerge),
    'block-dirty-bitmap-set-persistent': wrap('BlockDirtyBitmapSetPersistent', BlockDirtyBitmapSetPersistent),
    'blockdev-backup': wrap('BlockdevBackup', BlockdevBackup),
    'blockdev-snapshot': wrap('BlockdevSnapshot', BlockdevSnapshot),
    'blockdev-snapshot-sync': wrap('BlockdevSnapshotSync', BlockdevSnapshotSync),
    'drive-backup': wrap('DriveBackup', DriveBackup),
  },
});
type Action = Infer<typeof TransactionAction>;

/** What preparing the action means. */
function prepareAction(machine: Machine, action: Action, txn: JobTxn | undefined): Prepared {
  switch (action.type) {
    case 'abort':
      throw transactionAborted(); // TXN-004
    case 'block-dirty-bitmap-add': {
      // TXN-005
      const added = addBitmap(machine, action.data);
      return { abort: undo(added, dropBitmap) };
    }
    case 'block-dirty-bitmap-remove': {
      const found = removableBitmap(machine, action.data);
      return outOfReach(found, () => dropBitmap(found));
    }
    case 'block-dirty-bitmap-clear': {
      // TXN-007
      const found = clearableBitmap(machine, action.data);
      const saved = found.bitmap.save();
      found.bitmap.clear();
      return {
        commit: () => bitmapChanged(found),
        abort: undo(found, ({ bitmap }) => bitmap.restore(saved)),
      };
    }
    case 'block-dirty-bitmap-enable':
      return switchBitmap(machine, action.data, true);
    case 'block-dirty-bitmap-disable':
      return switchBitmap(machine, action.data, false);
    case 'block-dirty-bitmap-merge': {
      // TXN-009
      const { bitmap } = findBitmap(machine, { node: action.data.node, name: action.data.target });
      const saved = bitmap.save();
      const found = mergeBitmaps(machine, action.data);
      return {
        commit: () => bitmapChanged(found),
        abort: undo(found, ({ bitmap }) => bitmap.restore(saved)),
      };
    }
    case 'block-dirty-bitmap-set-persistent': {
      const found = clearableBitmap(machine, action.data);
      if (action.data.persistent === found.bitmap.persistent) return {};
      // QBM-031: what is stored goes when that cannot be undone any more
      if (!action.data.persistent) return outOfReach(found, () => setPersistent(found, false));
      setPersistent(found, true);
      return { abort: undo(found, (now) => setPersistent(now, false)) };
    }
    // TXN-013
    case 'blockdev-backup':
      return startedLater({ job: createBackup(machine, action.data, txn) });
    case 'drive-backup':
      return startedLater(createDriveBackup(machine, action.data, txn));
    case 'blockdev-snapshot':
      return prepareSnapshot(machine, action.data);
    case 'blockdev-snapshot-sync':
      return prepareSnapshotSync(machine, action.data);
  }
}

/** @param unmake TXN-014 */
function startedLater({ job, unmake }: { job: BlockJob; unmake?: () => void }): Prepared {
  return {
    commit: () => job.start(),
    abort: () => {
      job.cancel(true);
      unmake?.();
    },
  };
}

/** TXN-003: puts back what the bitmap of that name had, also where an aborted backup left its successor in the place (JOB-046). */
function undo({ node, bitmap }: Found, putBack: (now: Found) => void): () => void {
  const name = bitmap.name!;
  return () => putBack({ node, bitmap: node.bitmap(name)! });
}

/** TXN-006: until the commit the bitmap is only out of reach. @throws Refusal if its stored copy cannot go */
function outOfReach({ node, bitmap }: Found, commit: () => void): Prepared {
  if (bitmap.persistent) node.driver.store?.checkRemove();
  bitmap.busy = true;
  const abort = (): void => {
    bitmap.busy = false;
  };
  return {
    commit: () => {
      abort();
      commit();
    },
    abort,
  };
}

function switchBitmap(machine: Machine, at: Infer<typeof BlockDirtyBitmap>, enabled: boolean): Prepared {
  // TXN-008
  const found = switchableBitmap(machine, at);
  const { bitmap } = found;
  const before = bitmap.enabled;
  bitmap.enabled = enabled;
  return {
    commit: () => bitmapChanged(found),
    abort: undo(found, (now) => {
      now.bitmap.enabled = before;
    }),
  };
}

/** Actions that may be in a transaction of any mode. */
const WITH_JOBS: ReadonlySet<Action['type']> = new Set(['abort', 'blockdev-backup', 'drive-backup']);

/** TXN-010: bitmap actions end with the transaction, so no mode but the individual one means anything for them. */
function checkCompletionMode(action: Action, mode: Infer<typeof ActionCompletionMode> | undefined): void {
  if (mode === 'grouped' && !WITH_JOBS.has(action.type)) throw completionMode({ action: action.type, mode });
}

export const TRANSACTION_COMMANDS = [
  define({
    name: 'transaction',
    doc: 'Runs actions of which all happen or none. They are prepared in order; the first that fails ends it, and what was prepared is taken back in reverse order.',
    args: struct('TransactionArguments', {
      actions: array(TransactionAction),
      properties: optional(TransactionProperties),
    }),
    returns: empty,
    rules: ['TXN-001', 'TXN-002', 'TXN-003', 'TXN-010', 'TXN-011', 'TXN-012', 'TXN-013', 'TXN-014'],
    // TXN-011: the types of all arguments have been checked by now; TXN-012: there may be no action
    execute(machine, { actions, properties }) {
      const mode = properties?.['completion-mode'];
      const txn = mode === 'grouped' ? new JobTxn() : undefined; // JOB-012
      runTransaction(
        actions.map(
          (action): Prepare =>
            () => {
              checkCompletionMode(action, mode);
              return prepareAction(machine, action, txn);
            },
        ),
      );
    },
  }),
];

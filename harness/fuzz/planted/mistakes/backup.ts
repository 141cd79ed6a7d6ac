/** Backups, and points in time. */
import { BlockCopy } from '../../../../spec/block/copy/block-copy.js';
import { BackupBitmap, BackupDriver } from '../../../../spec/job/backup.js';
import { onCommand } from '../command.js';
import type { Mistake } from '../mistake.js';
import { patch } from '../patch.js';

export const BACKUP: readonly Mistake[] = [
  {
    name: 'the bitmap of a backup that failed is cleared all the same',
    part: 'backup',
    like: '35d6b368f2',
    plant: () =>
      patch(
        BackupBitmap.prototype,
        'release',
        (release) =>
          function (this: BackupBitmap) {
            release.call(this, null);
          },
      ),
  },
  {
    name: 'the bitmap of a backup that was refused stays busy',
    part: 'backup',
    like: 'P1',
    plant: () => patch(BackupBitmap.prototype, 'unfreeze', () => () => {}),
  },
  {
    name: 'the last cluster is not copied where it is cut by the end of the disk',
    part: 'backup',
    like: '1048ddf0a3',
    plant: () =>
      patch(
        BlockCopy.prototype,
        'copyRange',
        (copy) =>
          function (this: BlockCopy, at: number, length: number) {
            const { size } = this.toCopy;
            const tail = Math.floor(size / this.cluster) * this.cluster;
            if (at + length <= tail) copy.call(this, at, length);
            else {
              if (at < tail) copy.call(this, at, tail - at);
              this.toCopy.unmark(tail, size - tail);
            }
          },
      ),
  },
  {
    name: 'progress is counted twice',
    part: 'backup',
    like: '90ab48eb07',
    plant: () =>
      patch(
        BlockCopy.prototype,
        'report',
        (report) =>
          function (this: BlockCopy, progress: { current: number; total: number }) {
            report.call(this, progress);
            progress.total *= 2;
          },
      ),
  },
  {
    name: 'of a group that fails the bitmaps of those that were done are cleared',
    part: 'backup',
    like: '35d6b368f2',
    plant: () =>
      patch(
        BackupDriver.prototype,
        'abort',
        (abort) =>
          function (this: BackupDriver) {
            const undo = patch(
              BackupBitmap.prototype,
              'release',
              (release) =>
                function (this: BackupBitmap, uncopied) {
                  release.call(this, uncopied?.count === 0 ? null : uncopied);
                },
            );
            try {
              abort.call(this);
            } finally {
              undo();
            }
          },
      ),
  },
  {
    name: 'the target of a backup that was refused is still held',
    part: 'backup',
    like: '4da26f138d',
    plant: onCommand((machine, request, go) => {
      try {
        return go();
      } catch (refusal) {
        const target = machine.graph.find(String(request.arguments?.target));
        if (request.name === 'blockdev-backup' && target !== undefined) target.pinned += 1;
        throw refusal;
      }
    }),
  },
  {
    name: 'a write over several clusters is copied before in its first one only',
    part: 'backup',
    like: 'P2',
    plant: () =>
      patch(
        BlockCopy.prototype,
        'copyRange',
        (copy) =>
          function (this: BlockCopy, at: number, length: number) {
            copy.call(this, at, Math.min(length, 1));
          },
      ),
  },
];

/** Backups, and points in time. */
import { BlockCopy } from '../../../../spec/block/copy/block-copy.js';
import { BackupBitmap } from '../../../../spec/job/backup.js';
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
];

/** Mirrors. */
import { Job } from '../../../../spec/job/job.js';
import { MirrorCopying } from '../../../../spec/job/mirror/copying.js';
import { onCommand } from '../command.js';
import type { Mistake } from '../mistake.js';
import { patch } from '../patch.js';

export const MIRROR: readonly Mistake[] = [
  {
    name: 'a soft cancel is a forced one, and the other way round',
    part: 'mirror',
    like: '401dd096ef',
    plant: () =>
      patch(
        Job.prototype,
        'cancel',
        (cancel) =>
          function (this: Job, force: boolean) {
            cancel.call(this, !force);
          },
      ),
  },
  {
    name: 'a write that goes to both takes all that it touches off the list',
    part: 'mirror',
    like: '9adc1cb49a',
    plant: () =>
      patch(
        MirrorCopying.prototype,
        'copyWrite',
        (copy) =>
          function (this: MirrorCopying, offset, length, bytes) {
            copy.call(this, offset, length, bytes);
            const { granularity } = this.toCopy;
            const start = Math.floor(offset / granularity) * granularity;
            const end = Math.min(Math.ceil((offset + length) / granularity) * granularity, this.toCopy.size);
            if (end > start) this.toCopy.unmark(start, end - start);
          },
      ),
  },
  {
    name: 'what the source has nothing of stays on the target as it was',
    part: 'mirror',
    like: 'cdf3bc934a',
    plant: () => patch(MirrorCopying.prototype, 'zeroTarget', () => () => true),
  },
  {
    name: 'a disk is mirrored to itself',
    part: 'mirror',
    like: '86fae10c64',
    plant: onCommand((_, request, go) => {
      const { device, target } = request.arguments ?? {};
      if (request.name === 'blockdev-mirror' && device !== undefined && device === target) return {};
      return go();
    }),
  },
];

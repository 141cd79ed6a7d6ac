/** Mirrors. */
import { Job } from '../../../../spec/job/job.js';
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
];

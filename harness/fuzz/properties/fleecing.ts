/** A point in time never changes, whatever the guest does and however it is read. */

import { playClient } from '../moves/exports.js';
import { FLEECING_MOVES, openMoment } from '../moves/fleecing.js';
import { readWhole } from '../moves/guest.js';
import { startServer } from '../moves/nbd/server.js';
import { lookAtAll } from '../moves/nodes.js';
import { goal } from '../reach/job-goals.js';
import { propertyOf } from './plan.js';

export const fleecing = propertyOf({
  name: 'fleecing',
  summary: 'a point in time never changes, in either kind of NBD reply',
  rules: ['REF-121', 'REF-122', 'REF-123'],
  goals: [
    goal('a guest writes what the moment has not copied yet', (_, action, answer) => {
      return answer.ok && action.verb === 'io' && action.node === 'filter' && action.request.op === 'write';
    }),
    goal('the moment is read through an export', (run) =>
      run.machine.exports.all.some(({ edge }) => edge.child.name === 'moment'),
    ),
    goal('the filter heeds a bitmap', (run) => (run.machine.graph.find('disk')?.bitmaps.length ?? 0) > 1),
  ],
  formats: ['raw', 'overlay'],
  about: ['command:block-export-add'],
  length: [6, 30],
  moves: [
    ...FLEECING_MOVES,
    {
      name: 'export of the moment',
      weight: 1,
      make(sketch) {
        if (!sketch.run.machine.exports.isServing) startServer(sketch);
        const id = sketch.fresh('e');
        if (sketch.run.machine.exports.all.length > 1) return;
        sketch.qmp('block-export-add', { type: 'nbd', id, 'node-name': 'moment', name: id });
      },
    },
    { name: 'client', weight: 4, make: (sketch) => playClient(sketch) },
  ],
  begin: openMoment,
  end(sketch) {
    readWhole(sketch, 'moment', 16);
    lookAtAll(sketch);
  },
});

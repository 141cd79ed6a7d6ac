/** What guests' devices hold: drives and media that come and go, and all that is named by a drive. For machines only. */
import { BITMAP_MOVES } from '../moves/bitmaps.js';
import { addController, DEVICE_MOVES, openDrive, queryBlock } from '../moves/devices.js';
import { EXPORT_MOVES } from '../moves/exports.js';
import { FILTER_MOVES } from '../moves/filters.js';
import { GUEST_MOVES } from '../moves/guest.js';
import { endJobs, JOB_MOVES } from '../moves/jobs.js';
import type { Move } from '../moves/move.js';
import { lookAtAll, NODE_MOVES, openDisk } from '../moves/nodes.js';
import { RESIZE_MOVES } from '../moves/resize.js';
import { DEVICE_GOALS } from '../reach/device-goals.js';
import { propertyOf } from './plan.js';

export const devices = propertyOf({
  name: 'devices',
  summary:
    'drives, devices and their media, and jobs, bitmaps and exports on what they hold; needs a machine',
  rules: ['REF-100', 'REF-103', 'REF-105', 'REF-109', 'REF-110', 'REF-111'],
  goals: DEVICE_GOALS,
  formats: ['overlay', 'raw'],
  requires: ['devices'],
  length: [8, 40],
  moves: [
    ...DEVICE_MOVES,
    ...rarely(NODE_MOVES, 0.3),
    ...rarely(EXPORT_MOVES, 0.2),
    ...rarely(BITMAP_MOVES, 0.2),
    ...rarely(RESIZE_MOVES, 0.4),
    ...rarely(FILTER_MOVES, 0.2),
    ...rarely(GUEST_MOVES, 0.4),
    ...rarely(JOB_MOVES, 0.3),
  ],
  begin(sketch) {
    if (sketch.draw.chance(0.9)) addController(sketch);
    for (let count = sketch.draw.int(1, 2); count > 0; count--) openDrive(sketch);
    if (sketch.draw.chance(0.7)) openDisk(sketch);
  },
  end(sketch) {
    endJobs(sketch);
    queryBlock(sketch);
    lookAtAll(sketch);
  },
});

function rarely(moves: readonly Move[], share: number): readonly Move[] {
  return moves.map((move) => ({ ...move, weight: move.weight * share }));
}

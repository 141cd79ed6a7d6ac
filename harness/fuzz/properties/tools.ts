/** Image tools against the model: whatever they say they have done, nothing is lost. */
import { CHANGES, playBitmap, playRequests } from '../moves/tools/change.js';
import { playFault } from '../moves/tools/faults.js';
import { LOOKS, readAllBack } from '../moves/tools/look.js';
import { MAKES, playCreate, playOverlay } from '../moves/tools/make.js';
import { isVague, mostlyClosed, observeImages, playLeave, SERVES } from '../moves/tools/server.js';
import { TOOL_GOALS } from '../reach/tool-goals.js';
import { propertyOf } from './plan.js';

export const tools = propertyOf({
  name: 'tools',
  summary: 'image tools, also between runs of a server and beside it: what they say they have done is done',
  rules: ['IMG-003', 'IMG-006', 'IMG-007', 'IMG-010', 'IMG-011', 'IMG-014', 'IMG-016'],
  goals: TOOL_GOALS,
  formats: ['overlay'],
  length: [8, 30],
  shun: isVague,
  moves: [...[...MAKES, ...CHANGES, ...LOOKS].map(mostlyClosed), ...SERVES],
  begin(sketch) {
    playCreate(sketch);
    playRequests(sketch);
    if (sketch.draw.chance(0.5)) playBitmap(sketch);
    playOverlay(sketch);
    if (sketch.draw.chance(0.4)) playBitmap(sketch);
    playRequests(sketch);
  },
  end(sketch) {
    playLeave(sketch);
    readAllBack(sketch);
    observeImages(sketch);
    if (sketch.can('driver:blkdebug') && sketch.draw.chance(0.35)) playFault(sketch);
  },
});

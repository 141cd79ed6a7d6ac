/** Stored bitmaps of images that stand on each other: none is lost, doubled or out of date, whatever is opened in which order. */
import { commandsOf } from '../commands.js';
import { openAction } from '../draw/actions.js';
import { diskSize } from '../draw/edges.js';
import { BITMAP_MOVES, observeAll } from '../moves/bitmaps.js';
import { GUEST_MOVES } from '../moves/guest.js';
import { endJobs } from '../moves/jobs.js';
import type { Move } from '../moves/move.js';
import { SYNC_MOVES } from '../moves/overlay/sync.js';
import { STORED_CHAIN_MOVES } from '../moves/stored-chain.js';
import { goal } from '../reach/job-goals.js';
import { propertyOf } from './plan.js';

function weighing(moves: readonly Move[], factor: number): readonly Move[] {
  return moves.map((move) => ({ ...move, weight: move.weight * factor }));
}

export const storedChain = propertyOf({
  name: 'stored-chain',
  summary: 'stored bitmaps of images that stand on each other, over snapshots, reopening, jobs and restarts',
  rules: ['BMP-012', 'BMP-013', 'REF-041', 'QBM-031'],
  goals: [
    goal('stored bitmaps on two images of a chain', (run) =>
      run.nodes.some(({ bitmaps, backing }) => hasStored(bitmaps) && hasStored(backing?.bitmaps ?? [])),
    ),
    goal('a stored bitmap is merged into another image', (_, action, answer) => {
      if (!answer.ok || action.verb !== 'qmp' || action.command !== 'block-dirty-bitmap-merge') return false;
      return !JSON.stringify(action.arguments?.bitmaps).includes(`"node":"${action.arguments?.node}"`);
    }),
    goal('a chain is opened again by its top alone', (run) =>
      run.machine.graph.nodes.some(({ name, bitmaps }) => name.startsWith('#') && hasStored(bitmaps)),
    ),
    goal('an image with bitmaps of its own comes over another one', (run, action, answer) => {
      if (!answer.ok) return false;
      return commandsOf(action).some(({ name, args }) => {
        if (name !== 'blockdev-snapshot-sync' || args.mode !== 'existing') return false;
        return hasStored(run.machine.graph.find(String(args['snapshot-node-name']))?.bitmaps ?? []);
      });
    }),
    goal('a stored bitmap is busy', (run) =>
      run.nodes.some(({ bitmaps }) => bitmaps.some(({ persistent, busy }) => persistent && busy)),
    ),
  ],
  formats: ['overlay'],
  length: [10, 36],
  moves: [
    ...STORED_CHAIN_MOVES,
    ...weighing(SYNC_MOVES, 1.5),
    ...weighing(BITMAP_MOVES, 0.35),
    ...weighing(GUEST_MOVES, 0.5),
  ],
  begin(sketch) {
    sketch.play(openAction(sketch.fresh('disk'), diskSize(sketch.draw), { backing: null }));
    for (const { make, name } of STORED_CHAIN_MOVES) if (name === 'stored bitmap') make(sketch);
  },
  end(sketch) {
    endJobs(sketch);
    observeAll(sketch);
    for (const { make, name } of STORED_CHAIN_MOVES) if (name === 'restart of a chain') make(sketch);
  },
});

function hasStored(bitmaps: readonly { readonly persistent: boolean }[]): boolean {
  return bitmaps.some(({ persistent }) => persistent);
}

/** The crash states find mistakes that are planted, each within so many states. */
import fc from 'fast-check';
import t from 'tap';
import { Campaign } from './campaign-for-tests.js';
import { histories } from './history-for-tests.js';
import { MISTAKES, type Mistake } from './mistakes-for-tests.js';
import { Broken, prepareBeginnings } from './run-for-tests.js';

/** States; most mistakes show after some hundred. */
const BOUND = 30000;
const SEED = 41;

/** The first promise that is broken in the way in which the mistake has to show, or null. */
function search(campaign: Campaign, { spoil, plant, shows }: Mistake): Broken | null {
  const takeOut = plant?.();
  try {
    for (let seed = SEED; campaign.counts.states < BOUND; seed++) {
      for (const history of fc.sample(histories(seed % 4 === 3), { seed, numRuns: 5 })) {
        const broken = brokenBy(() => campaign.run(history, seed, spoil));
        if (broken !== null && shows.test(broken.message)) return broken;
      }
    }
    return null;
  } finally {
    takeOut?.();
  }
}

function brokenBy(use: () => void): Broken | null {
  try {
    use();
    return null;
  } catch (error) {
    if (error instanceof Broken) return error;
    throw error;
  }
}

/** Milliseconds for each state that may be looked at, a hundred times what it takes. */
t.setTimeout(MISTAKES.length * BOUND * 100);

prepareBeginnings();
for (const mistake of MISTAKES) {
  t.test(`${mistake.rule}: found if ${mistake.what}`, (t) => {
    const campaign = new Campaign();
    const broken = search(campaign, mistake);
    const [first] = (broken?.message ?? 'not found').split('\n');
    t.comment(`after ${campaign.counts.states} states: ${first}`);
    t.ok(broken, `within ${BOUND} states`);
    t.end();
  });
}

/**
 * Random histories of QBM images, and every disk that a crash at any point of them may leave. How many states at least is
 * `QBM_CRASH_STATES` (default 20000), from which seed `QBM_CRASH_SEED`; a million, after a build:
 *
 *     QBM_CRASH_STATES=1000000 node dist/spec/qmp/crash/crash.test.js
 */
import fc from 'fast-check';
import t from 'tap';
import { Campaign } from './campaign-for-tests.js';
import { histories } from './history-for-tests.js';

const WANTED = Number(process.env.QBM_CRASH_STATES ?? 20000);
const SEED = Number(process.env.QBM_CRASH_SEED ?? 2016);
/** Histories between two looks at how many states there were. */
const BATCH = 10;

/** Milliseconds, a hundred times what a state takes. */
t.setTimeout(WANTED * 100);

t.test('QBM-033, QBM-034, QBM-036, QBM-037: whatever a crash leaves keeps what was promised', (t) => {
  const campaign = new Campaign();
  for (let batch = 0; campaign.distinct < WANTED; batch++) {
    const seed = SEED + batch;
    const property = fc.property(histories(batch % 4 === 3), (history) => campaign.run(history, seed));
    fc.assert(property, { seed, numRuns: BATCH });
  }
  const { counts, distinct } = campaign;
  t.comment(`${distinct} distinct states: ${JSON.stringify(counts)}`);
  t.ok(distinct >= WANTED);
  t.end();
});

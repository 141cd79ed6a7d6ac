/**
 * Random histories of the graph: after every command nothing is that must not be (REF-011), a refused one has changed
 * nothing (REF-021), disks read as a chain of maps says (REF-031, REF-038), and stored bitmaps are there at the end
 * (REF-041). More of them: QBM_GRAPH_HISTORIES=100000 node dist/spec/qmp/graph/graph-history.test.js
 */
import fc from 'fast-check';
import t from 'tap';
import { histories } from './graph-history-for-tests.js';
import { GraphRun } from './graph-run-for-tests.js';

const RUNS = Number(process.env.QBM_GRAPH_HISTORIES ?? 2000);
/** milliseconds for one; far more than it takes */
const LIMIT = 500;
const SEED = Number(process.env.QBM_GRAPH_SEED ?? 8811);

t.setTimeout(RUNS * LIMIT);
t.test(`${RUNS} random histories of the graph (REF-011, REF-021)`, { timeout: RUNS * LIMIT }, (t) => {
  const done = new Map<string, number>();
  let steps = 0;
  fc.assert(
    fc.property(histories({ format: 'qbm', beside: false }, 24), (history) => {
      const run = new GraphRun();
      for (const step of history) run.play(step);
      run.end();
      steps += history.length;
      for (const [name, count] of run.done) done.set(name, (done.get(name) ?? 0) + count);
    }),
    { numRuns: RUNS, seed: SEED },
  );
  t.comment(`${steps} steps; done: ${[...done].map(([name, count]) => `${name} ${count}`).join(', ')}`);
  // A command that was always refused would not be tested at all.
  for (const name of [
    'blockdev-add',
    'blockdev-del',
    'blockdev-reopen',
    'blockdev-snapshot',
    'blockdev-snapshot-sync',
    'change-backing-file',
    'block_resize',
    'transaction',
  ]) {
    t.ok((done.get(name) ?? 0) > RUNS / 1000, name);
  }
  t.end();
});

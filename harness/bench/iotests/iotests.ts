/**
 * The cases that stand for QEMU's own tests, as a person runs them, beside these tests themselves: `QBM_QEMU_TREE` names a
 * source tree of QEMU, whose `check` is then run over the same tests.
 */
import { loadSuite } from '../../case/load/load.js';
import { ProblemError } from '../../case/load/problem.js';
import { alternate } from '../alternate.js';
import {
  type Bar,
  type Bench,
  type BenchContext,
  type Comparison,
  comparison,
  type Section,
} from '../bench.js';
import { type Check, findCheck, runCheck } from './check.js';
import { runQbm } from './qbm-run.js';

/** Those of QEMU's tests of chains, jobs and image tools that the cases follow. */
const TESTS: readonly string[] = (
  '004 017 018 019 020 024 025 027 028 030 034 037 038 040 041 050 055 056 069 072 086 095 096 097 099 110 129 132 ' +
  '139 140 141'
).split(' ');

const ON_QEMU: Bar = { of: 'first', at: 'most', value: 10_000 };
const ON_REFERENCE: Bar = { of: 'first', at: 'most', value: 2_000 };

export const iotestsBench: Bench = {
  name: 'iotests',
  summary: "the cases that stand for QEMU's own tests; beside `check`, with QBM_QEMU_TREE=DIR",
  async *run(context) {
    const { cases, problems } = loadSuite(context.places.cases);
    if (problems.length > 0) throw new ProblemError(problems);
    const models = new Set(cases.flatMap((found) => found.models));
    const followed = TESTS.filter((test) => models.has(`iotests ${test}`));
    if (followed.length > 0) yield await measure(followed, findCheck(process.env), context);
  },
};

async function measure(
  tests: readonly string[],
  check: Check | null,
  context: BenchContext,
): Promise<Section> {
  const { quick, signal, places, qemus } = context;
  const chosen = quick ? tests.slice(0, 3) : tests;
  const runs = [
    { target: 'reference', jobs: 1, bar: ON_REFERENCE },
    ...qemus.flatMap(({ name }) => [1, 2].map((jobs) => ({ target: name, jobs, bar: ON_QEMU }))),
  ];
  const rows: Comparison[] = [];
  for (const { target, jobs, bar } of runs) {
    const what = jobs === 1 ? target : `${target} --jobs ${jobs}`;
    const ours = (): Promise<number> => runQbm(places, chosen, { target, jobs }, signal);
    const theirs = (): Promise<number> =>
      check === null ? Promise.resolve(0) : runCheck(check, chosen, signal);
    const pairs = await alternate(ours, theirs, { warmUps: 0, pairs: quick ? 1 : 3 }, signal);
    const row = comparison(what, pairs, { bar });
    rows.push(check === null ? { ...row, second: null, ratio: null } : row);
  }
  return section(rows, chosen, check);
}

function section(rows: readonly Comparison[], tests: readonly string[], check: Check | null): Section {
  const beside =
    check === null
      ? ' QBM_QEMU_TREE names no source tree of QEMU, so there is nothing beside it.'
      : ` Beside it: ${check.program}.`;
  return {
    title: `iotests: cases for ${tests.length} of QEMU's own tests`,
    sides: ['qbm run', 'check'],
    rows,
    measured:
      'the whole command, from its start to its end: `qbm run iotests:NNN… --format all`, and `check -qcow2 NNN…` with the ' +
      `programs that are installed (QEMU_PROG and its like are passed on).${beside}`,
    why:
      'check starts a virtual machine for most of its subtests and waits for artificial delays; the cases share a ' +
      'process, and wait for events.',
  };
}

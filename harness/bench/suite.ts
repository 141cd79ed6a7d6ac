/** All cases on QEMU against the same cases on the reference in this process, through the runner. */
import type { Case } from '../case/case.js';
import { loadSuite } from '../case/load/load.js';
import { ProblemError } from '../case/load/problem.js';
import { parseTarget } from '../target/parse.js';
import type { Identity } from '../target/target.js';
import { alternate } from './alternate.js';
import {
  type Bar,
  type Bench,
  type BenchContext,
  type Comparison,
  comparison,
  type Section,
} from './bench.js';
import { runCold } from './cold.js';
import { FORMAT, runSuite } from './run-suite.js';
import { spread } from './stats.js';
import { TimedChoice } from './timed-choice.js';

const AT_LEAST: Bar = { at: 'least', value: 10 };
/** A run on the reference is short, so that one would say more of the machine's moment than of the code. */
const WARM_RUNS = 4;
/** So many cases are enough for a look. */
const QUICK_CASES = 40;

export const suiteBench: Bench = {
  name: 'suite',
  summary: 'all cases on QEMU against the same cases on the reference in this process',
  async *run(context) {
    const { cases, problems } = loadSuite(context.places.cases);
    if (problems.length > 0) throw new ProblemError(problems);
    if (context.qemus.length > 0) yield await measure(cases, context);
  },
};

async function measure(all: readonly Case[], context: BenchContext): Promise<Section> {
  const reference = new TimedChoice(parseTarget('reference'));
  const qemus = context.qemus.map((choice) => new TimedChoice(choice));
  const shared = await sharedCases(all, [reference, ...qemus], context);

  // Once all of them: to know which cannot be compared, and to have the code of the harness compiled.
  const spoilt = new Set<string>();
  for (const choice of [reference, ...qemus]) {
    const ran = await runSuite(choice, shared, context.places.goldens, context.signal);
    for (const id of ran.spoilt) spoilt.add(id);
  }
  const cases = shared.filter(({ id }) => !spoilt.has(id));
  if (cases.length === 0)
    throw new Error('every case costs some target its process, or fails in the harness');
  const rows: Comparison[] = [];
  for (const qemu of qemus) rows.push(...(await rowsOf(qemu, reference, cases, context)));
  return section(rows, { all: all.length, run: cases.length, spoilt: spoilt.size });
}

/** The cases that every target can run. @throws Error when there are none @throws TargetFault */
async function sharedCases(
  all: readonly Case[],
  choices: readonly TimedChoice[],
  { quick, places }: BenchContext,
): Promise<Case[]> {
  const identities: Identity[] = [];
  for (const choice of choices) identities.push(await choice.identify());
  const shared = all.filter((found) => identities.every((identity) => canRun(found, identity)));
  if (shared.length === 0) {
    const names = choices.map(({ name }) => name).join(', ');
    throw new Error(`no case in ${places.cases} can run on all of ${names}`);
  }
  if (!quick) return shared;
  const step = Math.ceil(shared.length / QUICK_CASES);
  return shared.filter((_, index) => index % step === 0);
}

function canRun({ formats, requires }: Case, identity: Identity): boolean {
  return formats.includes(FORMAT) && requires.every((name) => identity.capabilities.has(name));
}

async function rowsOf(
  qemu: TimedChoice,
  reference: TimedChoice,
  cases: readonly Case[],
  { quick, signal, places }: BenchContext,
): Promise<Comparison[]> {
  const ids = cases.map(({ id }) => id);
  const starts: number[] = [];
  const colds: number[] = [];
  const onQemu = async (): Promise<number> => {
    const { ms } = await runSuite(qemu, cases, places.goldens, signal);
    starts.push(qemu.startMs);
    return ms;
  };
  const onReference = async (): Promise<number> => {
    colds.push(await runCold(places, ids, signal));
    let ms = 0;
    for (let i = 0; i < WARM_RUNS; i++) {
      ms += (await runSuite(reference, cases, places.goldens, signal)).ms;
    }
    return ms / WARM_RUNS;
  };
  const pairs = await alternate(onQemu, onReference, { warmUps: 0, pairs: quick ? 1 : 3 }, signal);
  const cold = pairs.map(({ first }, at) => ({ first, second: colds[at]! }));
  const running = pairs.map(({ first, second }, at) => ({ first: first - starts[at]!, second }));
  return [
    comparison(`${qemu.name}, cold`, cold, { bar: AT_LEAST }),
    comparison(`${qemu.name}, again`, pairs, { bar: AT_LEAST }),
    comparison('  without its start', running),
    {
      what: '  its start alone',
      unit: 'ms',
      first: spread(starts),
      second: null,
      ratio: null,
      repeated: starts.length,
    },
  ];
}

function section(rows: readonly Comparison[], cases: { all: number; run: number; spoilt: number }): Section {
  const which = cases.run === cases.all ? `all ${cases.all} cases` : `${cases.run} of the ${cases.all} cases`;
  const spoilt =
    cases.spoilt === 0
      ? ''
      : ` ${cases.spoilt} that cost a target its process, or that fail in the harness, are left out.`;
  return {
    title: 'suite: the cases on QEMU and on the reference in this process',
    sides: ['QEMU', 'reference'],
    rows,
    measured:
      `a run of ${which}, one after the other, compared with the goldens. Starting and ending QEMU is a part of it; ` +
      'starting Node, loading the code and reading the case files is not. "Cold" is the reference by code that never ' +
      `ran before, in a new thread, as in a run from the command line; "again" is the mean of ${WARM_RUNS} runs by ` +
      `code that did, as in a long campaign.${spoilt}`,
    why:
      'a step on the reference is a call; on QEMU it is a message there and back, and where a case does guest I/O or ' +
      'looks at bitmaps, an NBD export is made, asked and removed, which takes several messages.',
  };
}

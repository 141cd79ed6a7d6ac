/** All cases on QEMU against the same cases on the reference in this process, through the runner. */
import type { Case } from '../case/case.js';
import { loadSuite } from '../case/load/load.js';
import { ProblemError } from '../case/load/problem.js';
import { Interrupted } from '../case/run/guard.js';
import type { ResultLine } from '../case/run/results.js';
import { run } from '../case/run/run.js';
import { errorId } from '../cli/known.js';
import { limits } from '../cli/options.js';
import { parseTarget } from '../target/parse.js';
import type { Identity } from '../target/target.js';
import { alternate, type Measure } from './alternate.js';
import {
  type Bar,
  type Bench,
  type BenchContext,
  type Comparison,
  comparison,
  type Section,
} from './bench.js';
import { spread } from './stats.js';
import { TimedChoice } from './timed-choice.js';

const AT_LEAST: Bar = { at: 'least', value: 10 };
const FORMAT = 'raw';
/** Faults that cost the target its process: it is started anew for the next case. */
const LETHAL = /^(crash|hang|garbage):/;
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
  const cases = await sharedCases(all, [reference, ...qemus], context);

  // Once all of them, the reference first: its code is as cold as in a real run, that of the harness too.
  const cold = await runAll(reference, cases, context);
  const lethal = new Set(cold.lethal);
  const rows: Comparison[] = [];
  for (const qemu of qemus) {
    const ran = await runAll(qemu, cases, context);
    for (const id of ran.lethal) lethal.add(id);
    rows.push(comparison(`${qemu.name}, all, cold`, [{ first: ran.ms, second: cold.ms }], { bar: AT_LEAST }));
  }
  const rest = cases.filter(({ id }) => !lethal.has(id));
  if (rest.length > 0) {
    for (const qemu of qemus) rows.push(...(await repeated(rest, qemu, reference, context)));
  }
  return section(rows, { all: all.length, run: cases.length, lethal: lethal.size });
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

async function repeated(
  cases: readonly Case[],
  qemu: TimedChoice,
  reference: TimedChoice,
  context: BenchContext,
): Promise<Comparison[]> {
  const starts: number[] = [];
  const onQemu: Measure = async () => {
    const { ms, startMs } = await runAll(qemu, cases, context);
    starts.push(startMs);
    return ms;
  };
  const onReference: Measure = async () => (await runAll(reference, cases, context)).ms;
  const times = { warmUps: 0, pairs: context.quick ? 1 : 5 };
  const pairs = await alternate(onQemu, onReference, times, context.signal);
  const running = pairs.map(({ first, second }, at) => ({ first: first - starts[at]!, second }));
  const start: Comparison = {
    what: '  its start alone',
    unit: 'ms',
    first: spread(starts),
    second: null,
    ratio: null,
    repeated: starts.length,
  };
  return [
    comparison(`${qemu.name}, again`, pairs, { bar: AT_LEAST }),
    start,
    comparison('  without its start', running),
  ];
}

function section(rows: readonly Comparison[], cases: { all: number; run: number; lethal: number }): Section {
  const which = cases.run === cases.all ? `all ${cases.all} cases` : `${cases.run} of the ${cases.all} cases`;
  const lethal =
    cases.lethal === 0
      ? ''
      : ` ${cases.lethal} of them cost QEMU its process, which is then started anew: only the rows "all" have these.`;
  return {
    title: 'suite: the cases on QEMU and on the reference in this process',
    sides: ['QEMU', 'reference'],
    rows,
    measured:
      `a run of ${which}, one after the other, compared with the goldens. Starting and ending QEMU is a part of it; ` +
      `starting Node, loading the code and reading the case files is not.${lethal}`,
    why:
      'a step on the reference is a call; on QEMU it is a message there and back, and where a case does guest I/O or ' +
      'looks at bitmaps, an NBD export is made, asked and removed, which takes several messages.',
  };
}

interface Ran {
  readonly ms: number;
  /** how much of it the target took to start, for the first time */
  readonly startMs: number;
  /** ids of the cases that cost the target its process */
  readonly lethal: readonly string[];
}

/** Runs the cases on a target that is made for it, and closed after it. @throws Interrupted */
async function runAll(choice: TimedChoice, cases: readonly Case[], context: BenchContext): Promise<Ran> {
  const { signal, places } = context;
  const lethal: string[] = [];
  const started = performance.now();
  const { interrupted, results } = await run({
    cases,
    targets: [choice],
    format: FORMAT,
    jobs: 1,
    ...limits({ limit: 30, jobs: 1 }),
    signal,
    goldens: places.goldens,
    out: null,
    expectedFor: () => [],
    errorId,
    onResult: (result: ResultLine) => {
      if (LETHAL.test(result.fault ?? '')) lethal.push(result.case);
    },
  });
  const ms = performance.now() - started;
  if (interrupted) throw new Interrupted();
  const broken = results.find(({ verdict }) => verdict === 'error');
  if (broken !== undefined) throw new Error(`${broken.case} on ${choice.name}: ${broken.reason}`);
  return { ms, startMs: choice.startMs, lethal };
}
